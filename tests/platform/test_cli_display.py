"""The display of a run: what it adds up, what it estimates, and that it fits its terminal."""

from __future__ import annotations

import io

import pytest
from palaestra.display import RunStatus, amount, duration, live_view, shown, summary, trial_line
from palaestra.progress import LessonProgress, TrialProgress
from rich.console import Console


def waiting(arm: str, seed: int, budget: int = 1000) -> TrialProgress:
    return TrialProgress(arm, seed, "waiting", budget=budget)


def running(arm: str, seed: int, steps: int, remaining: float, budget: int = 1000) -> TrialProgress:
    return TrialProgress(
        arm, seed, "running", 3, steps, budget, 123.4, 0.5, 0.25, 0.75, lessons=12, remaining=remaining
    )


def test_a_message_changes_only_what_it_says() -> None:
    status = RunStatus("run", [waiting("a", 0)], jobs=1)
    status.update(TrialProgress("a", 0, "running", message="starting"))
    assert status.trials["a", 0] == TrialProgress("a", 0, "running", budget=1000, message="starting")
    status.update(running("a", 0, 400, 60.0))
    status.update(TrialProgress("a", 0, "failed", message="no memory"))
    failed = status.trials["a", 0]
    assert (failed.status, failed.steps, failed.evaluation, failed.message) == ("failed", 400, 0.75, "no memory")


def test_the_last_evaluation_stays_shown_while_a_resumed_trial_has_none() -> None:
    known = TrialProgress("a", 0, "waiting", steps=500, budget=1000, evaluation=0.9)
    status = RunStatus("run", [known], jobs=1)
    status.update(TrialProgress("a", 0, "running", steps=600, budget=1000))
    assert status.trials["a", 0].evaluation == 0.9


@pytest.mark.parametrize(
    ("jobs", "expected"),
    # 900 steps at 0.1 s are left of the first, 500 of the second; two trials of 1000 wait.
    [(1, 340.0), (2, 190.0), (3, 150.0), (4, 100.0)],
)
def test_remaining_time_is_that_of_the_job_that_ends_last(jobs: int, expected: float) -> None:
    first, second = running("a", 0, 100, 90.0), running("a", 1, 500, 50.0)
    if jobs == 1:
        second = TrialProgress("a", 1, "waiting", steps=500, budget=1000)
    status = RunStatus("run", [first, second, waiting("b", 0), waiting("b", 1)], jobs)
    assert status.remaining() == pytest.approx(expected)


def test_remaining_time_without_a_speed_is_unknown_and_at_the_end_nothing() -> None:
    assert RunStatus("run", [waiting("a", 0)], jobs=2).remaining() is None
    done = TrialProgress("a", 0, "done", steps=1000, budget=1000, remaining=0.0)
    failed = TrialProgress("a", 1, "failed", steps=10, budget=1000, remaining=99.0)
    assert RunStatus("run", [done, failed], jobs=2).remaining() == 0.0


def test_lines_tell_once_that_a_teacher_is_done_and_a_trial_begins_and_ends() -> None:
    out = io.StringIO()
    status = RunStatus("run", [waiting("a", 0), waiting("b", 0)], jobs=2)
    asked = LessonProgress("hash", ("a",), 8, kept=6, dropped=2, calls=11, failures={"not_json": 2})
    with shown(status, Console(file=out, width=40)) as tell:
        tell(LessonProgress("hash", ("a",), 8, kept=1, calls=1))
        tell(asked)
        tell(asked)
        tell(running("a", 0, 0, 60.0))
        tell(running("a", 0, 100, 60.0))
        tell(TrialProgress("a", 0, "failed", message="no memory"))
    lines = [line.partition("] ")[2] for line in out.getvalue().splitlines()]
    assert lines == [
        "2 trials (arms a, b), up to 2 at a time",
        "teacher of a: 8 of 8 levels asked, 6 lessons, 11 calls, 2 failed (not_json 2)",
        "a seed 0 running: 0 of 1,000 steps (0%), 123 steps/s, return 0.50, success 0.25, alone 0.75, 12 lessons",
        "a seed 0 failed: 100 of 1,000 steps (10%), 123 steps/s, return 0.50, success 0.25, alone 0.75, 12 lessons: "
        "no memory",
    ]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (112, 50), (80, 10)])
def test_the_live_view_fits_the_terminal(width: int, height: int) -> None:
    out = io.StringIO()
    console = Console(file=out, width=width, height=height, force_terminal=True, color_system=None)
    trials = [waiting(arm, seed, 15_000_000) for arm in ("position", "reward-only") for seed in range(9)]
    status = RunStatus("beacons-keycorridor", trials, jobs=2)
    status.update(running("reward-only", 8, 1_234_567, 5000.0, 15_000_000))
    status.update(TrialProgress("reward-only", 7, "failed", message="no memory"))
    status.update(LessonProgress("hash", ("position",), 1000, kept=612, dropped=7, calls=640, failures={"timeout": 7}))
    console.print(live_view(status, console))
    lines = out.getvalue().splitlines()
    assert len(lines) < height
    assert max(map(len, lines)) <= width
    assert "…" not in "".join(lines[3:])
    shown_trials = [line for line in lines if line.startswith(("position", "reward-only"))]
    assert any(line.startswith("reward-only") and " 1.23 M " in line and "1:23:20" in line for line in shown_trials)
    assert "reward-only seed 7 failed: no memory" in lines
    assert "612 lessons" in out.getvalue()
    hidden = len(trials) - sum(" seed " not in line for line in shown_trials)
    assert (f"and {hidden} more trials" in out.getvalue()) == (hidden > 0) == (height < 50)


def test_the_summary_tells_time_left_and_stopping() -> None:
    status = RunStatus("run", [running("a", 0, 100, 90.0)], jobs=1)
    assert "at most about 1:30 left" in summary(status)
    status.update(running("a", 0, 1000, 0.0))
    assert "at most about 0:00 left" in summary(status)
    status.stop()
    assert "stopping after this iteration" in summary(status)


def test_words() -> None:
    assert [amount(number) for number in (0, 950, 9_999, 12_345, 1_250_000)] == ["0", "950", "9,999", "12 k", "1.25 M"]
    assert [duration(seconds) for seconds in (None, 0, 42.4, 725, 11_220)] == ["-", "0:00", "0:42", "12:05", "3:07:00"]
    assert trial_line(TrialProgress("a", 2, "running", message="starting")) == "a seed 2 running: starting"
