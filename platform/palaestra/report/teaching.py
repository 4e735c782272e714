"""What a run's teachers did: lessons kept and dropped, how far they were followed, calls and their price."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from palaestra.report import text
from palaestra.report.arms import ArmResult
from palaestra.report.calls import CallTable, model_rows, read_call_table
from palaestra.report.pictures import level_picture
from palaestra.report.words import describe_teacher
from palaestra.results import (
    CallSummary,
    LessonRow,
    Reached,
    SubgoalShare,
    read_calls,
    read_lessons,
    read_reached,
    subgoal_shares,
)
from palaestra.store import Store

EXAMPLES = 6


@dataclass(frozen=True)
class ExampleSubgoal:
    """A subgoal in words, and the share of the level's training episodes that reached it; None: never played."""

    words: str
    share: float | None


@dataclass(frozen=True)
class ExampleLevel:
    """A level as the page shows it; `picture` is a data URL."""

    level_seed: int
    picture: str
    episodes: int
    subgoals: tuple[ExampleSubgoal, ...]


@dataclass(frozen=True)
class Teaching:
    """One teacher, shared by arms that are taught the same.

    Attributes:
        levels: that it is to be asked about; 0 for one that looks on, and asks about what it sees.
        asked: levels that it has been asked about so far, or its questions.
        dropped: levels without a lesson, by kind of failure; `reasons` has an example for each kind.
        retried: kept lessons that took more than one call.
        models: a row of cells for each language model, where several answered.
    """

    arms: tuple[str, ...]
    description: str
    levels: int
    asked: int
    kept: int
    dropped: dict[str, int]
    reasons: dict[str, str]
    retried: int
    shares: tuple[SubgoalShare, ...]
    examples: tuple[ExampleLevel, ...]
    calls: CallSummary
    models: tuple[tuple[str, ...], ...]
    call_table: CallTable


def read_teachings(store: Store, arms: Sequence[ArmResult]) -> list[Teaching]:
    """The teachers of a run that are asked about levels, or look on, in the order of the arms.

    Raises:
        StoreError: the store cannot be read.
    """
    from palaestra.asking import teacher_hash

    taught: dict[str, list[ArmResult]] = {}
    for arm in arms:
        if arm.spec.teacher is not None and arm.spec.teacher.schedule is None:
            taught.setdefault(teacher_hash(arm.spec), []).append(arm)
    return [_read(store, teacher, sharing) for teacher, sharing in taught.items()]


def _read(store: Store, teacher: str, arms: Sequence[ArmResult]) -> Teaching:
    from palaestra.asking import lessons_key

    settings = arms[0].spec.teacher
    assert settings is not None
    keys = (
        [teacher]
        if settings.onlooking is None
        else [lessons_key(arm.spec, trial.row) for arm in arms for trial in arm.trials]
    )
    lessons, calls = [lesson for key in keys for lesson in read_lessons(store, key)], read_calls(store, teacher)
    reached = read_reached(store, [trial.row.id for arm in arms for trial in arm.trials])
    dropped = [lesson for lesson in lessons if not lesson.kept]
    return Teaching(
        arms=tuple(arm.name for arm in arms),
        description=describe_teacher(settings),
        levels=0 if settings.onlooking else max(arm.spec.levels or 0 for arm in arms),
        asked=len(lessons),
        kept=len(lessons) - len(dropped),
        dropped=dict(Counter(lesson.failure for lesson in dropped).most_common()),
        reasons={lesson.failure: lesson.reason for lesson in reversed(dropped)},
        retried=sum(lesson.kept and lesson.attempts > 1 for lesson in lessons),
        shares=tuple(subgoal_shares(list(reached.values()))),
        examples=tuple(_examples(arms[0], lessons, reached)),
        calls=calls,
        models=tuple(model_rows(calls)),
        call_table=read_call_table(store, teacher),
    )


def _examples(arm: ArmResult, lessons: Sequence[LessonRow], reached: dict[int, Reached]) -> list[ExampleLevel]:
    """Levels from the one whose lesson was followed to its end most often to the one where it was least often."""
    from palaestra.build import make_world

    usable = [
        (lesson.level_seed, lesson.tasks[0])
        for lesson in lessons
        if lesson.kept and lesson.level_seed is not None and lesson.tasks and lesson.tasks[0].get("subgoals")
    ]
    if not usable:
        return []
    usable.sort(key=lambda entry: (-_followed(reached.get(entry[0])), entry[0]))
    count = min(EXAMPLES, len(usable))
    chosen = [usable[round(k * (len(usable) - 1) / max(count - 1, 1))] for k in range(count)]
    world = make_world(arm.spec, 1)
    try:
        return [_example(world, seed, task, reached.get(seed)) for seed, task in chosen]
    finally:
        world.close()


def _followed(reached: Reached | None) -> float:
    return reached.shares[-1] if reached else -1.0


def _example(world: Any, seed: int, task: dict[str, Any], reached: Reached | None) -> ExampleLevel:
    subgoals = task["subgoals"]
    shares = reached.shares if reached else (None,) * len(subgoals)
    shown = [ExampleSubgoal(subgoal_words(subgoal), share) for subgoal, share in zip(subgoals, shares, strict=False)]
    picture = level_picture(world, world.task_space.model_validate(task))
    return ExampleLevel(seed, picture, reached.episodes if reached else 0, tuple(shown))


def subgoal_words(subgoal: dict[str, Any]) -> str:
    """A subgoal as a reader understands it, whatever its form."""
    form = subgoal.get("form")
    if form == "position":
        return f"cell ({subgoal['x']}, {subgoal['y']})"
    if form == "object":
        return " ".join(str(subgoal[key]) for key in ("state", "color", "type") if subgoal.get(key))
    if form == "language":
        return subgoal["instruction"]
    return ", ".join(f"{key} {value}" for key, value in subgoal.items() if key != "form")


def calls_cells(calls: CallSummary) -> list[tuple[str, str]]:
    """Names and values for a table."""
    return [
        ("Calls", text.count(calls.calls)),
        ("Answers used again, without a call", text.count(sum(calls.reused.values()))),
        ("Repeated with the error told", text.count(calls.retries)),
        ("Failed", ", ".join(f"{text.count(number)} {kind}" for kind, number in calls.failures.items()) or "none"),
        ("Tokens in / out", f"{text.count(calls.tokens_in)} / {text.count(calls.tokens_out)}"),
        ("Seconds waited for replies", text.seconds(calls.seconds)),
        ("Price", text.cost(calls.price, calls.priced, calls.unpriced)),
        ("Answered by", ", ".join(calls.models) or "nobody"),
    ]
