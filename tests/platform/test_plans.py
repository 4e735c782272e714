"""Studies of plans: what a file says is checked, every game is kept, and a real world is played by both planners."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import palaestra_worlds
import pytest
from palaestra.cli.specs import configs_folder
from palaestra.kept import RESULTS, StudyError, working_in
from palaestra.plans.playing import Played
from palaestra.plans.study import (
    Case,
    account_path,
    cases,
    read_results,
    run_study,
    study_folder,
)
from palaestra.plans.table import study_results
from palaestra.plans.tasks import PlanStudy, PlanTask, load_study, tasks_of
from palaestra.spec.errors import SpecError
from palaestra.store import StoreError
from palaestra_worlds.structured import Knowledge

from .conftest import Result

Cli = Callable[..., Result]

STUDY = """
name: small
world: {id: Overworld, rules: easy}
tasks: {objects: [crafting_table, oak_planks], steps: 3000, biome: forest}
teacher: {model: {backend: scripted}}
planners:
  deps: {kind: deps}
  ghost: {kind: ghost}
seeds: 2
stages: [stick, crafting_table]
paper: {"Ghost (paper)": {crafting_table: 100}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(STUDY, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    found = palaestra_worlds.make("Overworld").knowledge()
    assert found is not None
    return found


# ------------------------------------------------------------------------------------------------ the file


def test_planners_share_what_the_teacher_section_says(file: Path) -> None:
    study = load_study(file, ("teacher.model={backend: noisy, accuracy: 0.5}", "planners.deps.model={accuracy: 0.9}"))
    accuracies = {name: spec.model["accuracy"] for name, spec in study.planners.items()}
    assert accuracies == {"deps": 0.9, "ghost": 0.5}


def listed(tmp_path: Path, knowledge: Knowledge, tasks: str) -> dict[str, PlanTask]:
    path = tmp_path / "listed.yaml"
    path.write_text(f"name: listed\ntasks: {tasks}\nplanners: {{deps: {{kind: deps}}}}\n", encoding="utf-8")
    return tasks_of(load_study(path), knowledge)


def test_lists_of_tasks(knowledge: Knowledge, tmp_path: Path) -> None:
    deps = listed(tmp_path, knowledge, "{list: deps}")
    assert len(deps) == 70
    assert deps["minecart"].steps == 9000
    some = listed(tmp_path, knowledge, "{list: deps, groups: [MT8], steps: 500}")
    assert [(task.object, task.steps) for task in some.values()] == [("diamond", 500)]
    tree = listed(tmp_path, knowledge, "{list: technology}")
    assert len(tree) == len(knowledge.items) > 262
    (tmp_path / "own.yaml").write_text(
        "groups: {A: {title: a, steps: 9}}\ntasks: {stick: {group: A}}\n", encoding="utf-8"
    )
    own = listed(tmp_path, knowledge, "{file: own.yaml, objects: [bowl]}")
    assert {name: task.steps for name, task in own.items()} == {"bowl": 12_000, "stick": 9}


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ("{list: deps, groups: [MT9]}", "tasks.groups: there is no 'MT9'; there are MT1, MT2"),
        ("{list: deps, objects: [zebra]}", "tasks.objects: there is no 'zebra'"),
        ("{file: none.yaml}", "none.yaml: cannot be read"),
        ("{}", "tasks: there are none"),
    ],
)
def test_lists_that_cannot_be_used_are_named(tmp_path: Path, knowledge: Knowledge, tasks: str, message: str) -> None:
    with pytest.raises(SpecError) as refused:
        listed(tmp_path, knowledge, tasks)
    assert message in str(refused.value)


