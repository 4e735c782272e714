"""A recorded run's answers, given again: the same lessons elsewhere, with no key, no network and nothing spent."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from palaestra_teachers.base import CallRecord, Completion, Judge, LessonRefused, Message, Sampling, TeacherUnavailable
from palaestra_teachers.llm.judging import JudgedWrapper
from palaestra_teachers.llm.requests import request_hash
from pydantic import BaseModel, ConfigDict, Field

from palaestra.ledger import recorded_calls
from palaestra.printing import printable

if TYPE_CHECKING:
    from palaestra.run import Run
    from palaestra.spec import ArmSpec, RunSpec

BACKEND = "replay"
MAX_DIFFERENCES = 24
"""Lines that are shown of what differs between a request and the nearest recorded one."""
MAX_COMPARED = 2_000
"""Recorded requests that a request without an answer is compared with."""


class ReplayConfig(BaseModel):
    """Answers from the calls of a recorded run, in their order, failures too; needs no key and spends nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    backend: Literal["replay"] = "replay"
    run: Path = Field(description="Folder of the recorded run.")
    arm: str | None = Field(
        default=None, description="The arm whose teacher was asked; null: the run has one teacher only."
    )


class ReplayError(ValueError):
    """A run cannot be replayed; the message says why, and what to do."""


@dataclass(frozen=True)
class RecordedTeacher:
    """A teacher of a recorded run.

    Attributes:
        arm: the first of those that it taught.
        teacher: hash of its settings.
        ended: why it was not asked about all levels ("budget", "unavailable", "stopped"); "": it was.
        levels: those that it was asked about.
    """

    run: Run
    arm: str
    teacher: str
    ended: str
    levels: frozenset[int]

    def asked_about(self, level_seed: int) -> bool:
        """Whether the recorded run got as far as this level."""
        return not self.ended or level_seed in self.levels


def recorded_teacher(folder: Path, arm: str | None) -> RecordedTeacher:
    """The teacher of an arm of a recorded run; None: its only one.

    Raises:
        ReplayError: there is no such run, arm or teacher.
    """
    from palaestra.asking import teacher_hash
    from palaestra.run import RunError, open_run
    from palaestra.spec import SpecError
    from palaestra.store import StoreError

    try:
        run = open_run(Path(folder).expanduser())
        with run.open_store(read_only=True) as store:
            taught = {name: teacher_hash(run.spec.arm(name)) for name in _taught(run.spec)}
            known = ", ".join(taught) or "none"
            if arm is not None and arm not in taught:
                raise ReplayError(f"{folder} has no arm '{arm}' with a teacher to replay; arms with one: {known}")
            if arm is None and len(set(taught.values())) != 1:
                raise ReplayError(f"{folder} has several teachers, or none: say `arm`, one of: {known}")
            teacher = taught[arm] if arm is not None else next(iter(taught.values()))
            levels = store.query("SELECT level_seed FROM lessons WHERE teacher = ?", (teacher,))
            ended = store.info().get(f"asked/{teacher}", {}).get("ended", "stopped")
    except (RunError, SpecError, StoreError) as error:
        raise ReplayError(f"{folder} cannot be replayed: {error}") from error
    first = next(name for name, found in taught.items() if found == teacher)
    return RecordedTeacher(run, first, teacher, ended, frozenset(seed for (seed,) in levels))


def replayed(arm: ArmSpec) -> RecordedTeacher | None:
    """What an arm's teacher replays; None: it answers anew.

    Raises:
        ReplayError: there is no such record.
    """
    model = arm.teacher.model if arm.teacher else {}
    return recorded_teacher(Path(model["run"]), model.get("arm")) if model.get("backend") == BACKEND else None


def replays_late(arm: ArmSpec) -> bool:
    """Whether an arm's lessons are those that came in while a recorded run learned."""
    return arm.teacher is not None and arm.teacher.late and arm.teacher.model.get("backend") == BACKEND


