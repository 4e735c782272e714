"""A ledger in memory, and a world to teach in."""

from __future__ import annotations

import palaestra_worlds
import pytest
from palaestra_teachers.base import CallRecord, LessonRequest
from palaestra_worlds.base import World

WORLD = "MiniGrid-DoorKey-5x5-v0"


class MemoryLedger:
    """Keeps calls as the platform's ledger does."""

    def __init__(self) -> None:
        self.calls: list[CallRecord] = []

    def record(self, call: CallRecord) -> None:
        self.calls.append(call)

    def answered(self, request_hash: str) -> CallRecord | None:
        usable = [c for c in self.calls if c.request_hash == request_hash and c.parsed is not None]
        return usable[-1] if usable else None


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


@pytest.fixture(scope="session")
def world() -> World:
    return palaestra_worlds.make(WORLD)


def request_for(world: World, level_seed: int) -> LessonRequest:
    observations, _ = world.reset(seed=[level_seed])
    return LessonRequest(
        world_id=world.id,
        level_seed=level_seed,
        mission=str(observations["mission"][0]),
        description=world.describe(0),
    )
