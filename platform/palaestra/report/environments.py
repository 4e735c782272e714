"""What teachers with a schedule did: the environments of each cycle, why, and what became of each objective."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from palaestra.report import text
from palaestra.report.arms import ArmResult
from palaestra.report.objectives import Rates, read_rates, spread
from palaestra.report.words import describe_teacher
from palaestra.results import summarize_calls
from palaestra.store import Store

if TYPE_CHECKING:
    from palaestra_teachers.base import Schedule
    from palaestra_worlds.base import Task, World

MOST_CYCLES = 8
"""Cycles that are shown of one arm; of more, these many evenly spread."""
MOST_ENVIRONMENTS = 8
"""Environments that are shown of one cycle, those that are drawn most often."""
PICTURE_SIDE = 384


@dataclass(frozen=True)
class Shown:
    """An environment as the page shows it; `picture` is a data URL of the beginning of one of its levels."""

    picture: str
    settings: str
    why: str
    share: float
    episodes: int
    success: float | None


@dataclass(frozen=True)
class Cycle:
    """One cycle of an arm: environments of its first seed, objectives over all seeds.

    Attributes:
        began: environment steps at which it began.
        failure: why there were no new environments; empty if there were.
        remarks: what of the reply was not used.
        objectives: (name, before, after) of each, in words.
        cost: calls of all seeds, in words.
    """

    number: int
    began: int
    environments: tuple[Shown, ...]
    more: int
    failure: str
    remarks: tuple[str, ...]
    objectives: tuple[tuple[str, str, str], ...]
    cost: str


@dataclass(frozen=True)
class Course:
    """What one arm was taught."""

    arm: str
    description: str
    seed: int
    seeds: int
    turns: int
    cycles: tuple[Cycle, ...]


# ---------------------------------------------------------------------------------------------- cycles


def read_courses(store: Store, arms: Sequence[ArmResult]) -> list[Course]:
    """The arms whose teacher has a schedule.

    Raises:
        StoreError: the store cannot be read.
    """
    from palaestra.build import make_world

    courses = []
    for arm in arms:
        teacher = arm.spec.teacher
        if teacher is None or teacher.schedule is None or not arm.trials:
            continue
        world = make_world(arm.spec, 1)
        try:
            cycles = _read_cycles(store, arm, teacher.schedule, world)
        finally:
            world.close()
        seed = arm.trials[0].row.seed
        courses.append(
            Course(arm.name, describe_teacher(teacher), seed, len(arm.trials), teacher.schedule.turns, tuple(cycles))
        )
    return courses


def _read_cycles(store: Store, arm: ArmResult, schedule: Schedule, world: World) -> list[Cycle]:
    from palaestra.asking import lessons_key

    first = arm.trials[0].row
    rows = store.query(
        "SELECT level_seed, lesson, reason FROM lessons WHERE teacher = ? ORDER BY level_seed",
        (lessons_key(arm.spec, first),),
    )
    lessons = [(turn, json.loads(lesson) if lesson else None, reason) for turn, lesson, reason in rows]
    played = _played(store, first.id, [content for _, content, _ in lessons], arm.spec.levels or 0)
    rates = [read_rates(store, trial.row.id) for trial in arm.trials]
    length = schedule.steps // schedule.turns
    return [
        Cycle(
            number=turn + 1,
            began=turn * length,
            failure=reason,
            remarks=tuple(f"{remark['kind']}: {remark['message']}" for remark in (content or {}).get("remarks", ())),
            objectives=_changes(rates, turn * length, (turn + 1) * length, world.objectives),
            cost=_cost(store, arm, turn),
            **_environments(content, played, world),
        )
        for turn, content, reason in _spread_evenly(lessons, MOST_CYCLES)
    ]


def _spread_evenly(entries: list[Any], most: int) -> list[Any]:
    count = min(most, len(entries))
    return [entries[round(k * (len(entries) - 1) / max(count - 1, 1))] for k in range(count)]


def _played(
    store: Store, trial: int, lessons: Sequence[dict[str, Any] | None], levels: int
) -> dict[str, tuple[int, int]]:
    """Episodes and successes in training of each environment, by its task as JSON text."""
    counts = {
        key: (episodes, successes)
        for key, episodes, successes in store.query(
            "SELECT level_seed, episodes, successes FROM lesson_progress WHERE trial = ? AND level_seed < 0", (trial,)
        )
    }
    tasks = dict.fromkeys(json.dumps(task) for content in lessons if content for task in content["tasks"])
    # The bank's order: each task once, as it came.
    return {task: counts.get(-1 - row, (0, 0)) for row, task in enumerate(tasks)}


def _environments(content: dict[str, Any] | None, played: dict[str, tuple[int, int]], world: World) -> dict[str, Any]:
    if content is None:
        return {"environments": (), "more": 0}
    tasks = content["tasks"]
    weights = content.get("weights") or [1.0] * len(tasks)
    reasons = content.get("reasons") or [""] * len(tasks)
    order = sorted(range(len(tasks)), key=lambda place: -weights[place])[:MOST_ENVIRONMENTS]
    shown = []
    for place in order:
        task = world.task_space.model_validate(tasks[place])
        episodes, successes = played[json.dumps(tasks[place])]
        shown.append(
            Shown(
                picture=_picture(world, task),
                settings=settings_words(task.model_dump(mode="json", exclude_defaults=True, exclude={"level_seed"})),
                why=reasons[place],
                share=weights[place] / sum(weights),
                episodes=episodes,
                success=successes / episodes if episodes else None,
            )
        )
    return {"environments": tuple(shown), "more": len(tasks) - len(order)}


def _picture(world: World, task: Task) -> str:
    """The beginning of one level of a task."""
    from PIL import Image

    from palaestra.report.pictures import data_url
    from palaestra.watch import shrink

    world.assign([task.model_copy(update={"level_seed": task.level_seed or 0})])
    world.reset(seed=[0])
    out = BytesIO()
    Image.fromarray(shrink(world.render_level(0), PICTURE_SIDE)).quantize(64).save(out, "png", optimize=True)
    return data_url(out.getvalue(), "png")


def settings_words(settings: dict[str, Any]) -> str:
    """What an environment sets, e.g. "size 5; doors blue, green; inventory wood 1"."""
    return "; ".join(f"{name.replace('_', ' ')} {_value_words(value)}" for name, value in settings.items()) or (
        "as the original"
    )


def _value_words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {_value_words(entry)}" for name, entry in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(_value_words, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _changes(
    rates: Sequence[Rates], began: int, ended: int, objectives: Sequence[str]
) -> tuple[tuple[str, str, str], ...]:
    """(objective, before, after) of those that are measured at all."""
    found = []
    for name in objectives:
        before = [value for entry in rates if (value := _at(entry.get(name, ()), began)) is not None]
        after = [value for entry in rates if (value := _at(entry.get(name, ()), ended)) is not None]
        if any(name in entry for entry in rates):
            found.append((name, spread(before), spread(after)))
    return tuple(found)


def _at(points: Sequence[tuple[int, float]], step: int) -> float | None:
    """What was measured first from a step on."""
    return next((value for measured, value in points if measured >= step), None)


def _cost(store: Store, arm: ArmResult, turn: int) -> str:
    """Calls of one cycle by all seeds, in words; empty where no language model was asked."""
    from palaestra.asking import teacher_hash

    calls = summarize_calls(store, "teacher = ? AND lesson_key LIKE ?", (teacher_hash(arm.spec), f"%/cycle {turn + 1}"))
    asked = calls.calls + sum(calls.reused.values())
    if not asked:
        return ""
    parts = [f"{text.count(calls.calls)} call{'s' * (calls.calls != 1)}"]
    parts += [f"{text.count(number)} from a {origin}" for origin, number in calls.reused.items()]
    if calls.tokens_in is not None:
        parts.append(text.tokens(calls.tokens_in, calls.tokens_out))
    return ", ".join([*parts, text.cost(calls.price, calls.priced, calls.unpriced)])