def with_replay(spec: RunSpec, folder: Path) -> RunSpec:
    """A spec whose teachers answer as those of the same arms did in a recorded run.

    Raises:
        ReplayError: the run has no such arm with a teacher, or the arm's cannot be replayed.
    """
    arms = dict(spec.arms)
    for name in _taught(spec):
        teacher = arms[name].teacher
        assert teacher is not None
        if not teacher.asks_model:
            continue
        recorded = recorded_teacher(folder, name)
        settings = ReplayConfig(run=folder, arm=recorded.arm).model_dump(mode="json")
        # An answer out of a cache would be none of the recorded run.
        changed = teacher.model_copy(update={"model": settings, "cache": None})
        arms[name] = arms[name].model_copy(update={"teacher": changed})
    return spec.model_copy(update={"arms": arms})


def _taught(spec: RunSpec) -> list[str]:
    return [name for name in spec.arm_names if spec.arm(name).teacher is not None]


class ReplayModel(JudgedWrapper):
    """Gives again what a recorded run's teacher was answered: the same replies, and the same failures.

    It has the identity of the recorded model, so requests have the same hashes.

    Args:
        config: see `ReplayConfig`.

    Raises:
        ReplayError: there is no such run or arm, or its record is of no use.
    """

    Config = ReplayConfig

    def __init__(self, config: ReplayConfig) -> None:
        recorded = recorded_teacher(config.run, config.arm)
        self._where = f"{config.run}, arm '{recorded.arm}'"
        with recorded.run.open_store(read_only=True) as store:
            calls = recorded_calls(store, "teacher = ? ORDER BY id", (recorded.teacher,))
        if not calls:
            raise ReplayError(f"{self._where}: its teacher was never asked, so there is nothing to replay")
        if any(not call.identity or call.sampling is None for call in calls):
            raise ReplayError(
                f"{self._where}: some of its calls were recorded by an older Palaestra, which did not keep all that a "
                "replay needs; record it again"
            )
        self.identity = calls[-1].identity
        self.name = f"replay({', '.join(sorted({call.model for call in calls if call.model}))})"
        self._record = _Record(calls)

    async def complete_judged(
        self, messages: Sequence[Message], schema: dict[str, Any] | None, settings: Sampling, judge: Judge
    ) -> Completion:
        """The recorded reply.

        Raises:
            TeacherUnavailable: of the recorded kind; of the kind "unrecorded" when there was no such request.
        """
        calls = self._record.next(judge.lesson_key, request_hash(messages, schema, settings, self.identity))
        if calls is None:
            asked = request_text(messages, schema, settings, self.identity)
            reason = f"{self._where} has no call with this request{_of(judge.lesson_key)}"
            raise TeacherUnavailable(
                "unrecorded", f"{reason}; {self._record.nearest(judge.lesson_key, asked)}", origin="replay"
            )
        reply: Completion | None = None
        for call in calls:
            if call.reply is not None:
                completion = _completion(call, call.reply)
                with suppress(LessonRefused):
                    judge.read(completion)
                reply = completion if call.chosen else reply
            else:
                error = TeacherUnavailable(call.error_kind or "unavailable", call.error or "", origin="replay")
                judge.failed(call.model, call.backend, error, call.seconds)
                if call.chosen:
                    raise error
        assert reply is not None, "attempts without an outcome are left out"
        return reply


def _completion(call: CallRecord, reply: str) -> Completion:
    kept = call.model_dump(include={"model", "backend", "tokens_in", "tokens_out", "seconds", "price"})
    return Completion(text=reply, origin="replay", **kept)


def _of(lesson_key: str) -> str:
    return f" (for {lesson_key})" if lesson_key else ""


# ---------------------------------------------------------------------------------------------- the record


