"""A level in plain words, for a language model to plan on; and the words back into the level."""

from __future__ import annotations

import re
from typing import NamedTuple

from palaestra_worlds.minigrid.grid_state import GridState
from palaestra_worlds.minigrid.state import (
    BALL,
    BOX,
    DOOR,
    EMPTY,
    EMPTY_CELL,
    FLOOR,
    GOAL,
    KEY,
    LAVA,
    LAVA_CELL,
    WALL,
    WALL_CELL,
    cell_color,
    cell_inside,
    cell_state,
    cell_type,
    make_cell,
)


class DescriptionError(ValueError):
    """A text that is no description of a level; the message says where it stops making sense."""


COLOR_NAMES = ("red", "green", "blue", "purple", "yellow", "grey")
STATE_NAMES = ("open", "closed", "locked")
DIRECTION_NAMES = ("east", "south", "west", "north")
TYPE_NAMES = {
    WALL: "wall",
    FLOOR: "floor",
    DOOR: "door",
    KEY: "key",
    BALL: "ball",
    BOX: "box",
    GOAL: "goal",
    LAVA: "lava",
}
SYMBOLS = {
    WALL: "#",
    EMPTY: ".",
    LAVA: "~",
    FLOOR: ",",
    DOOR: "D",
    KEY: "K",
    BALL: "O",
    BOX: "B",
    GOAL: "G",
}
AGENT_SYMBOL = "@"
_PLAIN = {"#": WALL_CELL, ".": EMPTY_CELL, "~": LAVA_CELL, AGENT_SYMBOL: EMPTY_CELL}
_TYPE_NUMBERS = {name: kind for kind, name in TYPE_NAMES.items()}
_MAX_SIDE = 255


def describe_level(state: GridState) -> str:
    """The whole level: size, map, every object with its place, the agent, steps and mission.

    A blank line never occurs in it. `parse_description` gives the state back.
    """
    symbols = {_symbol(state, x, y) for x in range(state.width) for y in range(state.height)}
    names = {SYMBOLS[kind]: TYPE_NAMES.get(kind, "empty") for kind in SYMBOLS} | {AGENT_SYMBOL: "agent"}
    legend = ", ".join(f"{symbol} {name}" for symbol, name in names.items() if symbol in symbols)
    digits = len(str(state.height - 1))
    header = " " * (digits + 1) + "".join(str(x % 10) for x in range(state.width))
    rows = (f"{y:>{digits}} " + "".join(_symbol(state, x, y) for x in range(state.width)) for y in range(state.height))
    carried = _name(state.carrying) if state.carrying else "nothing"
    return "\n".join(
        [
            f"Level: {state.width} columns, {state.height} rows. (x, y) is column x from the left, row y from the top, "
            "both from 0; north is up.",
            f"Map: {legend}",
            header,
            *rows,
            "Objects:",
            *(f"- {_name(cell)} at ({x}, {y})" for x, y, cell in _listed(state)),
            f"Agent: at ({state.x}, {state.y}), facing {DIRECTION_NAMES[state.direction]}, carrying {carried}",
            f"Steps: {state.step} of {state.max_steps}",
            f"Mission: {state.mission}",
        ]
    )


def _symbol(state: GridState, x: int, y: int) -> str:
    return AGENT_SYMBOL if (x, y) == (state.x, state.y) else SYMBOLS[cell_type(state.at(x, y))]


def _listed(state: GridState) -> list[tuple[int, int, int]]:
    """What the map alone does not tell: objects, and lava or wall under the agent."""
    under_agent = state.at(state.x, state.y)
    if under_agent in (WALL_CELL, LAVA_CELL):
        return [*state.objects, (state.x, state.y, under_agent)]
    return list(state.objects)


def name_cell(cell: int) -> str:
    """What is in a cell, e.g. "locked red door", "an empty cell"."""
    return "an empty cell" if cell == EMPTY_CELL else _name(cell)


def _name(cell: int) -> str:
    """e.g. "locked red door", "grey box holding a blue key"."""
    words = f"{COLOR_NAMES[cell_color(cell)]} {TYPE_NAMES[cell_type(cell)]}"
    if cell_type(cell) == DOOR:
        words = f"{STATE_NAMES[cell_state(cell)]} {words}"
    if cell_inside(cell) != EMPTY_CELL:
        words += f" holding a {_name(cell_inside(cell))}"
    return words


# ---------------------------------------------------------------------------------------------- and back

_COLORS, _TYPES = "|".join(COLOR_NAMES), "|".join(_TYPE_NUMBERS)
_THING = (
    rf"(?:(open|closed|locked) )?({_COLORS}) ({_TYPES})(?: holding a (?:(open|closed|locked) )?({_COLORS}) ({_TYPES}))?"
)
_LEVEL_LINE = re.compile(r"^Level: (\d{1,3}) columns, (\d{1,3}) rows\b.*$", re.MULTILINE)
_OBJECT_LINE = re.compile(rf"^- {_THING} at \((\d+), (\d+)\)$")
_AGENT_LINE = re.compile(
    rf"^Agent: at \((\d+), (\d+)\), facing (east|south|west|north), carrying (?:nothing|({_THING}))$"
)
_STEPS_LINE = re.compile(r"^Steps: (\d+) of (\d+)$")
_MISSION_LINE = re.compile(r"^Mission: ?(.*)$")


