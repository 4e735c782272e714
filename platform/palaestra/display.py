"""Shows how far a run is: a live table in a terminal, now and then a few lines of text anywhere else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from palaestra.progress import LessonProgress, Listener, TrialProgress

if TYPE_CHECKING:
    from rich.console import Console, Group
    from rich.table import Table
    from rich.text import Text

    from palaestra.run import Run

SECONDS_BETWEEN_LINES = 10.0
FRAMES_PER_SECOND = 4.0
STARTING = "starting (compiled code is kept, so only the first time takes long)"
MOST_FAILURES = 3
"""Failed trials whose message a terminal shows."""
NARROW = 112
"""Columns of a terminal below which the table leaves some of its own out."""


class RunStatus:
    """What is known of a run's trials and teachers; a listener for `trials.execute`.

    Args:
        name: of the run.
        trials: all of them, as they stand before the execution.
        jobs: trials that are done at the same time.
    """

    def __init__(self, name: str, trials: list[TrialProgress], jobs: int) -> None:
        self.name = name
        self.trials = {(trial.arm, trial.seed): trial for trial in trials}
        self.teachers: dict[str, LessonProgress] = {}
        self.jobs = jobs
        self.stopping = False
        self.began = time.monotonic()
        self._asking_began: dict[str, tuple[float, int]] = {}
        self._pace: dict[tuple[str, int], float] = {}
        for trial in trials:
            self._keep_pace(trial)

    def update(self, message: TrialProgress | LessonProgress) -> None:
        """Takes in a message; what it does not say stays as it was."""
        if isinstance(message, LessonProgress):
            self.teachers[message.teacher] = message
            self._asking_began.setdefault(message.teacher, (time.monotonic(), message.kept + message.dropped))
            return
        key = message.arm, message.seed
        known = self.trials.get(key)
        if known is not None and message.budget == 0:
            message = replace(known, status=message.status, message=message.message)
        elif known is not None and message.evaluation is None:
            message = replace(message, evaluation=known.evaluation)
        self.trials[key] = message
        self._keep_pace(message)

    def _keep_pace(self, trial: TrialProgress) -> None:
        """A trial's last seconds per step stand for those of trials that have not begun, also once it is done."""
        if trial.remaining and trial.budget > trial.steps:
            self._pace[trial.arm, trial.seed] = trial.remaining / (trial.budget - trial.steps)

    def stop(self) -> None:
        """The run is being stopped. Safe in a signal's handler."""
        self.stopping = True

    def count(self, status: str) -> int:
        return sum(trial.status == status for trial in self.trials.values())

    @property
    def seconds(self) -> float:
        """Since the execution began."""
        return time.monotonic() - self.began

    def remaining(self) -> float | None:
        """Seconds until all trials have spent their budgets, as it looks now; None while nothing is known.

        Trials that stop when they have reached a success end earlier.
        """
        unfinished = [trial for trial in self.trials.values() if trial.status in ("waiting", "running", "interrupted")]
        if not unfinished:
            return 0.0
        if not self._pace:
            return None
        mean = sum(self._pace.values()) / len(self._pace)
        running = [trial for trial in unfinished if trial.status == "running"]
        ends = [_left(trial, mean) for trial in running]
        ends += [0.0] * (self.jobs - len(ends))
        for trial in unfinished:
            if trial.status != "running":
                # It begins where a job is free first.
                first = min(range(len(ends)), key=ends.__getitem__)
                ends[first] += _left(trial, mean)
        return self.asking_remaining() + max(ends)

    def asking_remaining(self) -> float:
        """Seconds until the teachers that are being asked are done."""
        total = 0.0
        for teacher in self.teachers.values():
            answered = teacher.kept + teacher.dropped
            since, before = self._asking_began[teacher.teacher]
            if not teacher.message and before < answered < teacher.levels:
                total += (time.monotonic() - since) / (answered - before) * (teacher.levels - answered)
        return total


def _left(trial: TrialProgress, seconds_per_step: float) -> float:
    """Seconds that a trial still needs; from other trials' speed until its own is known."""
    return trial.remaining if trial.remaining is not None else (trial.budget - trial.steps) * seconds_per_step


def status_of(run: Run, jobs: int) -> RunStatus:
    """How a run stands before it is executed.

    Raises:
        StoreError: its store cannot be read.
    """
    with run.open_store(read_only=True) as store:
        rows = store.trials()
        newest = store.query(
            "SELECT trial, success FROM evaluations AS e WHERE mode = 'alone' AND iteration = "
            "(SELECT max(iteration) FROM evaluations WHERE trial = e.trial AND mode = 'alone')"
        )
    evaluations: dict[int, float | None] = dict(newest)
    wanted = {(arm, seed) for arm in run.spec.arm_names for seed in run.spec.seed_list}
    trials = [
        TrialProgress(
            arm=row.arm,
            seed=row.seed,
            status="done" if row.status == "done" else "waiting",
            steps=row.steps,
            budget=run.spec.arm(row.arm).budget.steps,
            evaluation=evaluations.get(row.id),
        )
        for row in rows
        if (row.arm, row.seed) in wanted
    ]
    return RunStatus(run.spec.name, trials, jobs)


