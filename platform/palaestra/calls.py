"""A run's calls of language models: chosen by what one looks for, and compared with those of another run."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from palaestra_teachers.base import CallRecord

from palaestra.ledger import recorded_calls
from palaestra.replay import text_of
from palaestra.run import Run, RunError
from palaestra.store import Store


@dataclass(frozen=True)
class Choice:
    """Which calls; None, or False: any.

    Attributes:
        teacher: name of an arm whose teacher they are for.
        kind: of failure.
        level: seed of the level that the lesson was for.
        failed: only those without a usable reply.
        model: part of its name.
    """

    teacher: str | None = None
    kind: str | None = None
    level: int | None = None
    failed: bool = False
    model: str | None = None

    def where(self, run: Run) -> tuple[str, tuple[Any, ...]]:
        """SQL after WHERE, and the values of its question marks.

        Raises:
            RunError: the run has no such arm with a teacher.
        """
        terms: list[tuple[str, tuple[Any, ...]]] = []
        if self.teacher is not None:
            terms.append(("teacher = ?", (_teacher_of(run, self.teacher),)))
        if self.kind is not None:
            terms.append(("error_kind = ?", (self.kind,)))
        if self.level is not None:
            terms.append(("lesson_key LIKE ?", (f"%/{self.level}",)))
        if self.failed:
            terms.append(("error_kind IS NOT NULL", ()))
        if self.model is not None:
            terms.append(("instr(lower(model), lower(?))", (self.model,)))
        return " AND ".join(term for term, _ in terms) or "1", tuple(value for _, given in terms for value in given)


def teachers(run: Run) -> dict[str, str]:
    """Arms with a teacher, and the hash that the store knows it by."""
    from palaestra.asking import teacher_hash

    arms = [run.spec.arm(name) for name in run.spec.arm_names]
    return {arm.name: teacher_hash(arm) for arm in arms if arm.teacher is not None}


def _teacher_of(run: Run, arm: str) -> str:
    known = teachers(run)
    if arm not in known:
        raise RunError(f"{run.folder} has no arm '{arm}' with a teacher; arms with one: {', '.join(known) or 'none'}")
    return known[arm]


@dataclass(frozen=True)
class NumberedCall:
    """A call, its number in the ledger, and the first arm that its teacher taught."""

    id: int
    arm: str
    call: CallRecord


def find_calls(
    run: Run, store: Store, choice: Choice, limit: int | None = None, id: int | None = None
) -> list[NumberedCall]:
    """Calls in the order in which they were kept.

    Args:
        run: whose they are.
        store: of the run.
        choice: which.
        limit: how many at most; None: all.
        id: only the one of this number.

    Raises:
        RunError: the run has no such arm.
        StoreError: the store cannot be read.
    """
    where, parameters = choice.where(run)
    if id is not None:
        where, parameters = f"({where}) AND id = ?", (*parameters, id)
    end = f"{where} ORDER BY id LIMIT ?"
    parameters = (*parameters, -1 if limit is None else limit)
    numbers = store.query(f"SELECT id, teacher FROM calls WHERE {end}", parameters)
    arms = {teacher: arm for arm, teacher in reversed(list(teachers(run).items()))}
    return [
        NumberedCall(number, arms.get(str(teacher), str(teacher)), call)
        for (number, teacher), call in zip(numbers, recorded_calls(store, end, parameters), strict=True)
    ]


# ---------------------------------------------------------------------------------------------- two runs


@dataclass(frozen=True)
class Difference:
    """A call of one run, and the one that stands in its place in the other.

    Attributes:
        key: what it was for: arm, lesson, and which call for that lesson.
        what: "same", "request" (another one was made), "reply", "outcome" (the reply was taken otherwise),
            "only here" or "only there".
    """

    key: str
    what: str
    here: NumberedCall | None
    there: NumberedCall | None

    def lines(self) -> list[str]:
        """What differs, as a unified diff of requests and replies."""
        here, there = ([] if one is None else _text(one.call).splitlines() for one in (self.here, self.there))
        return list(difflib.unified_diff(here, there, "here", "there", n=1, lineterm=""))


def compare_calls(here: Sequence[NumberedCall], there: Sequence[NumberedCall]) -> list[Difference]:
    """Each call beside the other run's for the same arm, lesson and attempt, in the order of the first run."""
    ours, theirs = dict(_keyed(here)), dict(_keyed(there))
    return [
        Difference(key, _what(ours.get(key), theirs.get(key)), ours.get(key), theirs.get(key))
        for key in dict.fromkeys((*ours, *theirs))
    ]


def _keyed(calls: Sequence[NumberedCall]) -> Iterator[tuple[str, NumberedCall]]:
    seen: Counter[str] = Counter()
    for one in calls:
        lesson = f"{one.arm} {one.call.lesson_key}"
        seen[lesson] += 1
        yield f"{lesson} #{seen[lesson]}", one


def _what(here: NumberedCall | None, there: NumberedCall | None) -> str:
    if here is None or there is None:
        return "only there" if here is None else "only here"
    one, other = here.call, there.call
    if text_of(one) != text_of(other):
        return "request"
    if one.reply != other.reply:
        return "reply"
    return "same" if (one.parsed, one.error_kind) == (other.parsed, other.error_kind) else "outcome"


def _text(call: CallRecord) -> str:
    outcome = f"{call.error_kind}: {call.error}" if call.error_kind else "usable"
    return f"{text_of(call)}\n-- reply\n{'(none)' if call.reply is None else call.reply}\n-- outcome\n{outcome}"


def without_messages(numbered: NumberedCall) -> dict[str, Any]:
    """A call as JSON-able values; of what was said only the reply."""
    call = numbered.call.model_dump(mode="json", exclude={"messages", "response_schema"})
    return {"id": numbered.id, "arm": numbered.arm, **call}
