"""The perfect teacher for MiniGrid levels, and the same with the mistakes that real models make."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from pydantic import ValidationError

from palaestra_worlds.base import Mistakes, OracleError, TaskError
from palaestra_worlds.minigrid.description import (
    COLOR_NAMES,
    STATE_NAMES,
    TYPE_NAMES,
    DescriptionError,
    parse_description,
)
from palaestra_worlds.minigrid.grid_state import GridState
from palaestra_worlds.minigrid.solver import Milestone, SolverError, solve, with_doorways
from palaestra_worlds.minigrid.state import (
    BOX,
    DOOR,
    EMPTY_CELL,
    GOAL,
    WALL,
    cell_color,
    cell_inside,
    cell_state,
    cell_type,
)
from palaestra_worlds.minigrid.subgoals import resolve_subgoals
from palaestra_worlds.minigrid.tasks import (
    PHRASES,
    VERBS,
    LanguageSubgoal,
    MiniGridTask,
    ObjectSubgoal,
    PositionSubgoal,
    Subgoal,
    SubgoalForm,
    Verb,
)

EVERY_DOORWAY = "every doorway"
"""What a prompt says that wants the doors on the way listed too."""

_PHRASES = frozenset(PHRASES)
_USUAL_VERBS: dict[int, Verb] = {DOOR: "open", BOX: "open", GOAL: "go to"}


def oracle(prompt: str, schema: dict[str, Any] | None) -> dict[str, Any] | None:
    """The milestones of a plan for the level that the prompt describes, as `{"subgoals": [...]}`.

    A subgoal is given in the words that mean its cell in this level, where its form has such words. Milestones
    that it has none for (say, the farther one of two green balls) are left out. A prompt that asks for "every doorway"
    gets the doors on the way too.

    Args:
        prompt: text that holds a description of a level; None comes back if it holds none.
        schema: JSON schema of the answer; its subgoals' form is the answer's. None: positions.

    Raises:
        OracleError: the level cannot be solved.
    """
    state = _described(prompt)
    if state is None:
        return None
    form = form_of(schema)
    try:
        solution = solve(state)
    except SolverError as error:
        raise OracleError(f"this level has no perfect answer: {error}") from error
    milestones = solution.milestones
    if EVERY_DOORWAY in prompt:
        milestones = with_doorways(state, solution.actions, milestones)
    subgoals = [subgoal for milestone in milestones if (subgoal := express(state, milestone, form)) is not None]
    if not subgoals:
        raise OracleError(f"no {form} subgoal can say what this level needs")
    return {"subgoals": [subgoal.model_dump(exclude_none=True) for subgoal in subgoals]}


def form_of(schema: dict[str, Any] | None) -> SubgoalForm:
    """The form of the subgoals that a JSON schema asks for: the first one that it allows; position without a schema."""
    if schema is None:
        return "position"
    items = schema.get("properties", {}).get("subgoals", {}).get("items", {})
    for variant in _variants(schema, items):
        form = variant.get("properties", {}).get("form", {})
        for name in (form.get("const"), *form.get("enum", ()), form.get("default")):
            if name in ("position", "object", "language"):
                return name
    return "position"


def _variants(schema: dict[str, Any], items: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "$ref" in items:
        items = schema.get("$defs", {}).get(items["$ref"].rpartition("/")[2], {})
    yield items
    for part in (*items.get("anyOf", ()), *items.get("oneOf", ()), *items.get("allOf", ())):
        yield from _variants(schema, part)


def _described(prompt: str) -> GridState | None:
    try:
        return parse_description(prompt)
    except DescriptionError:
        return None


# ---------------------------------------------------------------------------------------------- words


def express(state: GridState, milestone: Milestone, form: SubgoalForm) -> Subgoal | None:
    """A subgoal of this form that means the milestone's cell; None if the form has none.

    Milestones beside their object (a door to stand in front of) are named by the object.
    """
    if form == "position":
        return PositionSubgoal(x=milestone.x, y=milestone.y)
    wanted = _cell_of(state, milestone)
    for subgoal in _names(milestone, form):
        try:
            [(cell, _)] = resolve_subgoals(state, [subgoal])
        except TaskError:
            continue
        if cell == wanted:
            return subgoal
    return None


def _cell_of(state: GridState, milestone: Milestone) -> tuple[int, int]:
    """Where the object of a milestone lies: at its place, or beside it."""
    x, y = milestone.x, milestone.y
    if state.at(x, y) == milestone.cell:
        return x, y
    near = [place for place in _square(x, y) if state.at(*place) == milestone.cell]
    return near[0] if near else (x, y)


def _square(x: int, y: int) -> list[tuple[int, int]]:
    return [(x + step_x, y + step_y) for step_x in (-1, 0, 1) for step_y in (-1, 0, 1)]


def _names(milestone: Milestone, form: SubgoalForm) -> Iterator[Subgoal]:
    """What the milestone could be called: by its object, then by what the object holds."""
    for verb, cell in ((milestone.verb, milestone.cell), ("pick up", cell_inside(milestone.cell))):
        name = TYPE_NAMES.get(cell_type(cell))
        if cell == EMPTY_CELL or name not in VERBS["go to"]:
            continue
        color = COLOR_NAMES[cell_color(cell)]
        if form == "language":
            phrase = f"{verb} the {color} {name}"
            if phrase in _PHRASES:
                yield LanguageSubgoal(instruction=phrase)
        else:
            door_state = STATE_NAMES[cell_state(cell)] if name == "door" else None
            yield ObjectSubgoal.model_validate({"type": name, "color": color, "state": door_state})


# ---------------------------------------------------------------------------------------------- mistakes


def misread(
    prompt: str, answer: dict[str, Any], mistakes: Mistakes, random: np.random.Generator
) -> dict[str, Any] | None:
    """The answer with mistakes, entry by entry, each of them possible in the level that the prompt describes.

    An entry that is wrong (probability 1 - accuracy) becomes another cell in a random direction at a distance drawn
    from a normal distribution, or what means another object of the level. Then entries are left out, and neighbours
    swapped. With equal random numbers a lower accuracy adds mistakes and changes none. An answer that is no list of
    subgoals comes back as it is; so do an entry that means nothing in the level and the name of its only object.
    """
    state = _described(prompt)
    if state is None:
        return None
    entries: Any = answer.get("subgoals")
    try:
        subgoals = MiniGridTask.model_validate({"subgoals": entries}).subgoals
    except ValidationError:
        return answer
    chances = random.random((len(entries), 3))
    streams = random.spawn(len(entries))
    kept = []
    for entry, subgoal, (right, present, _), stream in zip(entries, subgoals, chances, streams, strict=True):
        if present < mistakes.missing:
            continue
        wrong = None if right < mistakes.accuracy else _wrong(state, subgoal, mistakes, stream)
        kept.append(entry if wrong is None else wrong.model_dump(exclude_none=True))
    k = 0
    while k < len(kept) - 1:
        if chances[k, 2] < mistakes.swapped:
            kept[k], kept[k + 1] = kept[k + 1], kept[k]
            k += 1
        k += 1
    return answer | {"subgoals": kept}


def _wrong(state: GridState, subgoal: Subgoal, mistakes: Mistakes, random: np.random.Generator) -> Subgoal | None:
    """Another subgoal of the same form that means another cell; None if there is none."""
    try:
        [(cell, _)] = resolve_subgoals(state, [subgoal])
    except TaskError:
        return None
    if isinstance(subgoal, PositionSubgoal):
        x, y = _moved(state, *cell, mistakes, random)
        return PositionSubgoal(x=x, y=y)
    others = [name for name in _all_names(state, subgoal.form) if resolve_subgoals(state, [name])[0][0] != cell]
    return others[random.integers(len(others))] if others else None


def _moved(
    state: GridState, x: int, y: int, mistakes: Mistakes, random: np.random.Generator, tries: int = 100
) -> tuple[int, int]:
    """Another cell that is no wall; after so many tries the nearest one."""
    for _ in range(tries):
        distance = max(1.0, random.normal(mistakes.distance_mean, mistakes.distance_std))
        angle = random.uniform(0.0, 2 * np.pi)
        moved = round(x + distance * np.cos(angle)), round(y + distance * np.sin(angle))
        if moved != (x, y) and _is_free(state, *moved):
            return moved
    cells = ((other_x, other_y) for other_x in range(state.width) for other_y in range(state.height))
    others = [cell for cell in cells if cell != (x, y) and _is_free(state, *cell)]
    return min(others, key=lambda cell: abs(cell[0] - x) + abs(cell[1] - y), default=(x, y))


def _is_free(state: GridState, x: int, y: int) -> bool:
    return 0 <= x < state.width and 0 <= y < state.height and cell_type(state.at(x, y)) != WALL


def _all_names(state: GridState, form: SubgoalForm) -> list[Subgoal]:
    """What the objects of the level are called, each name once."""
    named = [
        subgoal
        for x, y, cell in state.objects
        for subgoal in _names(Milestone(_USUAL_VERBS.get(cell_type(cell), "pick up"), x, y, cell), form)
    ]
    return list(dict.fromkeys(named))
