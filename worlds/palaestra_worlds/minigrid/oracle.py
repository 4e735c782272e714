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
from palaestra_worlds.minigrid.solver import Milestone, SolverError, solve
from palaestra_worlds.minigrid.state import (
    DOOR,
    EMPTY_CELL,
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
)

_PHRASES = frozenset(PHRASES)


def oracle(prompt: str, schema: dict[str, Any] | None) -> dict[str, Any] | None:
    """The milestones of a plan for the level that the prompt describes, as `{"subgoals": [...]}`.

    A subgoal is given in the words that mean its cell in this level, where its form has such words. Milestones
    that it has none for (say, the farther one of two green balls) are left out.

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
        milestones = solve(state).milestones
    except SolverError as error:
        raise OracleError(f"this level has no perfect answer: {error}") from error
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

    An entry that is wrong (probability 1 - accuracy) is another cell at a distance drawn from a normal distribution,
    or another object of the level. Then entries are left out, and neighbours swapped. An answer that is no list of
    subgoals comes back as it is.
    """
    state = _described(prompt)
    if state is None:
        return None
    given: Any = answer.get("subgoals")
    try:
        MiniGridTask.model_validate({"subgoals": given})
    except ValidationError:
        return answer
    # Drawn together, so that the less accurate of two models is also wrong where the other one is.
    right = random.random(len(given)) < mistakes.accuracy
    entries = [entry if right[k] else _wrong(state, entry, mistakes, random) for k, entry in enumerate(given)]
    entries = [entry for entry in entries if random.random() >= mistakes.missing]
    for k in range(len(entries) - 1):
        if random.random() < mistakes.swapped:
            entries[k], entries[k + 1] = entries[k + 1], entries[k]
    return answer | {"subgoals": entries}


def _wrong(state: GridState, entry: dict[str, Any], mistakes: Mistakes, random: np.random.Generator) -> dict[str, Any]:
    form = entry.get("form", "position")
    if form == "position":
        x, y = _moved(state, int(entry["x"]), int(entry["y"]), mistakes, random)
        return entry | {"x": x, "y": y}
    others = [name for name in _all_names(state, form) if name != entry]
    return others[random.integers(len(others))] if others else entry


def _moved(
    state: GridState, x: int, y: int, mistakes: Mistakes, random: np.random.Generator, tries: int = 200
) -> tuple[int, int]:
    """Another cell that is no wall: in a random direction, at the drawn distance rounded to whole cells."""
    for _ in range(tries):
        distance = max(1.0, random.normal(mistakes.distance_mean, mistakes.distance_std))
        angle = random.uniform(0.0, 2 * np.pi)
        moved = round(x + distance * np.cos(angle)), round(y + distance * np.sin(angle))
        if moved != (x, y) and _is_free(state, *moved):
            return moved
    others = [
        (other_x, other_y)
        for other_x in range(state.width)
        for other_y in range(state.height)
        if (other_x, other_y) != (x, y) and _is_free(state, other_x, other_y)
    ]
    return min(others, key=lambda cell: abs(cell[0] - x) + abs(cell[1] - y), default=(x, y))


def _is_free(state: GridState, x: int, y: int) -> bool:
    return 0 <= x < state.width and 0 <= y < state.height and cell_type(state.at(x, y)) != WALL


def _all_names(state: GridState, form: SubgoalForm) -> list[dict[str, Any]]:
    """Every subgoal of this form that means something in the level."""
    found: list[Subgoal] = []
    for x, y, cell in state.objects:
        for verb in VERBS if form == "language" else ("open" if cell_type(cell) == DOOR else "pick up",):
            found.extend(_names(Milestone(verb, x, y, cell), form))
    names = [subgoal.model_dump(exclude_none=True) for subgoal in found]
    return [name for k, name in enumerate(names) if name not in names[:k]]