@contextmanager
def shown(status: RunStatus, console: Console) -> Iterator[Listener]:
    """Shows a run's status for as long as it lasts; gives the listener to hand to `trials.execute`."""
    if console.is_terminal:
        from rich.live import Live

        with Live(
            get_renderable=lambda: live_view(status, console),
            console=console,
            refresh_per_second=FRAMES_PER_SECOND,
        ):
            yield status.update
    else:
        lines = Lines(status, console)
        lines.begin()
        yield lines.update
        lines.finish()


# ---------------------------------------------------------------------------------------------- in words


def amount(number: float) -> str:
    """A count in few characters: 950, 12 k, 1.25 M."""
    if number < 10_000:
        return f"{number:,.0f}"
    return f"{number / 1e3:,.0f} k" if number < 1e6 else f"{number / 1e6:,.2f} M"


def duration(seconds: float | None) -> str:
    """A time as a clock shows it: 0:42, 12:05, 3:07:00."""
    if seconds is None:
        return "-"
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def summary(status: RunStatus) -> str:
    """One line about the whole run."""
    parts = [f"{status.count('done')} of {len(status.trials)} trials done"]
    if failed := status.count("failed"):
        parts.append(f"{failed} failed")
    parts.append(f"{duration(status.seconds)} gone")
    if status.stopping:
        parts.append("stopping after this iteration (Ctrl-C again: at once)")
    elif status.count("waiting") or status.count("running"):
        remaining = status.remaining()
        beginning = "asking" if status.asking_remaining() else STARTING
        parts.append(beginning if remaining is None else f"at most about {duration(remaining)} left")
    return ", ".join(parts)


def teacher_line(teacher: LessonProgress) -> str:
    """One line about a teacher: levels, calls, failures by kind."""
    asked = teacher.kept + teacher.dropped
    text = (
        f"teacher of {', '.join(teacher.arms)}: {asked:,} of {teacher.levels:,} levels asked, "
        f"{_counted(teacher.kept, 'lesson')}, {_counted(teacher.calls, 'call')}"
    )
    if teacher.dropped:
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in sorted(teacher.failures.items()))
        text += f", {teacher.dropped:,} failed" + (f" ({kinds})" if kinds else "")
    why = {"budget": "its budget is spent", "unavailable": "the model does not answer"}
    return text + (f"; ended early: {why.get(teacher.message, teacher.message)}" if teacher.message else "")


def trial_line(trial: TrialProgress) -> str:
    """One line about a trial."""
    share = trial.steps / trial.budget if trial.budget else 0.0
    parts = [f"{trial.steps:,} of {trial.budget:,} steps ({share:.0%})"]
    if trial.steps_per_second is not None:
        parts.append(f"{trial.steps_per_second:,.0f} steps/s")
    for name, value in (("return", trial.episode_return), ("success", trial.success), ("alone", trial.evaluation)):
        if value is not None:
            parts.append(f"{name} {value:.2f}")
    if trial.lessons:
        parts.append(_counted(trial.lessons, "lesson"))
    if not trial.steps and trial.message:
        return f"{trial.arm} seed {trial.seed} {trial.status}: {trial.message}"
    text = f"{trial.arm} seed {trial.seed} {trial.status}: {', '.join(parts)}"
    return f"{text}: {trial.message}" if trial.message else text


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


