"""What MiniGrid's worlds hold beyond the contract of all worlds, which is in palaestra.testing.test_worlds."""

from __future__ import annotations

import palaestra_worlds
import pytest
from palaestra.testing.cases import worlds
from palaestra.testing.rollouts import rollout


@pytest.mark.parametrize("id", [case.id for case in worlds(None, {}) if case.id.startswith("MiniGrid-")])
def test_steps_share_memory_where_that_is_asked_for(id: str) -> None:
    world = palaestra_worlds.make(id, num_envs=2, copy_observations=False)
    first, _ = world.reset(seed=0)
    assert rollout(world, 5)[-1][0]["image"] is first["image"]
    assert len(world.describe(0)) > 100
