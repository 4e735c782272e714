"""One step of one environment: MiniGrid's own rules (`MiniGridEnv.step`), then what each family adds."""

from __future__ import annotations

from typing import Any, NamedTuple

from numba.extending import register_jitable

from palaestra_worlds.minigrid.family import (
    RULE_DYNAMIC_OBSTACLES,
    RULE_FETCH,
    RULE_GO_TO,
    RULE_HEIST,
    RULE_MEMORY,
    RULE_NONE,
    RULE_PICK_UP_TARGET,
    RULE_PUT_NEAR,
    RULE_RED_BLUE_DOORS,
    RULE_UNLOCK,
)
from palaestra_worlds.minigrid.state import (
    BALL,
    BLUE,
    BOX,
    CARRYING,
    CLOSED,
    DIRECTION,
    DONE,
    DOOR,
    DROP,
    EMPTY,
    EMPTY_CELL,
    FLOOR,
    FORWARD,
    GOAL,
    KEY,
    LAVA,
    LEFT,
    LOCKED,
    OBSTACLES,
    OPEN,
    PICKUP,
    REGISTER_A,
    REGISTER_B,
    RIGHT,
    STATE_SHIFT,
    STEP,
    TARGET,
    TARGET_X,
    TARGET_Y,
    TOGGLE,
    WALL_CELL,
    X,
    Y,
    cell_color,
    cell_identity,
    cell_inside,
    cell_state,
    cell_type,
)
from palaestra_worlds.minigrid.view import direction_x, direction_y
from palaestra_worlds.random_streams import random_integer


class Rules(NamedTuple):
    """What holds for every environment of a world."""

    rule: int
    """One of RULE_*."""
    num_actions: int
    max_steps: int
    view_size: int
    see_through_walls: bool


@register_jitable(forceinline=True)
def reward_of(levels: Any, i: Any, rules: Any) -> Any:
    """`MiniGridEnv._reward`, in double precision as the reference's Python float."""
    return 1 - 0.9 * (levels.status[i, STEP] / rules.max_steps)


@register_jitable(forceinline=True)
def cell_in_front(levels: Any, i: Any) -> Any:
    """The cell that the agent faces; beyond the grid, where the reference fails, a wall."""
    x = levels.status[i, X] + direction_x(levels.status[i, DIRECTION])
    y = levels.status[i, Y] + direction_y(levels.status[i, DIRECTION])
    if x < 0 or y < 0 or x >= levels.cells.shape[1] or y >= levels.cells.shape[2]:
        return WALL_CELL
    return levels.cells[i, x, y]


@register_jitable(forceinline=True)
def _toggle(levels: Any, i: Any, x: Any, y: Any, cell: Any) -> None:
    """`WorldObj.toggle` of the object at (x, y)."""
    if cell_type(cell) == BOX:
        levels.cells[i, x, y] = cell_inside(cell)
    elif cell_type(cell) == DOOR:
        state = cell_state(cell)
        if state == LOCKED:
            carried = levels.status[i, CARRYING]
            if cell_type(carried) != KEY or cell_color(carried) != cell_color(cell):
                return
        changed = CLOSED if state == OPEN else OPEN
        levels.cells[i, x, y] = cell & ~(0xF << STATE_SHIFT) | changed << STATE_SHIFT


@register_jitable(forceinline=True)
def _base_step(levels: Any, i: Any, action: Any, rules: Any) -> Any:
    """`MiniGridEnv.step` without the counting of steps: (reward, terminated)."""
    if action == LEFT:
        levels.status[i, DIRECTION] = (levels.status[i, DIRECTION] + 3) % 4
        return 0.0, False
    if action == RIGHT:
        levels.status[i, DIRECTION] = (levels.status[i, DIRECTION] + 1) % 4
        return 0.0, False
    cell = cell_in_front(levels, i)
    kind = cell_type(cell)
    x = levels.status[i, X] + direction_x(levels.status[i, DIRECTION])
    y = levels.status[i, Y] + direction_y(levels.status[i, DIRECTION])
    if action == FORWARD:
        open_door = kind == DOOR and cell_state(cell) == OPEN
        if kind == EMPTY or kind == GOAL or kind == LAVA or kind == FLOOR or open_door:
            levels.status[i, X] = x
            levels.status[i, Y] = y
        if kind == GOAL:
            return reward_of(levels, i, rules), True
        return 0.0, kind == LAVA
    if action == PICKUP:
        if (kind == KEY or kind == BALL or kind == BOX) and levels.status[i, CARRYING] == 0:
            levels.status[i, CARRYING] = cell
            levels.cells[i, x, y] = EMPTY_CELL
    elif action == DROP:
        if kind == EMPTY and levels.status[i, CARRYING] != 0:
            levels.cells[i, x, y] = levels.status[i, CARRYING]
            levels.status[i, CARRYING] = 0
    elif action == TOGGLE:
        _toggle(levels, i, x, y, cell)
    return 0.0, False