def test_a_study_without_planners_says_what_to_write(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("name: empty\n", encoding="utf-8")
    with pytest.raises(SpecError, match=r"planners: is missing; name at least one"):
        load_study(tmp_path / "empty.yaml")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("tasks={objects: [bedrock]}", "bedrock can't be come by in this world"),
        ("tasks={objects: [oak_plank]}", "no item is called 'oak_plank'; did you mean 'oak_planks'?"),
        ("planners.deps.kind=subgoals", "planners.deps.kind: must be a planner: deps or ghost"),
        ("planners.deps.replann=false", "did you mean 'replan'"),
        ("planners.ghost.queries=0", "planners.ghost.queries"),
        ("world.id=Crafter", "Crafter has no items to plan for"),
        ("world.rules=hard", "world.rules"),
        ("seed=3", "seed: unknown key; did you mean 'seeds'"),
    ],
)
def test_a_study_that_cannot_be_used_is_refused_by_name(cli: Cli, file: Path, override: str, message: str) -> None:
    refused = cli("plan", file, "--set", override, "--runs", file.parent / "runs")
    assert message in refused.error


def test_studies_that_come_with_palaestra_can_be_read(knowledge: Knowledge) -> None:
    folder = configs_folder()
    assert folder is not None
    paths = sorted((folder / "overworld").glob("_*.yaml"))
    assert len(paths) >= 4
    for path in paths:
        study = load_study(path)
        tasks = tasks_of(study, knowledge)
        groups = {task.group or task.object for task in tasks.values()}
        for name, figures in study.paper.items():
            assert set(figures) <= groups | {"all", *study.stages}, name


def test_the_page_on_the_overworld_shows_a_study_that_can_be_read(tmp_path: Path, knowledge: Knowledge) -> None:
    page = (Path(__file__).parents[2] / "docs" / "overworld.md").read_text(encoding="utf-8")
    (study,) = re.findall(r"^```yml\n(.*?)^```", page.partition("## Planners")[2], re.DOTALL | re.MULTILINE)
    (tmp_path / "study.yaml").write_text(study, encoding="utf-8")
    assert tasks_of(load_study(tmp_path / "study.yaml"), knowledge)


# ------------------------------------------------------------------------------------------------ tables


def test_the_tables_count_what_was_played(file: Path, knowledge: Knowledge) -> None:
    study = load_study(file)
    tasks = tasks_of(study, knowledge)
    done = Played(success=True, obtained=["oak_log", "crafting_table"], plans=2, calls=5, failures={"not_found": 1})
    lost = Played(why="plan_loops: the same plan", obtained=["oak_log"], plans=6, calls=9, remembered=2)
    found = {Case("crafting_table", "deps", seed): done if seed else lost for seed in range(2)}
    markdown = study_results(study, tasks, found, 500).to_markdown()
    assert "| crafting_table | 1 | 50 % [9, 91] | - | 100 % |" in markdown
    assert "| stick | 0 % [0, 66] | - |  |" in markdown
    assert "| deps | 2 | 4.0 | 7.0 | 1.0 |" in markdown
    assert "1 of 1 | 2 of 500 |" in markdown
    assert "| deps | 1 plan_loops | 1 not_found |" in markdown
    assert "rules: easy" in markdown


def test_tasks_that_are_played_until_they_are_done_have_no_rate(file: Path, knowledge: Knowledge) -> None:
    study = load_study(file, ("until_success=true",))
    tasks = tasks_of(study, knowledge)
    done, died = Played(success=True), Played(why="died: a zombie")
    found = {Case("crafting_table", "deps", 1): done, Case("crafting_table", "deps", 0): died}
    found |= {Case("oak_planks", "deps", seed): died for seed in range(2)}
    markdown = study_results(study, tasks, found).to_markdown()
    assert "| deps | 2 | 2 | 1 | 0 % [0, 66] | 4 |" in markdown
    assert "| deps | crafting_table | in game 2 | 1 died |" in markdown
    assert "| deps | oak_planks | not in 2 | 2 died |" in markdown
    assert "Worlds 0 to 1, until a task is done in one" in markdown


# ------------------------------------------------------------------------------------------------ games


def played(study: PlanStudy, folder: Path, knowledge: Knowledge, *wanted: Case) -> dict[Case, Played]:
    tasks = tasks_of(study, knowledge)
    return run_study(study, folder, tasks, wanted or list(cases(study, tasks)))


