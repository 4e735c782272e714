"""A planner with the scripted teacher plays a real game, in a server, from nothing to what a furnace makes."""

from __future__ import annotations

from pathlib import Path

import pytest
from palaestra.plans.study import cases, run_study
from palaestra.plans.tasks import load_study, tasks_of
from palaestra_worlds.luanti import PROVIDER

# The game's trees stand elsewhere each time, also on the same map: one game is no sure success.
pytestmark = pytest.mark.slow

MISSING = PROVIDER.entries()[0].missing
STUDY = """
name: game
world: {id: Luanti, rules: easy}
tasks: {objects: [stone], steps: 6000}
teacher: {model: {backend: scripted}}
planners: {deps: {kind: deps}}
seeds: 3
"""


@pytest.mark.skipif(bool(MISSING), reason=f"the game server is not installed: {MISSING}")
def test_a_planner_collects_wood_crafts_a_pickaxe_mines_and_smelts(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(STUDY)
    study = load_study(path)
    tasks = tasks_of(study, PROVIDER.make("Luanti", 1).knowledge())
    case = list(cases(study, tasks))[2]
    played = run_study(study, tmp_path, tasks, [case])[case]
    assert played.success, played.why
    assert {"wooden_pickaxe", "cobblestone", "furnace", "stone"} <= set(played.obtained)
    assert any(item.endswith("_log") for item in played.obtained)
