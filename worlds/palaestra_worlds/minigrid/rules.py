"""One step of one environment: MiniGrid's own rules (`MiniGridEnv.step`), then what each family adds."""

from __future__ import annotations

from typing import Any, NamedTuple

from numba.extending import register_jitable

from palaestra_worlds.minigrid.family import (
    RULE_DYNAMIC_OBSTACLES,
    RULE_FETCH,
    RULE_GO_TO,
    RULE_MEMORY,
    RULE_NONE,
    RULE_PICK_UP_TARGET,
    RULE_PUT_NEAR,
    RULE_RED_BLUE_DOORS,
    RULE_UNLOCK,
)
from palaestra_worlds.minigrid.random import random_integer
from palaestra_worlds.minigrid.state import (
    BALL,
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


class Rules(NamedTuple):
    """What holds for every environment of a world."""

    rule: int
    """One of RULE_*."""
    num_actions: int
    max_steps: int
    view_size: int
    see_through_walls: bool


@register_jitable
def reward_of(levels: Any, i: Any, rules: Any) -> Any:
    """`MiniGridEnv._reward`, in double precision as the reference's Python float."""
    return 1 - 0.9 * (levels.status[i, STEP] / rules.max_steps)


@register_jitable
def cell_in_front(levels: Any, i: Any) -> Any:
    """The cell that the agent faces; beyond the grid, where the reference fails, a wall."""
    status = levels.status[i]
    x = status[X] + direction_x(status[DIRECTION])
    y = status[Y] + direction_y(status[DIRECTION])
    if x < 0 or y < 0 or x >= levels.cells.shape[1] or y >= levels.cells.shape[2]:
        return WALL_CELL
    return levels.cells[i, x, y]


@register_jitable
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


@register_jitable
def _base_step(levels: Any, i: Any, action: Any, rules: Any) -> Any:
    """`MiniGridEnv.step` without the counting of steps: (reward, terminated)."""
    status = levels.status[i]
    if action == LEFT:
        status[DIRECTION] = (status[DIRECTION] + 3) % 4
        return 0.0, False
    if action == RIGHT:
        status[DIRECTION] = (status[DIRECTION] + 1) % 4
        return 0.0, False
    cell = cell_in_front(levels, i)
    kind = cell_type(cell)
    x = status[X] + direction_x(status[DIRECTION])
    y = status[Y] + direction_y(status[DIRECTION])
    if action == FORWARD:
        open_door = kind == DOOR and cell_state(cell) == OPEN
        if kind == EMPTY or kind == GOAL or kind == LAVA or kind == FLOOR or open_door:
            status[X] = x
            status[Y] = y
        if kind == GOAL:
            return reward_of(levels, i, rules), True
        return 0.0, kind == LAVA
    if action == PICKUP:
        if (kind == KEY or kind == BALL or kind == BOX) and status[CARRYING] == 0:
            status[CARRYING] = cell
            levels.cells[i, x, y] = EMPTY_CELL
    elif action == DROP:
        if kind == EMPTY and status[CARRYING] != 0:
            levels.cells[i, x, y] = status[CARRYING]
            status[CARRYING] = 0
    elif action == TOGGLE:
        _toggle(levels, i, x, y, cell)
    return 0.0, False


@register_jitable
def _move_obstacles(levels: Any, i: Any) -> None:
    """`DynamicObstaclesEnv.step`: each ball tries up to 101 cells of the 3x3 around it, drawn x then y."""
    status = levels.status[i]
    cells = levels.cells[i]
    for number in range(status[REGISTER_A]):
        old_x, old_y = status[OBSTACLES + number] & 0xFFFF, status[OBSTACLES + number] >> 16
        low_x, low_y = max(old_x - 1, 0), max(old_y - 1, 0)
        for _ in range(101):
            x = random_integer(levels.random, i, low_x, min(low_x + 3, cells.shape[0]))
            y = random_integer(levels.random, i, low_y, min(low_y + 3, cells.shape[1]))
            if cells[x, y] == EMPTY_CELL and not (x == status[X] and y == status[Y]):
                cells[x, y] = cells[old_x, old_y]
                cells[old_x, old_y] = EMPTY_CELL
                status[OBSTACLES + number] = x | y << 16
                break


@register_jitable
def _is_open(levels: Any, i: Any, x: Any, y: Any) -> Any:
    return cell_state(levels.cells[i, x, y]) == OPEN


@register_jitable
def _beside_target(status: Any) -> Any:
    """`GoToDoorEnv.step`: next to the target, not diagonally."""
    away_x, away_y = abs(status[X] - status[TARGET_X]), abs(status[Y] - status[TARGET_Y])
    return (away_x == 0 and away_y == 1) or (away_y == 0 and away_x == 1)


@register_jitable
def _put_near(levels: Any, i: Any, action: Any, carried_before: Any, rules: Any) -> Any:
    """`PutNearEnv.step`: the wrong object picked up ends the episode, and so does any attempt to drop."""
    status = levels.status[i]
    if action == PICKUP and status[CARRYING] != 0:
        carried = status[CARRYING]
        return 0.0, cell_type(carried) != status[REGISTER_A] or cell_color(carried) != status[REGISTER_B]
    if action == DROP and carried_before != 0:
        x = status[X] + direction_x(status[DIRECTION])
        y = status[Y] + direction_y(status[DIRECTION])
        near = abs(x - status[TARGET_X]) <= 1 and abs(y - status[TARGET_Y]) <= 1
        if near and cell_in_front(levels, i) == carried_before:
            return reward_of(levels, i, rules), True
        return 0.0, True
    return 0.0, False


@register_jitable
def _family_step(levels: Any, i: Any, action: Any, rules: Any) -> Any:
    """The base step with the rule of the families whose outcome depends on the state before it."""
    status = levels.status[i]
    if rules.rule == RULE_DYNAMIC_OBSTACLES:
        action = action if action < rules.num_actions else LEFT
        ahead = cell_type(cell_in_front(levels, i))
        _move_obstacles(levels, i)
        reward, terminated = _base_step(levels, i, action, rules)
        if action == FORWARD and ahead != EMPTY and ahead != GOAL:
            return -1.0, True
        return reward, terminated
    if rules.rule == RULE_PUT_NEAR:
        carried_before = status[CARRYING]
        _base_step(levels, i, action, rules)
        return _put_near(levels, i, action, carried_before, rules)
    red_before = _is_open(levels, i, status[TARGET_X], status[TARGET_Y])
    blue_before = _is_open(levels, i, status[REGISTER_A], status[REGISTER_B])
    reward, terminated = _base_step(levels, i, action, rules)
    if _is_open(levels, i, status[REGISTER_A], status[REGISTER_B]):
        return (reward_of(levels, i, rules) if red_before else 0.0), True
    if blue_before and _is_open(levels, i, status[TARGET_X], status[TARGET_Y]):
        return 0.0, True
    return reward, terminated


@register_jitable
def _outcome(levels: Any, i: Any, action: Any, reward: Any, terminated: Any, rules: Any) -> Any:
    """What families decide from the state after the base step: (reward, terminated)."""
    status = levels.status[i]
    carried = status[CARRYING]
    if rules.rule == RULE_PICK_UP_TARGET:
        if action == PICKUP and carried != 0 and cell_identity(carried) == TARGET:
            return reward_of(levels, i, rules), True
    elif rules.rule == RULE_UNLOCK:
        if action == TOGGLE and _is_open(levels, i, status[TARGET_X], status[TARGET_Y]):
            return reward_of(levels, i, rules), True
    elif rules.rule == RULE_FETCH:
        if carried != 0:
            wanted = cell_type(carried) == status[REGISTER_A] and cell_color(carried) == status[REGISTER_B]
            return (reward_of(levels, i, rules) if wanted else 0.0), True
    elif rules.rule == RULE_GO_TO:
        if action == TOGGLE:
            return reward, True
        if action == DONE:
            return (reward_of(levels, i, rules) if _beside_target(status) else reward), True
    elif rules.rule == RULE_MEMORY:
        if status[X] == status[TARGET_X] and status[Y] == status[TARGET_Y]:
            return reward_of(levels, i, rules), True
        if status[X] == status[REGISTER_A] and status[Y] == status[REGISTER_B]:
            return 0.0, True
    return reward, terminated


@register_jitable
def step_level(levels: Any, i: Any, action: Any, rules: Any) -> Any:
    """One step of environment i: (reward, terminated). Truncation is `status[STEP] >= max_steps` afterwards."""
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
