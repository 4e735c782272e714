"""What a teacher is given in a run: a ledger and requests, here without one."""

from __future__ import annotations

from palaestra_teachers.base import CallRecord, LessonRequest
from palaestra_worlds.base import World


class MemoryLedger:
    """Keeps calls in memory, as a run's ledger does in its store."""

    def __init__(self) -> None:
        self.calls: list[CallRecord] = []

    def record(self, call: CallRecord) -> None:
        self.calls.append(call)

    def answered(self, request_hash: str) -> CallRecord | None:
        """The last recorded call with this hash whose reply was usable."""
        usable = [c for c in self.calls if c.request_hash == request_hash and c.parsed is not None]
        return usable[-1] if usable else None


def request_for(world: World, level_seed: int) -> LessonRequest:
    """What a run tells a teacher about a level; the world is reset to it."""
    observations, _ = world.reset(seed=[level_seed])
    mission = observations["mission"][0] if "mission" in observations else ""
    return LessonRequest(world_id=world.id, level_seed=level_seed, mission=str(mission), description=world.describe(0))
