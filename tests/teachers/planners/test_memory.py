"""What worked is kept on disk: whole or not at all, and a file that can't be used is named and left as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from palaestra_teachers.planners.memory import KEPT, PlanMemory, PlanMemoryError

MINE = ({"name": "mine", "object": "oak_log", "count": 3},)
LONG = tuple({"name": "explore", "object": f"thing_{number}"} for number in range(65))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memories" / "ghost.json"


def test_what_worked_is_there_in_the_next_run(path: Path) -> None:
    memory = PlanMemory("Overworld", path)
    memory.add("mine oak_log", MINE)
    assert not path.exists()
    memory.save()
    assert PlanMemory("Overworld", path).recall("mine oak_log").references == (MINE,)
    assert PlanMemory("Overworld", path).recall("craft stick").successes == 0


def test_after_five_successes_they_are_to_be_summed_up_and_the_summary_takes_their_place(path: Path) -> None:
    memory = PlanMemory("Overworld", path)
    due = [memory.add("mine oak_log", (*MINE, {"name": "equip", "object": str(number)})) for number in range(KEPT)]
    assert due == [False] * (KEPT - 1) + [True]
    memory.summarise("mine oak_log", MINE)
    assert memory.recall("mine oak_log").references == (MINE,)
    assert memory.recall("mine oak_log").successes == KEPT
    assert not memory.add("mine oak_log", MINE)


def test_a_list_that_went_astray_counts_but_is_no_example(path: Path) -> None:
    memory = PlanMemory("Overworld", path)
    memory.add("mine diamond", LONG)
    memory.add("mine diamond", ())
    assert memory.recall("mine diamond").successes == 2
    assert memory.recall("mine diamond").references == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "damaged"),
        ("", "damaged"),
        ("[1, 2]", "damaged"),
        ('{"format": 1, "world": "Overworld", "goals": {"x": {"successes": -1}}}', "goals.x.successes"),
        ('{"format": 1, "world": "Overworld", "goals": {}, "more": 1}', "more"),
        ('{"format": 2, "world": "Overworld"}', "update Palaestra"),
        ('{"format": 1, "world": "Luanti", "goals": {}}', "is of Luanti, not Overworld"),
    ],
)
def test_a_memory_that_cannot_be_used_is_named_and_left_as_it_is(path: Path, content: str, message: str) -> None:
    path.parent.mkdir()
    path.write_text(content, encoding="utf-8")
    with pytest.raises(PlanMemoryError, match=message) as caught:
        PlanMemory("Overworld", path)
    assert path.name in str(caught.value)
    assert path.read_text(encoding="utf-8") == content


def test_a_memory_that_cannot_be_written_leaves_the_old_one(path: Path) -> None:
    memory = PlanMemory("Overworld", path)
    memory.add("mine oak_log", MINE)
    memory.save()
    before = path.read_bytes()
    memory.add("mine oak_log", MINE)
    folder = path.with_name("in the way")
    folder.mkdir()
    blocked = PlanMemory("Overworld", folder / "file" / "x.json")
    (folder / "file").write_text("no folder", encoding="utf-8")
    with pytest.raises(PlanMemoryError, match="cannot be written"):
        blocked.save()
    assert path.read_bytes() == before
    assert not list(path.parent.glob(".*"))


def test_its_state_is_json_and_goes_into_another_one() -> None:
    memory = PlanMemory("Overworld")
    memory.add("mine oak_log", MINE)
    other = PlanMemory("Overworld")
    other.load_state_dict(json.loads(json.dumps(memory.state_dict())))
    assert other.recall("mine oak_log") == memory.recall("mine oak_log")
    with pytest.raises(PlanMemoryError, match="damaged"):
        other.load_state_dict({"format": 1})
