"""Learned controllers: a run's checkpoint takes the place of a scripted controller, or is refused by name."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from palaestra.kept import StudyError
from palaestra.plans.controllers import controllers_identity, load_controller
from palaestra.plans.study import case_hash, cases, run_study, study_folder
from palaestra.plans.tasks import load_study, tasks_of
from palaestra.run import start_run
from palaestra.spec import load_spec
from palaestra.spec.errors import SpecError
from palaestra.worker import run_trial
from palaestra_worlds.overworld.planning import OverworldKnowledge

from .conftest import Result

Cli = Callable[..., Result]
VANILLA = {"rules": "vanilla"}
SPEC = """
name: tiny
world: {id: Overworld, num_envs: 4, skill: mine}
agent: {kind: ppo, network: {kind: mlp, hidden: [8]}, rollout_length: 8, epochs: 1, device: cpu}
budget: {steps: 32}
evaluation: {every: 1000, episodes: 1}
arms:
  mine: {}
  plain: {world: {skill: none}, agent: {encoding: raw}}
"""
STUDY = """
name: learned
world: {id: Overworld, rules: vanilla}
tasks: {objects: [oak_log], steps: 500, biome: forest}
teacher: {model: {backend: scripted}}
planners: {deps: {kind: deps, replan: false}}
seeds: 1
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with a controller that has learned next to nothing."""
    folder = tmp_path_factory.mktemp("controllers")
    (folder / "tiny.yaml").write_text(SPEC, encoding="utf-8")
    begun = start_run(load_spec(folder / "tiny.yaml"), folder / "runs")
    for arm in ("mine", "plain"):
        assert run_trial(begun, arm, 0, lambda progress: None).status == "done"
    return begun.folder


@pytest.fixture
def own_run(run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run, tmp_path / run.name))


def checkpoint_in(run: Path, trial: str) -> Path:
    return next((run / "checkpoints" / trial).glob("*.safetensors"))


def test_a_run_a_trial_and_a_checkpoint_all_name_the_controller(run: Path) -> None:
    paths = (run, run / "checkpoints" / "mine-seed0", checkpoint_in(run, "mine-seed0"))
    assert {load_controller(path, "mine", VANILLA).path.name for path in paths} == {paths[-1].name}
    assert load_controller(run, "mine", VANILLA).steps == 32


@pytest.mark.parametrize(
    ("part", "skill", "settings", "message"),
    [
        ("none", "mine", VANILLA, "there is no such run or checkpoint; train controllers: make overworld-controllers"),
        ("", "approach", VANILLA, "no arm of this run practises approach; it has mine, plain"),
        ("checkpoints/mine-seed0", "explore", VANILLA, "learned with skill mine, not explore"),
        ("checkpoints/plain-seed0", "mine", VANILLA, "learned with skill none, not mine"),
        ("", "mine", {"rules": "easy"}, "learned with rules vanilla, not easy"),
    ],
)
def test_a_checkpoint_of_something_else_is_refused_by_name(
    run: Path, part: str, skill: Any, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(StudyError, match=message):
        load_controller(run / part, skill, settings)


def test_a_damaged_checkpoint_is_refused(own_run: Path) -> None:
    path = checkpoint_in(own_run, "mine-seed0")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(StudyError, match=r"controller of mine: .*is damaged"):
        load_controller(path, "mine", VANILLA)


def test_a_checkpoint_that_does_not_fit_the_spec_is_refused(own_run: Path) -> None:
    spec = own_run / "spec.yaml"
    changed = spec.read_text(encoding="utf-8").replace("hidden: [8]", "hidden: [16]")
    assert changed != spec.read_text(encoding="utf-8")
    spec.write_text(changed, encoding="utf-8")
    with pytest.raises(StudyError, match="does not fit its agent"):
        load_controller(own_run, "mine", VANILLA)


def test_games_with_a_learned_controller_are_games_of_their_own(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "learned.yaml"
    path.write_text(STUDY, encoding="utf-8")
    scripted = load_study(path)
    learned = load_study(path, (f"controllers.mine={run}",))
    tasks = tasks_of(learned, OverworldKnowledge())
    folder = study_folder(learned, tmp_path)
    wanted = list(cases(learned, tasks))
    found = run_study(learned, folder, tasks, wanted)
    # A policy that acts nearly at random needs luck; a scripted controller would have been through by then.
    (game,) = found.values()
    assert not game.success
    assert set(game.failures) <= {"gave_up", "out_of_time", "died"}
    again = run_study(learned, folder, tasks, wanted)
    assert again == found
    trained = {"mine": load_controller(run, "mine", VANILLA)}
    assert case_hash(learned, "deps", tasks["oak_log"], trained) != case_hash(scripted, "deps", tasks["oak_log"])  # pyright: ignore


def test_a_run_that_goes_on_may_remove_a_checkpoint_that_is_in_use(own_run: Path) -> None:
    trained = {"mine": load_controller(own_run, "mine", VANILLA)}
    before = controllers_identity(trained)  # pyright: ignore[reportArgumentType]
    shutil.rmtree(own_run)
    assert controllers_identity(trained) == before  # pyright: ignore[reportArgumentType]


def test_a_study_names_the_skills_that_there_are(tmp_path: Path) -> None:
    path = tmp_path / "learned.yaml"
    path.write_text(STUDY + "controllers: {dance: runs}\n", encoding="utf-8")
    with pytest.raises(SpecError, match=r"controllers"):
        load_study(path)


def test_the_command_says_what_is_missing(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "learned.yaml"
    path.write_text(STUDY, encoding="utf-8")
    refused = cli("plan", path, "--set", f"controllers.mine={tmp_path / 'none'}", "--runs", tmp_path)
    assert "there is no such run or checkpoint" in refused.error


def test_learned_and_scripted_are_measured_from_the_same_starts(cli: Cli, run: Path, tmp_path: Path) -> None:
    done = cli("bench", "controllers", run, "--starts", "1", "--save", tmp_path / "table.md")
    assert done.code == 0, done
    table = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert "| goal | learned | untrained | scripted | starts |" in table
    assert "Learned for 32 steps." in table
    refused = cli("bench", "controllers", run, "--skills", "explore")
    assert "there is no skill 'explore'; there are mine" in refused.error