def test_both_planners_come_by_a_table_in_a_real_world(file: Path, tmp_path: Path, knowledge: Knowledge) -> None:
    found = played(load_study(file), tmp_path / "runs", knowledge)
    assert len(found) == 8
    for case, one in found.items():
        assert one.success, f"{case}: {one.why}"
        assert case.task in one.obtained
        assert 0 < one.ticks < 3000
        assert one.calls >= 1
    account = account_path(tmp_path / "runs", Case("crafting_table", "ghost", 0)).read_text(encoding="utf-8")
    assert "sub-goal craft 1 crafting_table" in account


def test_a_stopped_study_goes_on_and_counts_no_game_twice(file: Path, tmp_path: Path, knowledge: Knowledge) -> None:
    study = load_study(file)
    tasks = tasks_of(study, knowledge)
    wanted = list(cases(study, tasks))
    folder = study_folder(study, tmp_path)
    told: list[Case] = []
    run_study(study, folder, tasks, wanted, lambda: len(told) == 3, lambda case, found: told.append(case))
    assert len(told) == len(read_results(folder, study, tasks)) == 3
    with (folder / RESULTS).open("a", encoding="utf-8") as results:
        results.write('{"task": "cra')
    found = run_study(study, folder, tasks, wanted, tell=lambda case, found: told.append(case))
    assert sorted(told, key=str) == sorted(wanted, key=str)
    assert read_results(folder, study, tasks) == found
    changed = load_study(file, ("planners.deps.replan=false",))
    assert {case.planner for case in read_results(folder, changed, tasks)} == {"ghost"}


def test_a_task_that_was_done_is_played_in_no_other_world(file: Path, tmp_path: Path, knowledge: Knowledge) -> None:
    short = "tasks={objects: [oak_planks, diamond], steps: 300, biome: forest}"
    study = load_study(file, ("until_success=true", short))
    tasks = tasks_of(study, knowledge)
    wanted = [case for case in cases(study, tasks) if case.planner == "deps"]
    told: list[Case] = []
    run_study(study, tmp_path, tasks, wanted, lambda: len(told) == 2, lambda case, found: told.append(case))
    found = run_study(study, tmp_path, tasks, wanted, tell=lambda case, found: told.append(case))
    assert told == [Case("oak_planks", "deps", 0), Case("diamond", "deps", 0), Case("diamond", "deps", 1)]
    assert [found[case].success for case in told] == [True, False, False]


def test_a_game_that_is_stopped_in_an_action_is_played_again(file: Path, tmp_path: Path, knowledge: Knowledge) -> None:
    study = load_study(file)
    tasks = tasks_of(study, knowledge)
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 2

    case = Case("crafting_table", "deps", 0)
    assert run_study(study, tmp_path, tasks, [case], stop) == {}
    assert run_study(study, tmp_path, tasks, [case])[case].success


def test_games_are_the_same_each_time(file: Path, tmp_path: Path, knowledge: Knowledge) -> None:
    case = Case("crafting_table", "ghost", 1)
    first, second = (played(load_study(file), tmp_path / name, knowledge, case)[case] for name in ("a", "b"))
    assert (first.ticks, first.plans, first.obtained) == (second.ticks, second.plans, second.obtained)


def test_a_teacher_that_errs_is_repaired_by_replanning(file: Path, tmp_path: Path, knowledge: Knowledge) -> None:
    noisy = "teacher.model={backend: noisy, accuracy: 0.6, missing: 0.1}"
    study = load_study(file, (noisy, "planners={deps: {kind: deps}, once: {kind: deps, replan: false}}"))
    found = played(study, tmp_path, knowledge)
    done = {name: sum(one.success for case, one in found.items() if case.planner == name) for name in study.planners}
    assert done["deps"] > done["once"]
    assert any(one.why.startswith("plan_failed") for one in found.values())