class _Lines:
    """The lines of a description, taken one by one."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()
        self._next = 0

    def peek(self) -> str:
        return self._lines[self._next] if self._next < len(self._lines) else ""

    def take(self) -> str:
        if self._next >= len(self._lines):
            raise DescriptionError("the description of the level ends too early")
        self._next += 1
        return self._lines[self._next - 1]

    def match(self, pattern: re.Pattern[str], what: str) -> re.Match[str]:
        line = self.take()
        found = pattern.match(line)
        if found is None:
            raise DescriptionError(f"line {self._next} of the description should be {what}, not {line[:80]!r}")
        return found


class _Place(NamedTuple):
    x: int
    y: int
    cell: int


def parse_description(text: str) -> GridState:
    """The state that `describe_level` described; other text may stand before and after it.

    If there are several descriptions, the last one counts (earlier ones are examples).

    Raises:
        DescriptionError: there is no description in the text, or it is malformed.
    """
    starts = list(_LEVEL_LINE.finditer(text))
    if not starts:
        raise DescriptionError("there is no line 'Level: <width> columns, <height> rows' in the text")
    width, height = int(starts[-1][1]), int(starts[-1][2])
    if not (1 <= width <= _MAX_SIDE and 1 <= height <= _MAX_SIDE):
        raise DescriptionError(f"a level of {width} columns and {height} rows cannot be")
    lines = _Lines(text[starts[-1].start() :])
    for _ in range(3):
        lines.take()
    rows = [_map_row(lines, y, width) for y in range(height)]
    lines.match(re.compile("^Objects:$"), "'Objects:'")
    places = _objects(lines)
    agent = lines.match(_AGENT_LINE, "'Agent: at (x, y), facing ..., carrying ...'")
    steps = lines.match(_STEPS_LINE, "'Steps: <taken> of <allowed>'")
    mission = lines.match(_MISSION_LINE, "'Mission: ...'")
    x, y = int(agent[1]), int(agent[2])
    if not (x < width and y < height and rows[y][x] == AGENT_SYMBOL):
        raise DescriptionError(f"the agent is at ({x}, {y}), but the map does not show it there")
    return GridState(
        width=width,
        height=height,
        cells=_cells(rows, places),
        x=x,
        y=y,
        direction=DIRECTION_NAMES.index(agent[3]),
        carrying=_thing(agent, first=5) if agent[4] else 0,
        mission=mission[1],
        step=int(steps[1]),
        max_steps=int(steps[2]),
    )


def _map_row(lines: _Lines, y: int, width: int) -> str:
    row = lines.match(re.compile(rf"^ *{y} ([^ ]{{{width}}})$"), f"row {y} of the map, {width} cells wide")[1]
    unknown = set(row) - set(SYMBOLS.values()) - {AGENT_SYMBOL}
    if unknown:
        raise DescriptionError(f"row {y} of the map has unknown symbols: {' '.join(sorted(unknown))}")
    return row


def _objects(lines: _Lines) -> list[_Place]:
    places = []
    while lines.peek().startswith("- "):
        found = lines.match(_OBJECT_LINE, "'- <colour> <object> at (x, y)'")
        places.append(_Place(int(found[7]), int(found[8]), _thing(found, first=1)))
    return places


def _thing(found: re.Match[str], first: int) -> int:
    """Cell code of a `_THING` whose groups start at `first`."""
    state, color, kind, inside_state, inside_color, inside_kind = found.groups()[first - 1 : first + 5]
    if inside_kind is None:
        return _object_cell(state, color, kind, 0)
    if kind != "box":
        raise DescriptionError(f"a {kind} cannot hold anything: {found[0]!r}")
    return _object_cell(state, color, kind, _object_cell(inside_state, inside_color, inside_kind, 0))


def _object_cell(state: str | None, color: str, kind: str, inside: int) -> int:
    if (kind == "door") != (state is not None):
        raise DescriptionError("doors, and only doors, are open, closed or locked")
    number = STATE_NAMES.index(state) if state else 0
    return int(make_cell(_TYPE_NUMBERS[kind], COLOR_NAMES.index(color), number, inside))


def _cells(rows: list[str], places: list[_Place]) -> tuple[int, ...]:
    width, height = len(rows[0]), len(rows)
    cells = {(x, y): _PLAIN.get(rows[y][x]) for x in range(width) for y in range(height)}
    for x, y, cell in places:
        if (x, y) not in cells:
            raise DescriptionError(f"there is an object at ({x}, {y}), outside the {width}x{height} map")
        if rows[y][x] not in (SYMBOLS[cell_type(cell)], AGENT_SYMBOL):
            raise DescriptionError(f"the map does not show the {_name(cell)} at ({x}, {y})")
        cells[x, y] = cell
    found = []
    for x in range(width):
        for y in range(height):
            cell = cells[x, y]
            if cell is None:
                raise DescriptionError(f"the map shows {rows[y][x]} at ({x}, {y}), but the list has no such object")
            found.append(cell)
    return tuple(found)
