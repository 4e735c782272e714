"""Best-first search over what an agent does: fetch, open, unlock, move aside, put down; the walks between are exact."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.minigrid.grid_state import GridState
from palaestra_worlds.minigrid.solver.goals import Goal
from palaestra_worlds.minigrid.solver.level import Level, is_movable, nearest
from palaestra_worlds.minigrid.solver.plan import SolverError
from palaestra_worlds.minigrid.solver.walking import FAR, Walk, follow, shortest_walks
from palaestra_worlds.minigrid.state import (
    BOX,
    DONE,
    DROP,
    EMPTY_CELL,
    KEY,
    LOCKED,
    PICKUP,
    STATE_SHIFT,
    TOGGLE,
    cell_color,
    cell_inside,
    cell_state,
    cell_type,
)

MOST_EXPANSIONS = 5000
PLACES_KEPT = 2
"""Poses to put something down from that the search goes on with, for each thing to do next; twice."""
PLACES_TO_TRY = 6
"""Poses to put something down from that are looked at closely, for each thing to do next; twice."""


@dataclass(frozen=True, eq=False, slots=True)
class _Node:
    """A moment after something was done."""

    cost: int
    stage: int
    pose: int
    carrying: int
    cells: NDArray[np.int32]
    parent: _Node | None = None
    actions: tuple[int, ...] = ()

    @property
    def key(self) -> tuple[int, int, int, bytes]:
        return self.stage, self.pose, self.carrying, self.cells.tobytes()


class Search:
    """Finds a plan through the stages of a mission.

    The walks between two deeds are shortest ones, and the deeds are tried in the order of a lower bound on the whole
    plan. Only where to put things down is chosen from a few good places, so plans that move objects may be a few
    actions longer than need be.
    """

    def __init__(self, state: GridState, goals: Sequence[Goal]) -> None:
        self._level = Level(state, goals)
        self._goals = goals
        self._heap: list[tuple[int, int, int, _Node]] = []
        self._numbers = count()

    def run(self) -> tuple[int, ...]:
        """The actions of the plan.

        Raises:
            SolverError: there is no plan, or the search gave up.
        """
        level = self._level
        self._push(_Node(0, 0, level.pose, level.carrying, level.cells))
        done: set[tuple[int, int, int, bytes]] = set()
        while self._heap:
            node = heapq.heappop(self._heap)[-1]
            if node.stage == len(self._goals):
                return _actions_to(node)
            if node.key in done:
                continue
            if len(done) >= MOST_EXPANSIONS:
                raise SolverError(f"no plan was found within {MOST_EXPANSIONS} tries")
            done.add(node.key)
            for child in _Expansion(level, node).children():
                self._push(child)
        raise SolverError("there is no way to do what the mission asks for")

    def _push(self, node: _Node) -> None:
        left = 0
        if node.stage < len(self._goals):
            left = self._level.bound(node.stage, node.pose, node.carrying, node.cells)
        if left < FAR:
            heapq.heappush(self._heap, (node.cost + left, -node.cost, next(self._numbers), node))


def _actions_to(node: _Node) -> tuple[int, ...]:
    parts = []
    while node.parent is not None:
        parts.append(node.actions)
        node = node.parent
    return tuple(action for part in reversed(parts) for action in part)


class _Expansion:
    """All that makes sense to do next at one node."""

    def __init__(self, level: Level, node: _Node) -> None:
        self.level = level
        self.node = node
        self.goal = level.goals[node.stage]
        self.targets = level.targets[node.stage]
        self.enter = level.enter(node.cells, node.stage)
        self.walk = shortest_walks(self.enter, level.height, np.array([node.pose], dtype=np.int32))
        self.locked = level.locked_doors(node.cells)
        colors = {cell_color(int(node.cells[door])) for door in self.locked}
        self.came_from = level.ahead(node.pose >> 2, node.pose & 3) if node.actions[-1:] == (PICKUP,) else -1
        self.keys = [cell for cell, color in level.keys(node.cells) if color in colors] if colors else []

    def children(self) -> Iterator[_Node]:
        yield from self._reach_goal()
        yield from self._fetch_keys()
        yield from self._unlock_doors()
        blockers = self._blockers()
        yield from self._remove(blockers)
        if self.node.carrying and self.goal.kind != "drop near":
            yield from self._put_down(blockers)

    # ------------------------------------------------------------------------------------------ deeds

    def _child(
        self, pose: int, action: int | None, cell: int, content: int, carrying: int, stage: int | None = None
    ) -> _Node:
        """After walking to a pose, and an action there that leaves `content` in `cell` (-1: no cell changes)."""
        node = self.node
        actions, cells = follow(self.walk, pose, node.cells)
        if action is not None:
            actions = (*actions, action)
        if cell >= 0:
            cells[cell] = content
        return _Node(
            cost=node.cost + len(actions),
            stage=node.stage if stage is None else stage,
            pose=pose,
            carrying=carrying,
            cells=cells,
            parent=node,
            actions=actions,
        )

    def _reachable(self, poses: list[int]) -> list[int]:
        return [pose for pose in poses if self.walk.distance[pose] < FAR]

    def _reach_goal(self) -> Iterator[_Node]:
        kind, node, level = self.goal.kind, self.node, self.level
        following = node.stage + 1
        if kind == "drop near":
            yield from self._drop_near(following)
            return
        for target in self.targets:
            cell = int(node.cells[target])
            if kind == "stand on":
                for pose in self._reachable([4 * target + direction for direction in range(4)]):
                    yield self._child(pose, None, -1, 0, node.carrying, following)
            elif kind == "beside":
                beside = [4 * other + direction for other in level.around(target) for direction in range(4)]
                for pose in self._reachable(beside):
                    yield self._child(pose, DONE, -1, 0, node.carrying, following)
            elif kind == "pick up" and not node.carrying:
                for pose in self._reachable(level.facing(target)):
                    yield self._child(pose, PICKUP, target, EMPTY_CELL, cell, following)
            elif kind == "open" and not self._is_shut_for_good(cell):
                for pose in self._reachable(level.facing(target)):
                    yield self._child(pose, TOGGLE, target, _opened(cell), node.carrying, following)

    def _is_shut_for_good(self, door: int) -> bool:
        return cell_state(door) == LOCKED and not _is_key_of(self.node.carrying, door)

    def _drop_near(self, following: int) -> Iterator[_Node]:
        """PutNear: whatever empty cell around the target is nearest to be faced."""
        level, node = self.level, self.node
        for target in self.targets:
            x, y = target // level.height, target % level.height
            for near_x in range(max(x - 1, 0), min(x + 2, level.width)):
                for near_y in range(max(y - 1, 0), min(y + 2, level.height)):
                    cell = level.number(near_x, near_y)
                    if int(node.cells[cell]) == EMPTY_CELL:
                        for pose in self._reachable(level.facing(cell)):
                            yield self._child(pose, DROP, cell, node.carrying, 0, following)

    def _fetch_keys(self) -> Iterator[_Node]:
        for cell in self.keys:
            yield from self._take(cell)

    def _take(self, cell: int) -> Iterator[_Node]:
        """Opens a box, or picks something up."""
        content, carrying = int(self.node.cells[cell]), self.node.carrying
        for pose in self._reachable(self.level.facing(cell)):
            if cell_type(content) == BOX:
                yield self._child(pose, TOGGLE, cell, cell_inside(content), carrying)
            elif not carrying and self.goal.may_move:
                yield self._child(pose, PICKUP, cell, EMPTY_CELL, content)

    def _unlock_doors(self) -> Iterator[_Node]:
        for door in self.locked:
            cell = int(self.node.cells[door])
            if door in self.targets or not _is_key_of(self.node.carrying, cell):
                continue
            for pose in self._reachable(self.level.facing(door)):
                yield self._child(pose, TOGGLE, door, _opened(cell), self.node.carrying)

    # ------------------------------------------------------------------------------------------ objects in the way

    def _wanted(self) -> list[list[int]]:
        """Groups of poses that one might want to reach."""
        level = self.level
        if self.goal.kind == "stand on":
            groups = [[4 * target + direction for target in self.targets for direction in range(4)]]
        elif self.goal.kind in ("beside", "drop near"):
            around = (cell for target in self.targets for cell in level.around(target))
            groups = [[4 * cell + direction for cell in around for direction in range(4)]]
        else:
            groups = [[pose for target in self.targets for pose in level.facing(target)]]
        return groups + [level.facing(cell) for cell in (*self.locked, *self.keys)]

    def _blockers(self) -> list[int]:
        """The first object in the way to each thing that can only be reached by moving objects aside."""
        shut_off = [poses for poses in self._wanted() if nearest(self.walk.distance, poses) == FAR]
        if not shut_off:
            return []
        level, node = self.level, self.node
        enter = level.enter(node.cells, node.stage, relaxed=True)
        relaxed = shortest_walks(enter, level.height, np.array([node.pose], dtype=np.int32))
        found = []
        for poses in shut_off:
            nearest_pose = min(poses, key=lambda pose: relaxed.distance[pose], default=-1)
            if nearest_pose >= 0 and relaxed.distance[nearest_pose] < FAR:
                found.append(self._first_object(relaxed, nearest_pose))
        return sorted({cell for cell in found if cell >= 0 and cell not in self.targets and cell not in self.keys})

    def _first_object(self, walk: Walk, pose: int) -> int:
        first = -1
        while pose >= 0:
            if is_movable(int(self.node.cells[pose >> 2])):
                first = pose >> 2
            pose = int(walk.previous[pose])
        return first

    def _remove(self, blockers: list[int]) -> Iterator[_Node]:
        for cell in blockers:
            yield from self._take(cell)

    # ------------------------------------------------------------------------------------------ putting down

    def _put_down(self, blockers: list[int]) -> Iterator[_Node]:
        """Puts down what is carried where it costs least on the way to something else that needs free hands."""
        seen: set[int] = set()
        nexts = {*self.keys, *blockers}
        if self.goal.kind == "pick up":
            nexts.update(self.targets)
        for cell in sorted(nexts):
            for pose in self._places(cell):
                if pose not in seen:
                    seen.add(pose)
                    front = self.level.ahead(pose >> 2, pose & 3)
                    yield self._child(pose, DROP, front, self.node.carrying, 0)

    def _places(self, wanted: int) -> list[int]:
        """Poses to drop from on the way to facing the cell `wanted`: the best ones, and the best that block nothing."""
        level = self.level
        facing = np.array(level.facing(wanted), dtype=np.int32)
        back = shortest_walks(self.enter, level.height, facing, backward=True)
        total = self.walk.distance.astype(np.int64) + back.distance
        order = np.argsort(total, kind="stable")[: 16 * PLACES_TO_TRY]
        best: list[tuple[int, int]] = []
        free: list[tuple[int, int]] = []
        for pose in order.tolist():
            if total[pose] >= FAR or (len(best) >= PLACES_TO_TRY and len(free) >= PLACES_TO_TRY):
                break
            front = level.ahead(pose >> 2, pose & 3)
            if front < 0 or int(self.node.cells[front]) != EMPTY_CELL or front in (wanted, self.came_from):
                continue
            harmless = level.is_harmless(front)
            if len(best) < PLACES_TO_TRY or (harmless and len(free) < PLACES_TO_TRY):
                length = int(self.walk.distance[pose]) + self._way_after(pose, front, facing)
                if len(best) < PLACES_TO_TRY:
                    best.append((length, pose))
                if harmless and len(free) < PLACES_TO_TRY:
                    free.append((length, pose))
        kept = {pair for some in (best, free) for pair in sorted(some)[:PLACES_KEPT]}
        return [pose for length, pose in sorted(kept) if length < FAR]

    def _way_after(self, pose: int, dropped: int, facing: NDArray[np.int32]) -> int:
        """Length of the way on once something lies in the cell `dropped`."""
        enter = self.enter.copy()
        enter[dropped] = 0
        walk = shortest_walks(enter, self.level.height, np.array([pose], dtype=np.int32))
        return nearest(walk.distance, facing.tolist())


def _opened(door: int) -> int:
    return door & ~(0xF << STATE_SHIFT)


def _is_key_of(carried: int, door: int) -> bool:
    return cell_type(carried) == KEY and cell_color(carried) == cell_color(door)