def test_games_without_a_reply_are_played_again(
    file: Path, tmp_path: Path, knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    local = '{backend: openai, model: x, base_url: "http://127.0.0.1:9/v1", attempts: 1, api_key_env: null}'
    study = load_study(file, (f"teacher.model={local}",))
    case = Case("crafting_table", "deps", 0)
    for _ in range(2):
        found = played(study, tmp_path, knowledge, case)
        assert found[case].why.startswith("no reply: ")
        assert read_results(tmp_path, study, tasks_of(study, knowledge)) == {}


def memory_of(folder: Path) -> object:
    (path,) = folder.glob("memories/ghost-*.json")
    return json.loads(path.read_text(encoding="utf-8"))


def test_what_is_remembered_of_a_game_comes_with_its_result_and_once(
    file: Path, tmp_path: Path, knowledge: Knowledge
) -> None:
    study = load_study(file)
    games = [Case("oak_planks", "ghost", 0), Case("crafting_table", "ghost", 0)]
    whole = played(study, tmp_path / "whole", knowledge, *games)

    # The first game ends before its result is kept, the second before its memory is taken in.
    folder = tmp_path / "cut"
    account = account_path(folder, games[0])
    account.mkdir(parents=True)
    with pytest.raises(StoreError, match=r"oak_planks\.0\.txt could not be written: Is a directory; make room"):
        played(study, folder, knowledge, *games)
    assert not list(folder.glob("memories/*.json"))
    account.rmdir()
    played(study, folder, knowledge, games[0])
    (memory,) = folder.glob("memories/ghost-*.json")
    learned = memory.read_bytes()
    stop = folder / "memories" / f".{memory.name}.{os.getpid()}.partial"
    stop.mkdir()
    with pytest.raises(StoreError, match=r"memories/ghost-.*\.json could not be written"):
        played(study, folder, knowledge, *games)
    stop.rmdir()
    assert memory.read_bytes() == learned

    again = played(study, folder, knowledge, *games)
    assert memory_of(folder) == memory_of(tmp_path / "whole") != json.loads(learned)
    assert {case: (one.plans, one.ticks) for case, one in again.items()} == {
        case: (one.plans, one.ticks) for case, one in whole.items()
    }
    assert len((folder / RESULTS).read_text().splitlines()) == 2
    assert [path.name for path in (folder / "memories").iterdir()] == [memory.name]


def test_results_and_memories_that_are_none_are_named(file: Path, tmp_path: Path, knowledge: Knowledge) -> None:
    study = load_study(file)
    (tmp_path / RESULTS).write_text("{}\n", encoding="utf-8")
    with pytest.raises(StudyError, match=r"results\.jsonl, line 1: is no result"):
        read_results(tmp_path, study, {"x": PlanTask(name="x", object="stick")})
    (tmp_path / "memory.json").write_text("[]", encoding="utf-8")
    broken = load_study(file, (f"planners.ghost.memory_file={tmp_path / 'memory.json'}",))
    with pytest.raises(ValueError, match=r"memory\.json is damaged"):
        played(broken, tmp_path / "runs", knowledge, Case("crafting_table", "ghost", 0))


def test_two_commands_do_not_work_in_one_folder(cli: Cli, file: Path, tmp_path: Path) -> None:
    folder = study_folder(load_study(file), tmp_path / "runs")
    folder.mkdir(parents=True)
    results = folder / RESULTS
    results.write_text('{"task": "half a li')
    with working_in(folder):
        refused = cli("plan", file, "--runs", tmp_path / "runs")
        selector = cli("selector", "--worlds", 1, "--held-out", 1, "--runs", folder)
    assert refused.code == selector.code == 2
    assert refused.error == selector.error
    assert f"is being worked on by process {os.getpid()}; wait for it or end it" in refused.error
    assert results.read_text() == '{"task": "half a li'


def test_the_command_plays_shows_and_writes(cli: Cli, file: Path, tmp_path: Path) -> None:
    arguments = ("plan", file, "--runs", tmp_path / "runs", "--seeds", 1, "--tasks", "oak_planks")
    first = cli(*arguments, "--output", tmp_path / "table.json", "--account")
    assert first.code == 0, first.err
    assert "1/2 deps, oak_planks, world 0: done" in first.out
    assert "mine 1 " in first.out
    assert len(json.loads((tmp_path / "table.json").read_text())["figures"]["games"]) == 2
    again = cli(*arguments)
    assert "world 0: done" not in again.out
    assert "there is no task 'jump'; there are crafting_table" in cli("plan", file, "--tasks", "jump").error
    assert "there is no planner 'me'; there are deps, ghost" in cli("plan", file, "--planners", "me").error
    assert "there are deps, diamond" in cli("plan", "nothing").error