class _Record:
    """Recorded attempts by request: the first is given first, the last again and again."""

    def __init__(self, calls: Sequence[CallRecord]) -> None:
        self._calls = calls
        self._by_lesson: dict[tuple[str, str], list[list[CallRecord]]] = {}
        self._remembered: dict[tuple[str, str], list[list[CallRecord]]] = {}
        self._by_request: dict[str, list[list[CallRecord]]] = {}
        self._given: Counter[tuple[str, str]] = Counter()
        for attempt in _attempts(calls):
            first = attempt[0]
            assert first.sampling is not None
            request = request_hash(first.messages, first.response_schema, first.sampling, first.identity)
            self._by_lesson.setdefault((first.lesson_key, request), []).append(attempt)
            if first.origin == "cache":
                # An answer that was known already has the messages of the attempt that it was given to.
                self._remembered.setdefault((first.lesson_key, first.request_hash), []).append(attempt)
        for (lesson, request), attempts in self._by_lesson.items():
            self._by_lesson[lesson, request] = attempts = _without_interruptions(attempts)
            self._by_request.setdefault(request, []).extend(attempts)

    def next(self, lesson_key: str, request: str) -> list[CallRecord] | None:
        """The calls of the next attempt; None: there was no such request."""
        key = (lesson_key, request)
        # The same question may have been asked for several lessons, and answered differently.
        found = self._by_lesson.get(key) or self._remembered.get(key) or self._by_request.get(request)
        if not found:
            return None
        self._given[key] += 1
        return found[min(self._given[key], len(found)) - 1]

    def nearest(self, lesson_key: str, asked: str) -> str:
        """The most similar recorded request, and what differs; a sentence with a diff in it."""
        lines = asked.splitlines()
        candidates = [call for call in self._calls if call.lesson_key == lesson_key] or self._calls[:MAX_COMPARED]
        texts = {id(call): text_of(call).splitlines() for call in candidates}
        best = max(candidates, key=lambda call: _similarity(lines, texts[id(call)]))
        found = list(difflib.unified_diff(texts[id(best)], lines, "recorded", "asked", n=1, lineterm=""))
        more = [f"... and {len(found) - MAX_DIFFERENCES} more lines"] if len(found) > MAX_DIFFERENCES else []
        shown = printable("\n".join([*found[:MAX_DIFFERENCES], *more]))
        return f"the nearest that was recorded, for {best.lesson_key}, differs so:\n{shown}"


def _similarity(lines: Sequence[str], others: Sequence[str]) -> float:
    here, there = set(lines), set(others)
    return len(here & there) / max(len(here | there), 1)


def _attempts(calls: Sequence[CallRecord]) -> Iterator[list[CallRecord]]:
    """Calls by the attempt that they were made for; several lessons' may alternate."""
    open_attempts: dict[str, list[CallRecord]] = {}
    for call in calls:
        if call.part == 0 and call.lesson_key in open_attempts:
            yield open_attempts.pop(call.lesson_key)
        open_attempts.setdefault(call.lesson_key, []).append(call)
    yield from open_attempts.values()


def _without_interruptions(attempts: list[list[CallRecord]]) -> list[list[CallRecord]]:
    """Without those that came to no end, or to none but the model's silence before it was asked again."""
    ended = [attempt for attempt in attempts if any(call.chosen for call in attempt)]
    last = len(ended) - 1
    return [attempt for k, attempt in enumerate(ended) if k == last or not _silent(attempt)]


def _silent(attempt: Sequence[CallRecord]) -> bool:
    return any(call.chosen and call.reply is None for call in attempt)


# ---------------------------------------------------------------------------------------------- requests as text


def request_text(
    messages: Sequence[Message], schema: Mapping[str, Any] | None, sampling: Sampling | None, identity: str
) -> str:
    """All that a request's hash depends on, for people to compare."""
    settings = sampling.model_dump(exclude={"timeout"}) if sampling else {}
    parts = [f"model: {identity}", f"sampling: {json.dumps(settings)}"]
    parts += [f"-- {message.role}\n{message.content}" for message in messages]
    return "\n".join([*parts, "-- schema", json.dumps(schema, indent=1)])


def text_of(call: CallRecord) -> str:
    """A recorded request; see `request_text`."""
    return request_text(call.messages, call.response_schema, call.sampling, call.identity)
