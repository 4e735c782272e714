"""Comparing arms and runs: ratios to the best untaught arm, and a refusal where runs are not of the same thing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from palaestra.report import CompareError, Comparison, compare
from palaestra.report.compare import find_differences
from palaestra.run import Run, start_run
from palaestra.spec import RunSpec

Recording = Callable[..., None]

OTHER = """
name: other
world: {id: MiniGrid-DoorKey-5x5-v0, num_envs: 8}
agent: {kind: ppo}
budget: {steps: 40000}
evaluation: {every: 10000, episodes: 20}
arms: {counts: {}}
seeds: 1
"""


def other_run(folder: Path, *changes: tuple[str, str]) -> Run:
    text = OTHER
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return start_run(RunSpec.from_yaml(text, "other.yaml"), folder)


def rows(comparison: Comparison) -> dict[str, dict[str, str]]:
    names = ("run", "world", "arm", "teacher", "seeds", "steps", "ratio", "final", "calls", "price")
    return {row.cells()[2]: dict(zip(names, row.cells(), strict=True)) for row in comparison.rows}


def test_arms_are_compared_with_the_best_untaught_one(whole_run: Run) -> None:
    found = rows(compare([whole_run], 0.8))
    assert found["taught"]["steps"] == "20 k [10 k, 30 k]"
    assert found["taught"]["ratio"] == "> 2.0"
    assert found["taught"]["final"] == "100 % [100, 100]"
    assert found["taught"]["seeds"] == "3/3 reached"
    assert found["taught"]["calls"] == "8"
    assert "Teacher calls" in compare([whole_run], 0.8).headings
    assert found["taught"]["teacher"].startswith("scripted (an oracle")
    assert found["ppo"]["steps"] == "not reached in 40 k"
    assert found["ppo"]["ratio"] == "none"
    assert found["rnd"]["ratio"] == "1 (best untaught)"
    assert (found["rnd"]["calls"], found["rnd"]["price"]) == ("none", "none")


def test_another_threshold_gives_other_ratios(whole_run: Run) -> None:
    found = rows(compare([whole_run], 0.5))
    assert found["rnd"]["steps"] == "30 k [30 k, 40 k]"
    assert found["taught"]["steps"] == "10 k [10 k, 10 k]"
    assert found["taught"]["ratio"] == "3.0 [3.0, 4.0]"
    assert found["ppo"]["ratio"] == "< 0.75"


def test_the_table_is_text_and_markdown(whole_run: Run) -> None:
    comparison = compare([whole_run], 0.8)
    text, markdown = comparison.to_text().splitlines(), comparison.to_markdown().splitlines()
    assert text[0].startswith("Run ")
    assert "Steps to 80 % success" in text[0]
    assert len(text) == 5
    assert markdown[1] == "| " + " | ".join(["---"] * 10) + " |"
    assert all(line.count("|") == 11 for line in markdown[:5])
    assert len(markdown) == 7
    with whole_run.open_store(read_only=True) as store:
        command = store.info()["command"]
    assert command.startswith("palaestra")
    assert markdown[6].startswith(f"- {whole_run.folder.name}: `{command}`, commit ")
    assert "torch " in markdown[6]


def test_runs_are_set_side_by_side(whole_run: Run, tmp_path: Path, record: Recording) -> None:
    """The other run's untaught arm is the best, so the ratio is to it."""
    other = other_run(tmp_path)
    with other.open_store() as store:
        record(store, "counts", 0, (0.0, 0.0, 0.1, 0.9, 1.0))
    found = rows(compare([whole_run, other], 0.8))
    assert found["counts"]["run"] == other.folder.name
    assert found["counts"]["ratio"] == "1 (best untaught)"
    assert found["taught"]["ratio"] == "1.5 [1.0, 3.0]"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("DoorKey-5x5", "DoorKey-6x6"), "The world differs"),
        (("num_envs: 8", "num_envs: 8, max_steps: 50"), "The world differs"),
        (("steps: 40000", "steps: 80000"), "The budget differs .*40 k steps.*80 k steps"),
        (("steps: 40000", "steps: 40000, until_success: 0.9"), "until 90 % success"),
        (("episodes: 20", "episodes: 100"), "The evaluation differs .*100 episodes"),
        (("episodes: 20", "episodes: 20, greedy: true"), "actions greedy"),
    ],
)
def test_runs_of_other_things_are_refused_unless_asked_for(
    whole_run: Run, tmp_path: Path, change: tuple[str, str], sentence: str
) -> None:
    other = other_run(tmp_path, change)
    with pytest.raises(CompareError, match=sentence):
        compare([whole_run, other], 0.8)
    comparison = compare([whole_run, other], 0.8, allow_differences=True)
    assert len(comparison.rows) == 4
    assert len(comparison.differences) == 1
    note, _, *sources = comparison.to_markdown().splitlines()[-4:]
    assert note.startswith("Note: The ")
    assert [source.partition(":")[0] for source in sources] == [f"- {whole_run.folder.name}", f"- {other.folder.name}"]


def test_a_run_made_before_a_setting_existed_is_of_the_same_world(whole_run: Run) -> None:
    older = {
        name: arm.model_copy(
            update={"world": arm.world.model_copy(update={"settings": {"max_steps": arm.world.settings["max_steps"]}})}
        )
        for name, arm in whole_run.spec.arms.items()
    }
    assert all(len(arm.world.settings) > 1 for arm in whole_run.spec.arms.values())
    run = Run(whole_run.folder, whole_run.spec.model_copy(update={"arms": older}))
    assert find_differences([whole_run, run]) == []


def test_ratios_are_within_one_world(whole_run: Run, tmp_path: Path, record: Recording) -> None:
    other = other_run(tmp_path, ("DoorKey-5x5", "DoorKey-6x6"))
    with other.open_store() as store:
        record(store, "counts", 0, (0.0, 1.0, 1.0, 1.0, 1.0))
    found = rows(compare([whole_run, other], 0.8, allow_differences=True))
    assert found["counts"]["ratio"] == found["rnd"]["ratio"] == "1 (best untaught)"
    assert found["taught"]["ratio"] == "> 2.0"


def test_failed_and_unmeasured_trials_are_said(empty_run: Run, record: Recording) -> None:
    assert rows(compare([empty_run], 0.8))["ppo"]["steps"] == "not measured"
    with empty_run.open_store() as store:
        record(store, "ppo", 0, (0.0, 0.1), status="failed", message="diverged")
    found = rows(compare([empty_run], 0.8))["ppo"]
    assert (found["seeds"], found["steps"]) == ("0/1 reached, 1 failed", "not yet reached in 10 k")


def test_what_cannot_be_asked(whole_run: Run) -> None:
    with pytest.raises(ValueError, match="the threshold is 0"):
        compare([whole_run], 0)
    with pytest.raises(ValueError, match="no runs"):
        compare([], 0.8)