@register_jitable(forceinline=True)
def _move_obstacles(levels: Any, i: Any) -> None:
    """`DynamicObstaclesEnv.step`: each ball tries up to 101 cells of the 3x3 around it, drawn x then y."""
    for number in range(levels.status[i, REGISTER_A]):
        position = levels.status[i, OBSTACLES + number]
        old_x, old_y = position & 0xFFFF, position >> 16
        low_x, low_y = max(old_x - 1, 0), max(old_y - 1, 0)
        for _ in range(101):
            x = random_integer(levels.random, i, low_x, min(low_x + 3, levels.cells.shape[1]))
            y = random_integer(levels.random, i, low_y, min(low_y + 3, levels.cells.shape[2]))
            if levels.cells[i, x, y] == EMPTY_CELL and not (x == levels.status[i, X] and y == levels.status[i, Y]):
                levels.cells[i, x, y] = levels.cells[i, old_x, old_y]
                levels.cells[i, old_x, old_y] = EMPTY_CELL
                levels.status[i, OBSTACLES + number] = x | y << 16
                break


@register_jitable(forceinline=True)
def _is_open(levels: Any, i: Any, x: Any, y: Any) -> Any:
    return cell_state(levels.cells[i, x, y]) == OPEN


@register_jitable(forceinline=True)
def _beside_target(levels: Any, i: Any) -> Any:
    """`GoToDoorEnv.step`: next to the target, not diagonally."""
    away_x = abs(levels.status[i, X] - levels.status[i, TARGET_X])
    away_y = abs(levels.status[i, Y] - levels.status[i, TARGET_Y])
    return (away_x == 0 and away_y == 1) or (away_y == 0 and away_x == 1)


@register_jitable(forceinline=True)
def _is_wanted(levels: Any, i: Any, cell: Any) -> Any:
    """Whether an object has the type and colour that the mission names."""
    return cell_type(cell) == levels.status[i, REGISTER_A] and cell_color(cell) == levels.status[i, REGISTER_B]


@register_jitable(forceinline=True)
def _put_near(levels: Any, i: Any, action: Any, carried_before: Any, rules: Any) -> Any:
    """`PutNearEnv.step`: the wrong object picked up ends the episode, and so does any attempt to drop."""
    if action == PICKUP and levels.status[i, CARRYING] != 0:
        carried = levels.status[i, CARRYING]
        return 0.0, not _is_wanted(levels, i, carried)
    if action == DROP and carried_before != 0:
        x = levels.status[i, X] + direction_x(levels.status[i, DIRECTION])
        y = levels.status[i, Y] + direction_y(levels.status[i, DIRECTION])
        near = abs(x - levels.status[i, TARGET_X]) <= 1 and abs(y - levels.status[i, TARGET_Y]) <= 1
        if near and cell_in_front(levels, i) == carried_before:
            return reward_of(levels, i, rules), True
        return 0.0, True
    return 0.0, False


