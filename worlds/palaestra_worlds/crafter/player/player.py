"""A player that follows a script: through all tools to a diamond, and along the way to the other achievements."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from palaestra_worlds.crafter.character import DO, MAKE, MOVE, NOOP, PLACE, SLEEP
from palaestra_worlds.crafter.player.building import (
    Mask,
    Nook,
    fences,
    find_nook,
    gaps,
    is_enclosed,
    near,
    of_material,
)
from palaestra_worlds.crafter.player.paths import Ways, is_walkable
from palaestra_worlds.crafter.player.sight import Sight, apart, beside, is_inside
from palaestra_worlds.crafter.state import (
    COAL,
    COAL_ITEM,
    COW,
    DIAMOND,
    DRINK,
    ENERGY,
    FOOD,
    FURNACE,
    GRASS,
    HEALTH,
    IRON,
    IRON_ITEM,
    IRON_PICKAXE,
    IRON_SWORD,
    PATH,
    PLANT,
    SAND,
    SAPLING,
    SKELETON,
    STONE,
    STONE_ITEM,
    STONE_PICKAXE,
    STONE_SWORD,
    TABLE,
    TREE,
    WATER,
    WOOD_ITEM,
    WOOD_PICKAXE,
    WOOD_SWORD,
    ZOMBIE,
)

PLACE_STONE, PLACE_TABLE, PLACE_FURNACE, PLACE_PLANT = range(PLACE, PLACE + 4)
_TABLE_WOOD, _FURNACE_STONE = 2, 4
_WORTH_WALKING = 25
"""Steps to a table that are fewer than what a new one costs."""
_PATIENCE = 12
"""Steps without any change after which something else is tried."""
_GROWS_WITHIN = 15
"""Steps from the player within which plants grow."""

Goal = Callable[[Sight, Ways], int | None]


class ScriptedPlayer:
    """Chooses actions by rules, seeing everything. One object plays one episode.

    Args:
        seed: of the few random steps by which it gets out of a corner.
    """

    def __init__(self, seed: int = 0) -> None:
        self._random = np.random.default_rng(seed)
        self._wants: set[int] = set()
        self._nook: Nook | None = None
        self._nook_dug = False
        self._before: tuple[object, ...] = ()
        self._unchanged = 0
        self._daylight = 0.0
        self._night = self._evening = False
        self._goals: tuple[Goal, ...] = (
            self._fight,
            self._drink,
            self._eat,
            self._rest,
            self._plant,
            self._tools,
            self._fence,
            self._diamond,
            self._hunt,
            self._wait_for_the_plant,
        )

    def act(self, sight: Sight) -> int:
        """The next action."""
        if sight.sleeping:
            return NOOP
        now = (sight.place, sight.facing, *sight.inventory.tolist()[SAPLING:])
        self._unchanged = self._unchanged + 1 if now == self._before else 0
        self._before = now
        if self._unchanged > _PATIENCE:
            return self._wander(sight)
        self._watch_the_sun(sight)
        ways = Ways(sight)
        for goal in self._goals:
            action = goal(sight, ways)
            if action is not None:
                return action
        return NOOP

    # ------------------------------------------------------------------------------------------ moving

    def _wander(self, sight: Sight) -> int:
        """A step anywhere, or a blow where there is none."""
        free = [direction for direction in range(4) if is_walkable(sight, beside(sight.place, direction))]
        return MOVE + int(self._random.choice(free)) if free else DO

    def _go(self, sight: Sight, direction: int) -> int:
        """On in a direction, through what is in the way."""
        ahead = beside(sight.place, direction)
        if sight.facing != direction or is_walkable(sight, ahead):
            return MOVE + direction
        bridges = int(sight.materials[ahead]) == WATER and int(sight.creatures[ahead]) == 0
        return PLACE_STONE if bridges else DO

    def _touch(self, sight: Sight, ways: Ways, cells: Mask) -> int | None:
        """Towards the nearest of some cells that cannot be entered, then act on it."""
        found = ways.to_reach(cells)
        if found is None:
            return None
        goal, direction = found
        if goal == sight.front:
            return DO
        return MOVE + direction if goal == beside(sight.place, direction) else self._go(sight, direction)

    def _face(self, sight: Sight, materials: tuple[int, ...]) -> int | None:
        """None if such a free cell is in front, else a step that may help."""
        front = sight.front
        if is_inside(front) and int(sight.materials[front]) in materials and int(sight.creatures[front]) == 0:
            return None
        for direction in range(4):
            step = beside(sight.place, direction)
            then = beside(step, direction)
            fits = is_inside(then) and int(sight.materials[then]) in materials and int(sight.creatures[then]) == 0
            if fits and is_walkable(sight, step):
                return MOVE + direction
        return self._wander(sight)

    # ------------------------------------------------------------------------------------------ staying alive

    def _fight(self, sight: Sight, ways: Ways) -> int | None:
        for direction in range(4):
            cell = beside(sight.place, direction)
            if is_inside(cell) and int(sight.creatures[cell]) in (ZOMBIE, SKELETON):
                return DO if sight.facing == direction else MOVE + direction
        return None

    def _still_wants(self, sight: Sight, item: int, few: int, enough: int) -> bool:
        """Whether something is lacking: from when there are few until there are enough."""
        if sight.has(item) <= few:
            self._wants.add(item)
        elif sight.has(item) >= enough:
            self._wants.discard(item)
        return item in self._wants

    def _watch_the_sun(self, sight: Sight) -> None:
        """Night ends when the zombies have gone too."""
        self._evening = sight.daylight < self._daylight and sight.daylight < 0.85
        self._daylight = sight.daylight
        if sight.daylight < 0.45:
            self._night = True
        elif sight.daylight > 0.7:
            self._night = False

    def _few(self, usually: int) -> int:
        """When to look for food and water: in the evening early, at night only in need."""
        return 1 if self._night else usually + 2 if self._evening else usually

    def _drink(self, sight: Sight, ways: Ways) -> int | None:
        if not self._still_wants(sight, DRINK, self._few(4), 3 if self._night else 9):
            return None
        return self._touch(sight, ways, of_material(sight, WATER))

    def _eat(self, sight: Sight, ways: Ways) -> int | None:
        if sight.ripe.any() and (not sight.done("eat_plant") or sight.has(FOOD) < 6):
            return self._touch(sight, ways, sight.ripe)
        if not self._still_wants(sight, FOOD, self._few(4), 3 if self._night else 7):
            return None
        return self._touch(sight, ways, sight.creatures == COW)

    def _rest(self, sight: Sight, ways: Ways) -> int | None:
        """Sleep in a nook; in the open only when there is no choice."""
        energy = sight.has(ENERGY)
        tired = self._still_wants(sight, ENERGY, 3, 9)
        weak = self._still_wants(sight, HEALTH, 4, 7)
        night = self._night and (energy < 8 or self._is_in_the_open(sight))
        if not (tired or weak or night or (energy < 9 and not sight.done("wake_up"))):
            self._nook = None
            return None
        if is_enclosed(sight):
            return SLEEP if energy < 9 else NOOP
        if sight.has(WOOD_PICKAXE):
            action = self._dig_in(sight, ways)
            if action is not None:
                return action
        return SLEEP if energy <= 1 else None

    def _is_in_the_open(self, sight: Sight) -> bool:
        """Where zombies come at night."""
        x, y = sight.place
        around = sight.materials[max(0, x - 6) : x + 7, max(0, y - 6) : y + 7]
        return bool((around == GRASS).sum() > 12)

    def _dig_in(self, sight: Sight, ways: Ways) -> int | None:
        if self._nook is None or not self._is_at_nook(sight):
            self._nook, self._nook_dug = find_nook(sight, ways), False
        nook = self._nook
        if nook is None:
            return None
        if sight.place == nook.end:
            self._nook_dug = True
            return MOVE + (nook.direction ^ 1)
        if sight.place == nook.inner and self._nook_dug:
            if sight.front == nook.entry and sight.has(STONE_ITEM) and is_walkable(sight, nook.entry):
                return PLACE_STONE
            return self._go(sight, nook.direction ^ 1)
        if sight.place in (nook.entry, nook.inner):
            return self._go(sight, nook.direction)
        return self._go(sight, ways.first_step(nook.entry))

    def _is_at_nook(self, sight: Sight) -> bool:
        return self._nook is not None and sight.place in (self._nook.entry, self._nook.inner, self._nook.end)

    # ------------------------------------------------------------------------------------------ plants

    def _plant(self, sight: Sight, ways: Ways) -> int | None:
        """A sapling is found on grass once in ten times, and planted."""
        if (sight.creatures == PLANT).any() or sight.done("eat_plant"):
            return None
        if sight.done("place_plant") and sight.has(STONE_ITEM) < 4:
            return None
        if sight.has(SAPLING):
            return self._on_grass(sight, ways, PLACE_PLANT)
        return self._on_grass(sight, ways, DO)

    def _on_grass(self, sight: Sight, ways: Ways, action: int) -> int | None:
        found = ways.to_enter(of_material(sight, GRASS))
        if found is None:
            return None
        if found[1] >= 0:
            return self._go(sight, found[1])
        step = self._face(sight, (GRASS,))
        return action if step is None else step

    def _fence(self, sight: Sight, ways: Ways) -> int | None:
        """Stones around a plant, so that nothing tramples it."""
        for x, y in np.argwhere(sight.creatures == PLANT).tolist():
            if sight.done("eat_plant") or not gaps(sight, (x, y)):
                continue
            if sight.has(STONE_ITEM) < len(gaps(sight, (x, y))):
                return self._touch(sight, ways, of_material(sight, STONE)) if sight.has(WOOD_PICKAXE) else None
            ready = [f for f in fences(sight, (x, y)) if f.stand == sight.place and f.direction == sight.facing]
            if ready:
                return PLACE_STONE
            options = sorted(fences(sight, (x, y)), key=lambda fence: int(ways.lengths[fence.run_up]))
            if options:
                fence = options[0]
                at_run_up = fence.run_up == sight.place
                return self._go(sight, fence.direction if at_run_up else ways.first_step(fence.run_up))
        return None

    def _wait_for_the_plant(self, sight: Sight, ways: Ways) -> int | None:
        plants = [(x, y) for x, y in np.argwhere(sight.creatures == PLANT).tolist()]
        if not plants or sight.done("eat_plant"):
            return None
        if apart(plants[0], sight.place) > _GROWS_WITHIN:
            return self._touch(sight, ways, sight.creatures == PLANT)
        return NOOP if is_enclosed(sight) else self._dig_in(sight, ways)

    # ------------------------------------------------------------------------------------------ tools

    def _tools(self, sight: Sight, ways: Ways) -> int | None:
        if not sight.has(WOOD_PICKAXE):
            return self._gather(sight, ways, TREE, WOOD_ITEM, 5) or self._make(sight, ways, WOOD_PICKAXE)
        if not sight.has(WOOD_SWORD):
            return self._gather(sight, ways, TREE, WOOD_ITEM, 1) or self._make(sight, ways, WOOD_SWORD)
        if not sight.done("place_stone") and sight.has(STONE_ITEM):
            step = self._face(sight, (GRASS, SAND, PATH, WATER))
            return PLACE_STONE if step is None else step
        for tool in (STONE_PICKAXE, STONE_SWORD):
            if not sight.has(tool):
                return (
                    self._gather(sight, ways, TREE, WOOD_ITEM, 6 if tool == STONE_PICKAXE else 1)
                    or self._gather(sight, ways, STONE, STONE_ITEM, 1)
                    or self._make(sight, ways, tool)
                )
        if not sight.has(IRON_PICKAXE):
            return self._iron(sight, ways, IRON_PICKAXE)
        if sight.done("collect_diamond") and not sight.has(IRON_SWORD):
            return self._iron(sight, ways, IRON_SWORD)
        return None

    def _iron(self, sight: Sight, ways: Ways, tool: int) -> int | None:
        return (
            self._gather(sight, ways, TREE, WOOD_ITEM, 3)
            or self._gather(sight, ways, STONE, STONE_ITEM, _FURNACE_STONE + 1)
            or self._gather(sight, ways, COAL, COAL_ITEM, 1)
            or self._gather(sight, ways, IRON, IRON_ITEM, 1)
            or self._make(sight, ways, tool)
        )

    def _gather(self, sight: Sight, ways: Ways, material: int, item: int, amount: int) -> int | None:
        """Once it is begun, as much as is wanted; None if there is enough, or no more in reach."""
        if sight.has(item) >= amount:
            return None
        return self._touch(sight, ways, of_material(sight, material))

    def _make(self, sight: Sight, ways: Ways, tool: int) -> int | None:
        """At a table, for iron tools with a furnace, which are placed where there are none near."""
        stations = near(of_material(sight, TABLE))
        if tool >= IRON_PICKAXE and tool not in (WOOD_SWORD, STONE_SWORD):
            return self._at_furnace(sight, ways, tool, stations)
        return self._at(sight, ways, stations, MAKE + tool - WOOD_PICKAXE) or self._build(sight, PLACE_TABLE)

    def _at_furnace(self, sight: Sight, ways: Ways, tool: int, stations: Mask) -> int | None:
        both = stations & near(of_material(sight, FURNACE))
        action = self._at(sight, ways, both, MAKE + tool - WOOD_PICKAXE)
        if action is not None:
            return action
        if not stations[sight.place]:
            return self._at(sight, ways, stations, NOOP) or self._build(sight, PLACE_TABLE)
        front = sight.front
        if is_walkable(sight, front):
            return PLACE_FURNACE if sight.has(STONE_ITEM) >= _FURNACE_STONE else None
        for direction in range(4):
            step = beside(sight.place, direction)
            if is_walkable(sight, step) and stations[step]:
                return MOVE + direction
        return self._wander(sight)

    def _at(self, sight: Sight, ways: Ways, stations: Mask, action: int) -> int | None:
        """Goes to the nearest of some cells and acts there; None if that is too far."""
        found = ways.to_enter(stations)
        if found is None:
            return None
        goal, direction = found
        if direction < 0:
            return action
        too_far = ways.lengths[goal] > _WORTH_WALKING and sight.has(WOOD_ITEM) > _TABLE_WOOD
        return None if too_far else self._go(sight, direction)

    def _build(self, sight: Sight, action: int) -> int | None:
        if sight.has(WOOD_ITEM) < _TABLE_WOOD:
            return None
        step = self._face(sight, (GRASS, SAND, PATH))
        return action if step is None else step

    # ------------------------------------------------------------------------------------------ the rest

    def _diamond(self, sight: Sight, ways: Ways) -> int | None:
        if sight.done("collect_diamond") or not sight.has(IRON_PICKAXE):
            return None
        return self._touch(sight, ways, of_material(sight, DIAMOND))

    def _hunt(self, sight: Sight, ways: Ways) -> int | None:
        """What is left to do for the first time."""
        if not sight.done("eat_cow"):
            return self._touch(sight, ways, sight.creatures == COW)
        if not sight.done("collect_drink"):
            return self._touch(sight, ways, of_material(sight, WATER))
        if sight.has(HEALTH) < 5:
            return None
        for achievement, kind in (("defeat_zombie", ZOMBIE), ("defeat_skeleton", SKELETON)):
            if not sight.done(achievement):
                action = self._touch(sight, ways, sight.creatures == kind)
                if action is not None:
                    return action
        return None
