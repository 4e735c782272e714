"""How an episode begins, what a step does, and what it earns."""

from __future__ import annotations

from typing import Any

from palaestra_worlds.compiled import jitable
from palaestra_worlds.overworld.body import fall, live
from palaestra_worlds.overworld.constants import (
    ATTACK,
    BUCKET,
    CRAFT,
    DROP,
    EAT,
    EQUIP,
    JUMP,
    LAVA_BUCKET,
    LOOK_BY,
    PLACE,
    SMELT,
    TURN,
    USE,
    WALK,
    WATER_BUCKET,
)
from palaestra_worlds.overworld.crafting import craft, smelt
from palaestra_worlds.overworld.inventory import carry_out_changes, change, slot_of
from palaestra_worlds.overworld.objectives import GOAL_BIT, NUM_OBJECTIVES
from palaestra_worlds.overworld.player import attack, eat, equip, fill_bucket, first_hit, jump, place, walk
from palaestra_worlds.overworld.state import (
    AHEAD,
    AIR,
    CLOCK,
    COUNT,
    DAWN,
    DIFFICULTY,
    EXHAUSTION,
    FACING,
    FOOD,
    FULL,
    FULL_AIR,
    HEALTH,
    HEIGHT,
    HELD,
    IS_SEEDED,
    ITEM,
    NO_TARGET,
    NUM_STATUS,
    PITCH,
    PROGRESS,
    REWARDED,
    SATURATION,
    SEA_LEVEL,
    SIDE,
    SLOTS,
    STEP,
    TARGET,
    UNLOCKED,
    WORN,
    X,
    Y,
    Z,
)
from palaestra_worlds.overworld.tables import SOLID
from palaestra_worlds.overworld.tasks import BIOME, DAWN_AT, GOAL_LEAST, OWN_LEVEL, SET_DIFFICULTY
from palaestra_worlds.overworld.terrain import generate
from palaestra_worlds.task_tables import TASK

FIRST_SATURATION = 5.0


@jitable
def _stand(levels: Any, i: Any, tables: Any) -> None:
    """On the ground nearest to the middle that is dry, open, and where there is room."""
    best, middle = 1 << 30, SIDE // 2
    for x in range(SIDE):
        for z in range(SIDE):
            y = levels.surface[i, x, z] + 1
            far = (x - middle) * (x - middle) + (z - middle) * (z - middle)
            if far >= best or y <= SEA_LEVEL or y + 1 >= HEIGHT:
                continue
            open_above = not tables.blocks[levels.blocks[i, x, z, y], SOLID] and levels.blocks[i, x, z, y + 1] == 0
            if open_above and tables.blocks[levels.blocks[i, x, z, y - 1], SOLID]:
                best = far
                levels.status[i, X], levels.status[i, Z], levels.status[i, Y] = x, z, y
    if best == 1 << 30:
        # Nothing but sea: one swims.
        levels.status[i, X], levels.status[i, Z], levels.status[i, Y] = middle, middle, SEA_LEVEL


@jitable
def _choose_stream(levels: Any, i: Any, seed: Any, streams: Any, row: Any) -> None:
    """A level of a seed of its own leaves the environment's own stream where it stands."""
    was_seeded = levels.status[i, IS_SEEDED]
    for column in range(levels.random.shape[1]):
        if seed != OWN_LEVEL:
            if not was_seeded:
                levels.own[i, column] = levels.random[i, column]
            levels.random[i, column] = streams[row, column]
        elif was_seeded:
            levels.random[i, column] = levels.own[i, column]