@register_jitable(forceinline=True)
def _family_step(levels: Any, i: Any, action: Any, rules: Any) -> Any:
    """The base step with the rule of the families whose outcome depends on the state before it."""
    if rules.rule == RULE_DYNAMIC_OBSTACLES:
        action = action if action < rules.num_actions else LEFT
        ahead = cell_type(cell_in_front(levels, i))
        _move_obstacles(levels, i)
        reward, terminated = _base_step(levels, i, action, rules)
        if action == FORWARD and ahead != EMPTY and ahead != GOAL:
            return -1.0, True
        return reward, terminated
    if rules.rule == RULE_PUT_NEAR:
        carried_before = levels.status[i, CARRYING]
        _base_step(levels, i, action, rules)
        return _put_near(levels, i, action, carried_before, rules)
    red_before = _is_open(levels, i, levels.status[i, TARGET_X], levels.status[i, TARGET_Y])
    blue_before = _is_open(levels, i, levels.status[i, REGISTER_A], levels.status[i, REGISTER_B])
    reward, terminated = _base_step(levels, i, action, rules)
    if _is_open(levels, i, levels.status[i, REGISTER_A], levels.status[i, REGISTER_B]):
        return (reward_of(levels, i, rules) if red_before else 0.0), True
    if blue_before and _is_open(levels, i, levels.status[i, TARGET_X], levels.status[i, TARGET_Y]):
        return 0.0, True
    return reward, terminated


@register_jitable(forceinline=True)
def _note_objectives(levels: Any, i: Any, action: Any, at_goal: Any) -> None:
    """Heist: sets the bits of what was just done: key and door of each colour, blue to red, and last the gem."""
    carried, ahead = levels.status[i, CARRYING], cell_in_front(levels, i)
    if action == PICKUP and cell_type(carried) == KEY:
        levels.status[i, REGISTER_A] |= 1 << 2 * (BLUE - cell_color(carried))
    elif action == TOGGLE and cell_type(ahead) == DOOR and cell_state(ahead) == OPEN:
        levels.status[i, REGISTER_A] |= 2 << 2 * (BLUE - cell_color(ahead))
    elif at_goal:
        levels.status[i, REGISTER_A] |= 4 << 2 * BLUE


@register_jitable(forceinline=True)
def _outcome(levels: Any, i: Any, action: Any, reward: Any, terminated: Any, rules: Any) -> Any:
    """What families decide from the state after the base step: (reward, terminated)."""
    carried = levels.status[i, CARRYING]
    if rules.rule == RULE_PICK_UP_TARGET:
        if action == PICKUP and carried != 0 and cell_identity(carried) == TARGET:
            return reward_of(levels, i, rules), True
    elif rules.rule == RULE_UNLOCK:
        if action == TOGGLE and _is_open(levels, i, levels.status[i, TARGET_X], levels.status[i, TARGET_Y]):
            return reward_of(levels, i, rules), True
    elif rules.rule == RULE_FETCH:
        if carried != 0:
            return (reward_of(levels, i, rules) if _is_wanted(levels, i, carried) else 0.0), True
    elif rules.rule == RULE_GO_TO:
        if action == TOGGLE:
            return reward, True
        if action == DONE:
            return (reward_of(levels, i, rules) if _beside_target(levels, i) else reward), True
    elif rules.rule == RULE_MEMORY:
        if levels.status[i, X] == levels.status[i, TARGET_X] and levels.status[i, Y] == levels.status[i, TARGET_Y]:
            return reward_of(levels, i, rules), True
        if levels.status[i, X] == levels.status[i, REGISTER_A] and levels.status[i, Y] == levels.status[i, REGISTER_B]:
            return 0.0, True
    elif rules.rule == RULE_HEIST:
        _note_objectives(levels, i, action, terminated)
    return reward, terminated


@register_jitable(forceinline=True)
def step_level(levels: Any, i: Any, action: Any, rules: Any) -> Any:
    """One step of environment i: (reward, terminated). Truncated if STEP has reached max_steps afterwards."""
    levels.status[i, STEP] += 1
    rule = rules.rule
    if rule == RULE_NONE:
        return _base_step(levels, i, action, rules)
    if rule == RULE_DYNAMIC_OBSTACLES or rule == RULE_PUT_NEAR or rule == RULE_RED_BLUE_DOORS:
        return _family_step(levels, i, action, rules)
    if rule == RULE_MEMORY and action == PICKUP:
        action = TOGGLE
    reward, terminated = _base_step(levels, i, action, rules)
    return _outcome(levels, i, action, reward, terminated, rules)