class Lines:
    """Prints lines about whatever changed, at most every few seconds, and at once when a trial begins or ends."""

    def __init__(self, status: RunStatus, console: Console) -> None:
        self._status = status
        self._console = console
        self._printed = status.began
        self._changed: dict[tuple[str, int] | str, TrialProgress | LessonProgress] = {}
        self._begun: set[tuple[str, int] | str] = set()
        self._asked: set[str] = set()
        self._stopping = False

    def begin(self) -> None:
        """Prints what is going to be done."""
        trials = self._status.trials.values()
        left = sum(trial.status != "done" for trial in trials)
        done = f", {len(trials) - left} of them done before" if left < len(trials) else ""
        arms = ", ".join(dict.fromkeys(trial.arm for trial in trials))
        self._print(f"{_counted(len(trials), 'trial')}{done} (arms {arms}), up to {self._status.jobs} at a time")

    def update(self, message: TrialProgress | LessonProgress) -> None:
        """Takes in a message, and prints if it is time."""
        self._status.update(message)
        now = False
        if isinstance(message, TrialProgress):
            key: tuple[str, int] | str = message.arm, message.seed
            self._changed[key] = self._status.trials[message.arm, message.seed]
            first = message.budget > 0 and key not in self._begun
            self._begun |= {key} if first else set()
            now = first or message.status not in ("running", "waiting")
        elif message.teacher not in self._asked:
            key = message.teacher
            self._changed[key] = message
            now = message.kept + message.dropped >= message.levels or bool(message.message)
            self._asked |= {key} if now else set()
        else:
            return
        if now:
            self._line(self._changed.pop(key))
        if self._status.stopping and not self._stopping:
            self._stopping = True
            self._print(summary(self._status))
        elif time.monotonic() - self._printed >= SECONDS_BETWEEN_LINES:
            self.finish()
            self._print(summary(self._status))

    def finish(self) -> None:
        """Prints what has not been printed yet."""
        for message in self._changed.values():
            self._line(message)
        self._changed.clear()
        self._printed = time.monotonic()

    def _line(self, message: TrialProgress | LessonProgress) -> None:
        self._print(teacher_line(message) if isinstance(message, LessonProgress) else trial_line(message))

    def _print(self, text: str) -> None:
        self._console.print(f"[{duration(self._status.seconds)}] {text}", markup=False, highlight=False, soft_wrap=True)
        self._console.file.flush()


# ---------------------------------------------------------------------------------------------- in a terminal


def live_view(status: RunStatus, console: Console) -> Group:
    """What a terminal shows: one line for the run, one for each teacher, and a table of the trials that fit."""
    from rich.console import Group

    # The thread that refreshes the screen is another than the one that updates.
    trials, teachers = list(status.trials.values()), list(status.teachers.values())
    failed = [trial for trial in trials if trial.status == "failed"][-MOST_FAILURES:]
    table = _trial_table(_fitting(trials, max(console.height - len(teachers) - len(failed) - 7, 1)), console.width)
    hidden = len(trials) - table.row_count
    note = "return, success: training episodes; alone: held-out levels, without the teacher"
    parts: list[Text | Table] = [
        _one_line(status.name, "bold"),
        _one_line(summary(status)),
        *(_one_line(teacher_line(teacher)) for teacher in teachers),
        table,
        *(_one_line(f"{trial.arm} seed {trial.seed} failed: {trial.message}", "red") for trial in failed),
        *([_one_line(f"and {hidden} more trials", "dim")] if hidden else []),
        _one_line(note, "dim"),
    ]
    return Group(*parts)


def _one_line(text: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(text.replace("\n", " "), style, no_wrap=True, overflow="ellipsis")


def _fitting(trials: list[TrialProgress], room: int) -> list[TrialProgress]:
    """The trials to show, in their order: those at work first of all, then those that failed, are done, or wait."""
    if len(trials) <= room:
        return trials
    order = {"running": 0, "failed": 1, "interrupted": 2, "done": 3, "waiting": 4}
    best = sorted(range(len(trials)), key=lambda k: (order[trials[k].status], k))[:room]
    return [trials[k] for k in sorted(best)]


def _trial_table(trials: list[TrialProgress], width: int) -> Table:
    from rich import box
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    wide = width >= NARROW
    table = Table(
        box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2 if wide else 1, 0, 0), header_style="bold", show_edge=False
    )
    table.add_column("arm", no_wrap=True)
    table.add_column("seed", justify="right")
    table.add_column("", width=20 if wide else 8)
    for name in ("steps", *(("budget",) if wide else ()), "steps/s", "return", "success", "alone"):
        table.add_column(name, justify="right", no_wrap=True)
    if wide:
        table.add_column("lessons", justify="right", no_wrap=True)
    table.add_column("left", justify="right", no_wrap=True)
    for trial in trials:
        speed = trial.steps_per_second
        numbers = [
            amount(trial.steps),
            *((amount(trial.budget),) if wide else ()),
            amount(speed) if speed is not None and trial.status == "running" else "",
            *(_number(value) for value in (trial.episode_return, trial.success, trial.evaluation)),
            *((f"{trial.lessons:,}" if trial.lessons else "",) if wide else ()),
            duration(trial.remaining) if trial.status == "running" else trial.status,
        ]
        bar = ProgressBar(total=max(trial.budget, 1), completed=trial.steps, width=20 if wide else 8)
        table.add_row(trial.arm, str(trial.seed), bar, *numbers, style=_STYLES.get(trial.status, ""))
    return table


_STYLES = {"failed": "red", "waiting": "dim", "interrupted": "yellow"}


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
