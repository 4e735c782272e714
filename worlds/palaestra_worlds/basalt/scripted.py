"""Scripted players of BASALT tasks: programs, in place of people, that demonstrate by the controllers of an Overworld.

    python -m palaestra_worlds.basalt.scripted FindCave caves.demonstrations --levels 100

They know what a player can see, and nothing of the checks: what they take for done is what they keep. With `--walks`
somebody who knows nothing walks at random and ends wherever that leads: no demonstrations, but what a judge can compare
these with.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import palaestra_worlds
from palaestra_worlds.basalt import PREFIX
from palaestra_worlds.basalt.waterfall import make_waterfall
from palaestra_worlds.basalt.world import FINISH, BasaltWorld
from palaestra_worlds.demonstrations import SCRIPTED, Demonstrations, DemonstrationsError, digest_of
from palaestra_worlds.overworld.constants import NOTHING, PLACE, WALK, Rules
from palaestra_worlds.overworld.controllers.arms import DOWN
from palaestra_worlds.overworld.controllers.build import build
from palaestra_worlds.overworld.controllers.equip import item_at_hand
from palaestra_worlds.overworld.controllers.explore import roam
from palaestra_worlds.overworld.controllers.failures import EpisodeOver, Failed
from palaestra_worlds.overworld.controllers.hands import Hands
from palaestra_worlds.overworld.controllers.prey import in_sight, look_for, prey_named
from palaestra_worlds.overworld.paths import FREE, ROCK, UNSEEN
from palaestra_worlds.overworld.senses import Senses
from palaestra_worlds.overworld.state import AHEAD, HEIGHT, SEA_LEVEL, SIDE
from palaestra_worlds.overworld.tables import SOLID, numbers, tables
from palaestra_worlds.structured import Blueprint, StructuredAction

DEEP = 4
"""Cells below the ground that was seen, from which on a hollow is a cave."""
ALWAYS_DEEP = SEA_LEVEL - 4
"""Height below which it is one wherever there is rock overhead."""
HOUSE = Blueprint(
    layers=(
        ("#####", "#   #", "#   #", "#   #", "##D##"),
        ("##O##", "#   #", "O   O", "#   #", "##D##"),
        ("#####", "#####", "#####", "#####", "#####"),
    ),
    blocks={"#": "oak_planks", "O": "glass", "D": "oak_door"},
)
PEN = Blueprint(
    layers=(("FFGFF", "F   F", "F   F", "F   F", "FF FF"),),
    blocks={"F": "oak_fence", "G": "oak_fence_gate"},
)
"""With a gap in the nearest row, for animals to come in by."""
FOODS = {"cow": "wheat", "sheep": "wheat", "pig": "carrot", "chicken": "wheat_seeds"}
SITES, AROUND = 14, 20
"""Times that one looks for level ground, and cells around within which."""
WALKER = "random walk"
"""Who plays where nobody knows anything."""
SHORTEST_WALK, LONGEST_WALK = 20, 1_000
STRIDES = {"forward": 0.7, "jump": 0.15, "turn left": 0.07, "turn right": 0.07, "back": 0.01}
"""What walkers do, by its probability."""
WAITS, SLOWER = 100, 6
"""Ticks that one waits for animals to come in, and after each cell of the way there."""


class Scribe:
    """A world that notes what is done in environment 0 as the world's own actions.

    What the task has no action for is not done.
    """

    def __init__(self, world: BasaltWorld) -> None:
        self.world = world
        self.actions: list[int] = []
        kept = world.action_rows()
        self._own = {tuple(pair): number for number, pair in reversed(list(enumerate(kept.tolist())))}

    def act(self, index: int, action: int, rules: Rules) -> None:
        pair = int(rules.actions[action, 0]), int(rules.actions[action, 1])
        if pair in self._own:
            self.actions.append(self._own[pair])
            self.world.act(index, action, rules)


def find_cave(hands: Hands) -> bool:
    """Roams until a cave is seen into which one can walk, and walks in."""
    hands.spare(np.flatnonzero(tables().blocks[:, SOLID]).tolist())
    given_up: set[tuple[int, ...]] = set()
    looked = [-1, False]

    def sees_one() -> bool:
        # The map is large; what was seen in a step or two changes little.
        if hands.senses.looks - looked[0] >= 6:
            looked[:] = hands.senses.looks, len(_cave_cells(hands, given_up)) > 0
        return bool(looked[1])

    for _ in range(20):
        roam(hands, sees_one, "cave")
        cells = _cave_cells(hands, given_up)
        if len(cells) and hands.travel(cells):
            return True
        given_up |= {tuple(cell) for cell in cells.tolist()}
        looked[:] = -1, False
    return False


def _cave_cells(hands: Hands, given_up: set[tuple[int, ...]]) -> NDArray[np.int64]:
    """(C, 3): cells to stand on that were seen and have rock overhead, deep enough, the nearest few."""
    seen = hands.senses.seen
    kinds = hands.ground().kinds[seen]
    is_rock = _rock()[seen]
    heights = np.arange(kinds.shape[2])
    ground = np.where(is_rock, heights, -1).max(axis=2)[:, :, None]
    over = np.flip(np.maximum.accumulate(np.flip(is_rock, axis=2), axis=2), axis=2)
    room = (kinds[:, :, 1:-2] == FREE) & (kinds[:, :, 2:-1] == FREE) & (kinds[:, :, :-3] >= ROCK)
    deep = (ground - heights >= DEEP) | (heights <= ALWAYS_DEEP)
    cells = np.argwhere(room & over[:, :, 3:] & deep[:, :, 1:-2]) + np.array([0, 0, 1])
    cells = np.array([cell for cell in cells.tolist() if tuple(cell) not in given_up], np.int64).reshape(-1, 3)
    far = np.abs(cells - np.array(hands.senses.place)).sum(axis=1)
    return cells[np.argsort(far, kind="stable")[:40]]


def _rock() -> NDArray[np.bool_]:
    """(blocks + 1,) by value of the map: what land is made of, trees aside."""
    names = numbers().blocks
    solid = tables().blocks[:, SOLID] > 0
    return np.array(
        [False, *(bool(s) and not n.endswith(("_log", "_leaves")) for s, n in zip(solid, names, strict=True))]
    )


def build_house(hands: Hands) -> bool:
    """Builds a house of five by five on level ground nearby."""
    _build(hands, HOUSE)
    return True


def make_pen(hands: Hands) -> bool:
    """Builds a pen near animals, leads some of a kind into it by what they eat, and closes it."""
    sight = next((mob for kind in FOODS if (mob := in_sight(hands, prey_named(kind), Counter()))), None)
    kind = sight.kind if sight else "chicken"
    if sight is None:
        kind = look_for(hands, prey_named(kind), Counter()).kind
    _build(hands, PEN)
    gate = np.argwhere(hands.senses.seen == numbers().block["oak_fence_gate"] + 1)[0]
    gap = (int(gate[0]), int(gate[1]) + 4, int(gate[2]))
    hands.hold(item_at_hand(hands, FOODS[kind]))
    for _ in range(3):
        mob = in_sight(hands, prey_named(kind), Counter()) or look_for(hands, prey_named(kind), Counter())
        herd = sorted(mob.cell for mob in hands.senses.mobs() if mob.kind == kind) or [mob.cell]
        for x, z, y in herd[:3]:
            _lead(hands, [(x + a, z + b, y + c) for a in (-2, 2) for b in (-2, 2) for c in (-1, 0, 1)])
        _lead(hands, [(gap[0], gap[1] - 3, gap[2])])
        hands.turn_to(0)
        hands.look_to(AHEAD)
        for _ in range(3):
            hands.do(WALK)
        if _wait_for_two(hands, gap, kind):
            return _close(hands, gap, kind)
    return False


def _lead(hands: Hands, goals: list[tuple[int, int, int]]) -> None:
    """Goes to the nearest of some cells, as slowly as animals follow."""
    for _ in range(3):
        way = hands.way_to(np.array(goals, np.int64), 20_000)
        for cell in way.cells if way else ():
            if not hands.step_to(cell):
                break
            for _ in range(SLOWER):
                hands.do(NOTHING)
        if hands.senses.place in goals:
            return


def _wait_for_two(hands: Hands, gap: tuple[int, int, int], kind: str) -> bool:
    for _ in range(WAITS):
        hands.do(NOTHING)
        if _inside(hands, gap).count(kind) >= 2:
            return True
    return False


def _close(hands: Hands, gap: tuple[int, int, int], kind: str) -> bool:
    """Goes around with other food in hand, and puts a fence into the gap; gives whether two are still inside."""
    hands.senses.look(every=True)
    hands.hold(item_at_hand(hands, "wheat_seeds" if kind == "pig" else "carrot"))
    x, z, y = gap
    hands.travel(np.array([(x, z + 1, y)]))
    if hands.senses.place != (x, z + 1, y):
        return False
    hands.turn_to(0)
    hands.look_to(DOWN)
    hands.do(PLACE, numbers().item["oak_fence"])
    hands.senses.look()
    return _inside(hands, gap).count(kind) >= 2


def _inside(hands: Hands, gap: tuple[int, int, int]) -> list[str]:
    """Kinds of the animals in the pen that are in sight."""
    x, z, _ = gap
    return [mob.kind for mob in hands.senses.mobs() if abs(mob.cell[0] - x) < 2 and z - 4 < mob.cell[1] < z]


def _build(hands: Hands, blueprint: Blueprint) -> None:
    """Builds on the first level ground that is found; goes there first, to see that it is level."""
    action = StructuredAction(name="build", blueprint=blueprint)
    wide = len(blueprint.layers[0]) + 2
    for _ in range(SITES):
        for site in _level_ground(hands, wide):
            hands.travel(site)
            try:
                build(hands, action)
                return
            except Failed as failed:
                if failed.kind != "no_room":
                    raise
        looks = hands.senses.looks
        roam(hands, lambda since=looks: hands.senses.looks > since + 20, "level ground")
    raise Failed("no_room", "No level ground was found.")


def _level_ground(hands: Hands, wide: int) -> list[NDArray[np.int64]]:
    """(1, 3) each: the middles of squares that may be level and empty for all that was seen, the likeliest first."""
    kinds = hands.ground().kinds[hands.senses.seen]
    x, z, y = hands.senses.place
    found: list[tuple[int, tuple[int, int, int]]] = []
    for a in range(max(2, x - AROUND), min(SIDE - wide - 2, x + AROUND)):
        for b in range(max(2, z - AROUND), min(SIDE - wide - 2, z + AROUND)):
            for c in range(max(2, y - 4), min(HEIGHT - 8, y + 5)):
                ground = kinds[a : a + wide, b : b + wide, c - 1]
                if ground[wide // 2, wide // 2] < ROCK or (ground == FREE).any():
                    continue
                room = kinds[a : a + wide, b : b + wide, c : c + 4]
                unseen = int((ground == UNSEEN).sum() + (room == UNSEEN).sum())
                if unseen <= wide * wide and ((room == FREE) | (room == UNSEEN)).all():
                    far = abs(a + wide // 2 - x) + abs(b + wide // 2 - z)
                    found.append((unseen + far, (a + wide // 2, b + wide // 2, c)))
    return [np.array([cell], np.int64) for _, cell in sorted(found)[:2]]


PLAYERS: dict[str, Callable[[Hands], bool]] = {
    "FindCave": find_cave,
    "MakeWaterfall": make_waterfall,
    "CreateVillageAnimalPen": make_pen,
    "BuildVillageHouse": build_house,
}
"""By task: plays it; gives whether it takes the task for done."""


def demonstrate(world: BasaltWorld, seed: int, task: str) -> list[int] | None:
    """The actions of a scripted player in a level, the last of which ends it; None: it did not succeed as it sees it.

    Args:
        world: with one environment.
        seed: of the level.
        task: a key of PLAYERS.
    """
    world.reset(seed=[seed])
    scribe = Scribe(world)
    hands = Hands(Senses(scribe, world.state(), 0, world.settings.max_steps, False))
    try:
        done = PLAYERS[task](hands)
    except (Failed, EpisodeOver):
        return None
    return [*scribe.actions, world.action_names.index(FINISH)] if done else None


def wander(world: BasaltWorld, seed: int) -> list[int]:
    """The actions of a random walk of a random length in a level, the last of which ends it.

    Args:
        world: with one environment.
        seed: of the level, and of the walk.
    """
    random = np.random.default_rng(seed)
    world.reset(seed=[seed])
    strides = [world.action_names.index(name) for name in STRIDES]
    actions = random.choice(strides, random.integers(SHORTEST_WALK, LONGEST_WALK), p=list(STRIDES.values())).tolist()
    for step, action in enumerate(actions):
        if "episode" in world.step(np.array([action]))[4]:
            return actions[: step + 1]
    return [*actions, world.action_names.index(FINISH)]


def record(
    task: str, path: Path, levels: int, settings: dict[str, Any] | None = None, walks: bool = False
) -> tuple[int, int]:
    """Has a scripted player play levels 0 to `levels` - 1, and keeps the episodes that it takes for done.

    What the file has already is not played again. With `walks`, a random walker plays instead, and all it does is kept.

    Returns:
        episodes in the file by this player, and of these how many pass the task's check; nothing is chosen by that.

    Raises:
        DemonstrationsError: the file cannot be used.
        ValueError: there is no scripted player of this task.
    """
    if task not in PLAYERS:
        raise ValueError(f"there is no scripted player of {task}; there are: {', '.join(PLAYERS)}")
    given = settings or {}
    world, again = (palaestra_worlds.make(PREFIX + task, 1, **given) for _ in range(2))
    again.watch_checks()
    file = Demonstrations(path, create=True)
    by = WALKER if walks else SCRIPTED
    known = {episode.seed: episode for episode in file.episodes() if episode.by == by}
    passed = 0
    for seed in range(levels):
        if seed in known and known[seed].state != "playing":
            actions = known[seed].actions.tolist() if known[seed].state == "ended" else None
        else:
            assert isinstance(world, BasaltWorld)
            actions = wander(world, seed) if walks else demonstrate(world, seed, task)
            _keep(file, again, given, by, seed, actions)
        passed += actions is not None and _passes(again, seed, actions)
    kept = sum(episode.state == "ended" and episode.by == by for episode in file.episodes())
    file.close()
    return kept, passed


def _keep(
    file: Demonstrations, world: Any, settings: dict[str, Any], by: str, seed: int, actions: list[int] | None
) -> None:
    number = file.begin(by, world, settings, None, seed)
    if actions is None:
        file.end(number, None)
        return
    file.add_all(number, actions)
    file.end(number, _play(world, seed, actions))


def _passes(world: Any, seed: int, actions: list[int]) -> bool:
    _play(world, seed, actions)
    return bool(world.checked()[0, -1])


def _play(world: Any, seed: int, actions: list[int]) -> str:
    """Plays a level by these actions; gives the digest of what was seen last."""
    world.reset(seed=[seed])
    infos: dict[str, Any] = {}
    for number, action in enumerate(actions):
        if "episode" in infos:
            raise DemonstrationsError(f"level {seed} ended after {number} of {len(actions)} actions")
        infos = world.step(np.array([action]))[4]
    return digest_of(infos["final_obs"][0])


def main() -> None:
    """Records from the command line."""
    parser = argparse.ArgumentParser(description="Scripted demonstrations of BASALT tasks.")
    parser.add_argument("task", choices=sorted(PLAYERS))
    parser.add_argument("file", type=Path)
    parser.add_argument("--levels", type=int, default=100, help="levels 0 to n - 1")
    parser.add_argument("--lidar", type=int, default=0, help="rays that are observed")
    parser.add_argument("--walks", action="store_true", help="walk at random instead, and keep all of it")
    chosen = parser.parse_args()
    try:
        settings = {"lidar": chosen.lidar} if chosen.lidar else {}
        kept, passed = record(chosen.task, chosen.file, chosen.levels, settings, chosen.walks)
    except DemonstrationsError as error:
        raise SystemExit(f"palaestra: {error}") from error
    what = "random walks" if chosen.walks else "scripted demonstrations"
    print(f"{kept} {what} of {chosen.levels} levels in {chosen.file}; {passed} pass the check")


if __name__ == "__main__":
    main()
