"""Step for step what the installed minigrid gives, for every id that it registers."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import palaestra_worlds
import pytest
from minigrid.envs.wfc.config import WFCConfig
from palaestra.bench.differences import ParityError
from palaestra.bench.parity import compare_minigrid
from palaestra_worlds.minigrid.solver import SolverError, solve
from palaestra_worlds.minigrid.state import STEP
from palaestra_worlds.registry import world_entries
from PIL import Image

SERVED = [entry.id for entry in world_entries() if entry.id.startswith("MiniGrid-") and not entry.missing]
UNSERVED = [entry for entry in world_entries() if entry.missing]
NUM_SEEDS, NUM_STEPS = 20, 300


@pytest.mark.parametrize("id", SERVED)
def test_random_actions_over_several_episodes(id: str) -> None:
    """Cut to 90 steps, so that at least three episodes follow one another on one random stream."""
    result = compare_minigrid(id, range(NUM_SEEDS), NUM_STEPS, max_steps=90)
    assert result.episodes >= 3 * NUM_SEEDS


@pytest.mark.parametrize("observation", ["full", "symbolic"])
@pytest.mark.parametrize("id", ["MiniGrid-KeyCorridorS3R3-v0", "MiniGrid-LavaGapS7-v0", "MiniGrid-Fetch-8x8-N3-v0"])
def test_fully_observable_views(id: str, observation: str) -> None:
    assert compare_minigrid(id, range(5), 200, observation=observation).steps == 5 * 200


@pytest.mark.parametrize(
    ("id", "reference"),
    [
        ("MiniGrid-DoorKey-8x8-v0", {"size": 13}),
        ("MiniGrid-Empty-8x8-v0", {"size": 9, "agent_start_pos": (3, 4), "agent_start_dir": 2}),
        ("MiniGrid-FourRooms-v0", {"agent_pos": (2, 3), "goal_pos": (15, 12)}),
        ("MiniGrid-KeyCorridorS3R3-v0", {"room_size": 7, "obj_type": "key"}),
        ("MiniGrid-LavaGapS7-v0", {"agent_view_size": 11}),
        ("MiniGrid-Empty-8x8-v0", {"agent_view_size": 3}),
        ("MiniGrid-MultiRoom-N6-v0", {"minNumRooms": 2, "maxNumRooms": 9, "maxRoomSize": 6}),
    ],
)
def test_constructor_keywords_of_the_reference(id: str, reference: dict) -> None:
    assert compare_minigrid(id, range(6), 200, reference=reference).steps == 6 * 200


@pytest.fixture
def pattern(tmp_path: Path) -> Path:
    """A small pattern image of our own: the wheel of minigrid 3.2.0 comes without its own."""
    picture = np.full((8, 8, 3), 255, dtype=np.uint8)
    picture[1:7:2, 1:7] = 0
    picture[2:6, 1] = 0
    Image.fromarray(picture).save(tmp_path / "pattern.png")
    return tmp_path / "pattern.png"


def test_levels_of_the_reference_generator(pattern: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Wave-function-collapse levels come from the reference itself and are kept on disk; the second run reads them."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    keywords = {"wfc_config": WFCConfig(pattern_path=pattern), "size": 11}
    first = compare_minigrid("MiniGrid-WFC-MazeSimple-v0", range(3), 60, max_steps=20, reference=keywords)
    again = compare_minigrid("MiniGrid-WFC-MazeSimple-v0", range(3), 60, max_steps=20, reference=keywords)
    assert first.episodes == again.episodes >= 9
    assert list(tmp_path.rglob("*.sqlite"))


@pytest.mark.parametrize("entry", UNSERVED, ids=lambda entry: entry.id)
def test_ids_that_cannot_be_served_say_what_is_missing(entry) -> None:
    with pytest.raises(ValueError, match=f"{entry.id} .*{re.escape(entry.missing)}"):
        palaestra_worlds.make(entry.id, num_envs=1)


def test_a_difference_is_found_and_named() -> None:
    """The comparison itself: other rules on our side must not pass."""
    with pytest.raises(ParityError, match="seed"):
        compare_minigrid("MiniGrid-Empty-5x5-v0", range(3), 50, policy=_let_time_run_differently)


def _let_time_run_differently(world, actions):
    world._levels.status[:, 4] += 1
    return actions


class _GuidedPolicy:
    """Follows the solver's plan, strays from it now and then, and plans anew: about one action in seven is random.

    An environment strays for the rest of an episode that has no plan, or that it has strayed from twice.
    """

    STRAYS_FOR = 6
    PLANS_IN_AN_EPISODE = 3

    def __init__(self, num_envs: int) -> None:
        self.random = np.random.default_rng(0)
        self.plans: list[list[int]] = [[] for _ in range(num_envs)]
        self.planned = [0] * num_envs
        self.strays = [0] * num_envs

    def __call__(self, world, actions):
        return np.array([self._choose(world, i, int(action)) for i, action in enumerate(actions)])

    def _choose(self, world, i: int, drawn: int) -> int:
        if world._levels.status[i, STEP] == 0:
            self.plans[i], self.planned[i], self.strays[i] = [], 0, 0
        if self.strays[i] == 0 and self.random.random() < 0.15 / self.STRAYS_FOR:
            self.plans[i], self.strays[i] = [], self.STRAYS_FOR
        if self.strays[i] > 0:
            self.strays[i] -= 1
            return drawn
        if not self.plans[i] and self.planned[i] < self.PLANS_IN_AN_EPISODE:
            self.planned[i] += 1
            try:
                self.plans[i] = list(solve(world.grid_state(i)).actions)
            except SolverError:
                self.planned[i] = self.PLANS_IN_AN_EPISODE
        return self.plans[i].pop(0) if self.plans[i] else drawn


@pytest.mark.parametrize("id", SERVED)
def test_guided_actions_that_get_deep_into_levels(id: str) -> None:
    """Keys fetched, boxes and doors opened, missions fulfilled: what random actions seldom reach."""
    result = compare_minigrid(id, range(NUM_SEEDS), 150, policy=_GuidedPolicy(NUM_SEEDS))
    assert result.successes >= NUM_SEEDS / 2 or id == "MiniGrid-Playground-v0"