@jitable
def begin_level(levels: Any, i: Any, tables: Any, lessons: Any, land: Any, seed: Any, streams: Any) -> None:
    """A new episode with the running task.

    Args:
        levels: of the batch.
        i: the environment.
        tables: of the rules' data.
        lessons: of the batch.
        land: of `biomes.land`.
        seed: of the level, or OWN_LEVEL.
        streams: random streams of the tasks' seeds.
    """
    _choose_stream(levels, i, seed, streams, lessons.status[i, TASK])
    generate(levels, i, lessons.parameters[i, BIOME], land)
    for column in range(NUM_STATUS):
        levels.status[i, column] = 0
    levels.status[i, IS_SEEDED] = seed != OWN_LEVEL
    _stand(levels, i, tables)
    levels.status[i, HEALTH] = levels.status[i, FOOD] = FULL
    levels.status[i, AIR] = FULL_AIR
    levels.status[i, PITCH] = AHEAD
    levels.status[i, TARGET] = NO_TARGET
    levels.status[i, DAWN] = lessons.parameters[i, DAWN_AT]
    levels.status[i, DIFFICULTY] = lessons.parameters[i, SET_DIFFICULTY]
    levels.body[i, SATURATION] = FIRST_SATURATION
    levels.body[i, EXHAUSTION] = levels.body[i, PROGRESS] = 0.0
    for slot in range(SLOTS):
        levels.slots[i, slot, ITEM] = lessons.inventories[i, slot, 0]
        levels.slots[i, slot, COUNT] = lessons.inventories[i, slot, 1]
        levels.slots[i, slot, WORN] = 0


@jitable
def _act(levels: Any, i: Any, tables: Any, rules: Any, kind: Any, argument: Any) -> Any:
    """Carries out an action; gives the ticks it takes."""
    held = levels.slots[i, levels.status[i, HELD], ITEM]
    if kind == USE and (held == WATER_BUCKET or held == LAVA_BUCKET):
        kind, argument = PLACE, held
    hit = first_hit(levels, i, kind == USE)
    if kind == WALK:
        return walk(levels, i, tables, argument)
    if kind == JUMP:
        return jump(levels, i, tables)
    if kind == SMELT:
        return smelt(levels, i, tables, rules, argument)
    if kind == TURN:
        levels.status[i, FACING] = (levels.status[i, FACING] + argument) % 4
    elif kind == LOOK_BY:
        levels.status[i, PITCH] = max(0, min(5, levels.status[i, PITCH] + argument))
    elif kind == ATTACK:
        attack(levels, i, tables, rules, hit)
    elif kind == USE and held == BUCKET:
        fill_bucket(levels, i, hit)
    elif kind == PLACE:
        place(levels, i, tables, argument, hit)
    elif kind == EAT:
        eat(levels, i, tables, argument)
    elif kind == EQUIP:
        equip(levels, i, argument)
    elif kind == CRAFT:
        craft(levels, i, tables, rules, argument)
    elif kind == DROP and slot_of(levels, i, argument) >= 0:
        change(levels, i, argument, -1)
    return 1


@jitable
def _is_goal_reached(levels: Any, i: Any, lessons: Any) -> Any:
    found = 0
    for slot in range(SLOTS):
        if lessons.counts[i, levels.slots[i, slot, ITEM]]:
            found += levels.slots[i, slot, COUNT]
    return found >= lessons.parameters[i, GOAL_LEAST]


@jitable
def step_level(levels: Any, i: Any, tables: Any, lessons: Any, rules: Any, action: Any) -> Any:
    """One step: (reward, terminated). Each objective pays 1 the first time."""
    kind = rules.actions[action, 0]
    y = levels.status[i, Y]
    ticks = _act(levels, i, tables, rules, kind, rules.actions[action, 1])
    carry_out_changes(levels, i, tables)
    if kind != ATTACK:
        levels.status[i, TARGET] = NO_TARGET
        levels.body[i, PROGRESS] = 0.0
    fall(levels, i, tables, levels.status[i, Y] > y)
    live(levels, i, ticks)
    levels.status[i, STEP] += 1
    levels.status[i, CLOCK] += ticks
    if _is_goal_reached(levels, i, lessons):
        levels.status[i, UNLOCKED] |= 1 << GOAL_BIT
    fresh = levels.status[i, UNLOCKED] & ~levels.status[i, REWARDED]
    levels.status[i, REWARDED] = levels.status[i, UNLOCKED]
    reward = 0.0
    for bit in range(NUM_OBJECTIVES):
        reward += (fresh >> bit) & 1
    return reward, levels.status[i, HEALTH] <= 0 or (levels.status[i, UNLOCKED] >> GOAL_BIT) & 1 == 1
