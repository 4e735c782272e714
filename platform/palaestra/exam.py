"""Examines teachers before any training: asks them about levels, and has the world judge what they answer."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from palaestra_worlds.base import Judgement

from palaestra.asking import Asker
from palaestra.bank import USABLE
from palaestra.build import make_world
from palaestra.progress import LessonProgress
from palaestra.run import Run, start_run
from palaestra.store import Store

if TYPE_CHECKING:
    from palaestra.spec import ArmSpec, RunSpec

UNPARSEABLE = frozenset({"empty", "not_json", "too_large", "too_deep"})
"""Kinds of refusal after which nothing is known of what a reply says."""
NO_ANSWER = "no_answer"


@dataclass(frozen=True)
class Calls:
    """What asking took.

    Attributes:
        replies: by the kind of what was wrong with them; "": usable.
        unavailable: calls that got no reply, by kind.
        remembered: answers that came from a cache or from a like level, and cost nothing.
        seconds: of all calls, summed.
        tokens: in and out; None where a reply did not say.
        price: US dollars; None where that of a reply is not known.
    """

    replies: Counter[str] = field(default_factory=Counter)
    unavailable: Counter[str] = field(default_factory=Counter)
    remembered: int = 0
    seconds: float = 0.0
    tokens: int | None = 0
    price: float | None = 0.0

    @property
    def made(self) -> int:
        return self.replies.total() + self.unavailable.total()


@dataclass(frozen=True)
class Examined:
    """How a teacher did.

    Attributes:
        arm: its name.
        teacher: its kind.
        model: its language model's name.
        levels: how many it was asked about.
        parsed: levels whose last reply holds one JSON object, whatever it says.
        valid: levels that got a lesson.
        unanswered: levels without one for want of any reply.
        judgements: by level seed, of the lessons that the world could judge.
        calls: what asking took.
        ended: why it was not asked about all levels: "" (it was), "stopped", "budget" or "unavailable".
    """

    arm: str
    teacher: str
    model: str
    levels: int
    parsed: int
    valid: int
    unanswered: int
    judgements: dict[int, Judgement]
    calls: Calls
    ended: str = ""

    @property
    def useful(self) -> int:
        """Levels whose lesson lies on a way to the goal."""
        return sum(one.useful for one in self.judgements.values())

    @property
    def judged(self) -> bool:
        """Whether the world could judge what was to be judged."""
        return bool(self.judgements) or not self.valid

    def total(self, name: str) -> int:
        """Sum of one of the counts of `Judgement`."""
        return sum(getattr(one, name) for one in self.judgements.values())

    def distances(self, name: str) -> list[float]:
        """All of `Judgement.wrong` or `Judgement.errors`."""
        return [distance for one in self.judgements.values() for distance in getattr(one, name)]


def exam_run(spec: RunSpec, arm: str, root: Path) -> Run:
    """The folder of one arm's exam: the same settings, the same folder, whatever other arms the spec has.

    Each arm has a ledger of its own, so that none is spared a call that another one made.

    Raises:
        RunError, StoreError: it cannot be made or used.
    """
    alone = spec.model_copy(update={"name": f"{spec.name}-{arm}", "arms": {arm: spec.arm(arm)}, "seeds": (0,)})
    return start_run(alone, root)


def examine(
    run: Run, levels: int, stop: Callable[[], bool], tell: Callable[[LessonProgress], None] | None = None
) -> Examined:
    """Asks the teacher of a run's only arm about levels 0 to `levels` - 1, unless it has answered, and judges it.

    Levels for which the model gave no reply at all are asked about again.

    Args:
        run: from `exam_run`.
        levels: how many.
        stop: says when to end it early; what was asked up to then is judged.
        tell: is told how far it is.

    Raises:
        TeacherSettingsError: the teacher or its model cannot be built.
        LessonError: the teacher has a fault.
        RunError: another process is working in the folder.
        StoreError: the store cannot be used.
    """
    arm = run.spec.arm(run.spec.arm_names[0])
    with run.lock():
        asker = Asker(run, arm)
        try:
            with asker.store.transaction() as connection:
                connection.execute("DELETE FROM lessons WHERE reason LIKE 'unavailable: %'")
            ended = asyncio.run(asker.ask(range(levels), stop, tell))
            return _judged(asker.store, asker.hash, arm, levels, ended)
        finally:
            asker.close()


def _judged(store: Store, teacher: str, arm: ArmSpec, levels: int, ended: str) -> Examined:
    assert arm.teacher is not None
    rows = store.query(
        "SELECT level_seed, state, lesson, reason FROM lessons WHERE teacher = ? AND level_seed < ? ORDER BY 1",
        (teacher, levels),
    )
    valid = {seed: lesson for seed, state, lesson, _ in rows if state in USABLE}
    failures = Counter(reason.partition(": ")[0] for _, state, _, reason in rows if state not in USABLE)
    calls = store.query(
        "SELECT error_kind, reply IS NULL, origin, seconds, tokens_in, tokens_out, price, model FROM calls "
        # Not those of levels that a longer exam asked about.
        "WHERE teacher = ?1 AND lesson_key NOT IN (SELECT ?2 || level_seed FROM lessons WHERE teacher = ?1 "
        "AND level_seed >= ?3) ORDER BY id",
        (teacher, f"{arm.world.id}/", levels),
    )
    return Examined(
        arm=arm.name,
        teacher=arm.teacher.kind,
        model=calls[-1][-1] if calls else str(arm.teacher.model.get("backend", "?")),
        levels=len(rows),
        parsed=len(rows) - failures["unavailable"] - sum(failures[kind] for kind in UNPARSEABLE),
        valid=len(valid),
        unanswered=failures["unavailable"],
        judgements=_judgements(arm, valid),
        calls=_count([row[:-1] for row in calls]),
        ended=ended,
    )


def _judgements(arm: ArmSpec, lessons: dict[int, str]) -> dict[int, Judgement]:
    """By level seed, of lessons as the store keeps them; those that the world cannot judge are left out."""
    world = make_world(arm, 1)
    found = {}
    try:
        for seed, text in lessons.items():
            judgements = [world.judge(world.task_space.model_validate(task)) for task in json.loads(text)["tasks"]]
            if len(judgements) == 1 and judgements[0] is not None:
                found[seed] = judgements[0]
    finally:
        world.close()
    return found


def _count(rows: Sequence[Sequence[Any]]) -> Calls:
    made = [row for row in rows if row[2] != "none"]
    live = [row for row in made if row[2] != "cache"]
    answered = [row for row in live if not row[1]]
    tokens = [None if None in row[4:6] else row[4] + row[5] for row in answered]
    prices = [row[6] for row in answered]
    return Calls(
        replies=Counter(row[0] or "" for row in answered),
        unavailable=Counter(row[0] for row in live if row[1]),
        remembered=len(made) - len(live),
        seconds=sum(row[3] for row in live),
        tokens=_sum(tokens),
        price=_sum(prices),
    )


def _sum(numbers: Sequence[Any]) -> Any:
    """None where one of them is not known."""
    return None if None in numbers else sum(numbers)
