"""A BASALT task as a world: an Overworld with few actions and without reward, whose episodes players end themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from palaestra_worlds.basalt import PREFIX
from palaestra_worlds.basalt.checks import CHECKS, Scene
from palaestra_worlds.basalt.settings import BasaltSettings
from palaestra_worlds.basalt.sight import few_kinds_view, space_of
from palaestra_worlds.basalt.tasks import TASKS
from palaestra_worlds.base import Task, TaskError
from palaestra_worlds.overworld.constants import MOVES, Rules, rules_of
from palaestra_worlds.overworld.keys import MOVE_KEYS, keys_of
from palaestra_worlds.overworld.life import end
from palaestra_worlds.overworld.settings import OverworldSettings
from palaestra_worlds.overworld.state import COUNT, HEALTH, ITEM, KIND, MOB_X, MOB_Y, MOB_Z, X, Y, Z
from palaestra_worlds.overworld.tables import BLOCK, numbers, tables
from palaestra_worlds.overworld.tasks import TaskTable, make_table
from palaestra_worlds.overworld.world import OverworldWorld

FINISH = "finish"
"""The action that ends the episode: the competition's key ESC."""
_HELD = ("_bucket", "_seeds", "wheat")
"""What is used from the hand, although it leaves a block."""


class BasaltWorld(OverworldWorld):
    """A batch of Overworlds in which people say how well a task was done.

    **Observations**: those of an Overworld, but `blocks` is uint8 with the 15 kinds of `sight.FEW_KINDS`, and in place
    of `counts` there is `items` float32, if one starts with any: how many are at hand of these and of what else can be
    placed, as log2(1 + n) / 8.
    **Actions**: discrete, named in `action_names`: moves, what the task has one place or hold, and `finish`.
    **Rewards**: none.
    **Ends**: `finish`; death; truncation after the task's ticks.
    `success` in `infos` is never true: whether the task was done is for `checked` to say, in evaluations.

    Args:
        id: e.g. "Overworld-FindCave".
        num_envs: environments that step together; each takes 1.2 MB, 1.9 MB where water runs, and 1.2 MB more with
            `watch_checks`.
        settings: see `BasaltSettings`.
    """

    task_space = Task

    def __init__(self, id: str, num_envs: int, settings: BasaltSettings) -> None:
        self.task = TASKS[id.removeprefix(PREFIX)]
        whole = OverworldSettings(
            actions="all",
            mobs=settings.mobs or self.task.mobs,
            fluids=self.task.fluids,
            lidar=settings.lidar,
            max_steps=settings.max_steps or self.task.max_ticks,
            threads=settings.threads,
            copy_observations=settings.copy_observations,
        )
        super().__init__(id, num_envs, whole)
        self.instruction = self.about = self.task.instruction
        self.objectives = ("success",)
        self.reward_range = (0.0, 0.0)
        self.items = (*self.task.inventory, *self.task.placed)
        self._item_numbers = [numbers().item[item] for item in self.items]
        self.action_names = _action_names(self.items)
        self.keys = keys_of(self.action_names, MOVE_KEYS | {"enter": FINISH})
        self._finish = self.action_names.index(FINISH)
        self._rules = rules_of(whole.max_steps, False, ["wait" if n == FINISH else n for n in self.action_names])
        self.single_observation_space = space_of(self.single_observation_space, len(self.items))
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.single_action_space = gymnasium.spaces.Discrete(len(self.action_names))
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._view = few_kinds_view(self._view)
        self._own = self._table_of([Task()])
        self.checks, self._check = CHECKS[id.removeprefix(PREFIX)]
        self._begun: NDArray[np.uint16] | None = None
        self._checked = np.zeros((num_envs, len(self.checks)), np.bool_)

    def action_rows(self) -> NDArray[np.int32]:
        """(actions, 2): kind of each action and its argument, see `overworld.constants`."""
        return self._rules.actions

    # ------------------------------------------------------------------------------------------ tasks

    def explain(self, task: Task) -> tuple[str, ...]:
        self._table_of([task])
        return ()

    def _table_of(self, tasks: Sequence[Task]) -> TaskTable:
        """One row for each task, none of which has a goal that ends the episode."""
        for task in tasks:
            if type(task) is not Task:
                raise TaskError(f"{self.id} takes levels alone (Task), not {type(task).__name__}")
        table = make_table([self.task.in_level(task.level_seed) for task in tasks])
        table.counts[...] = False
        return table

    # ------------------------------------------------------------------------------------------ checks

    def watch_checks(self) -> None:
        if self._begun is None:
            self._begun = self._levels.blocks.copy()

    def checked(self) -> NDArray[np.bool_]:
        if self._begun is None:
            raise ValueError("call watch_checks, and reset, before checked")
        return self._checked.copy()

    def _scene(self, i: int) -> Scene:
        """What the check of environment i's state is told."""
        assert self._begun is not None
        levels = self._levels
        x, z, y, health = (int(levels.status[i, column]) for column in (X, Z, Y, HEALTH))
        living = levels.mobs[i][levels.mobs[i, :, KIND] > 0]
        return Scene(
            begun=self._begun[i],
            blocks=levels.blocks[i],
            surface=levels.surface[i],
            feet=(x, z, y),
            is_alive=health > 0,
            animals=tuple((int(m[KIND]), (int(m[MOB_X]), int(m[MOB_Z]), int(m[MOB_Y]))) for m in living),
        )

    # ------------------------------------------------------------------------------------------ for people and models

    def describe(self, index: int) -> str:
        told = super().describe(index).splitlines()
        return "\n".join(f"Task: {self.instruction}" if line.startswith("Goal:") else line for line in told)

    def status(self, index: int) -> str:
        return super().status(index).removeprefix("Task: ")

    # ------------------------------------------------------------------------------------------ internals

    def identity(self) -> dict[str, Any]:
        return super().identity() | {"actions": list(self.action_names)}

    def snapshot_of(self, index: int) -> dict[str, NDArray[Any]]:
        return super().snapshot_of(index) | ({} if self._begun is None else {"begun": self._begun[index].copy()})

    def restore_to(self, index: int, arrays: Mapping[str, NDArray[Any]]) -> None:
        super().restore_to(index, arrays)
        if self._begun is not None and "begun" in arrays:
            self._begun[index] = arrays["begun"]

    def _play(self, actions: NDArray[np.int64], rules: Rules, threads: int, is_seen: bool = True) -> None:
        super()._play(actions, rules, threads, is_seen)
        outcome = self._outcome
        for unpaid in (outcome.rewards, outcome.running_return, outcome.episode_return):
            unpaid[...] = 0.0
        if rules is not self._rules:
            return
        finished = np.flatnonzero((actions == self._finish) & ~outcome.ended)
        end(self._levels, self._lessons, outcome, finished)
        for seen, last in zip(self._observations, self._final, strict=True):
            last[finished[: len(last)]] = seen[finished[: len(last)]]

    def _begin_episodes(self, rows: NDArray[np.intp]) -> None:
        super()._begin_episodes(rows)
        if self._begun is not None:
            self._begun[rows] = self._levels.blocks[rows]

    def _observed(self, copy: bool) -> dict[str, Any]:
        return self._as_seen(super()._observed(copy), self._at_hand())

    def _last_observed(self, copy: bool) -> dict[str, Any]:
        return self._as_seen(super()._last_observed(copy), self._at_hand())

    def _ended_infos(self) -> dict[str, Any]:
        if self._begun is not None:
            for i in np.flatnonzero(self._outcome.ended):
                self._checked[i] = self._check(self._scene(int(i)))
        return super()._ended_infos()

    def _episodes(self) -> dict[str, NDArray[Any]]:
        return {"success": np.zeros(self.num_envs, np.bool_), "ticks": self._outcome.episode_ticks.copy()}

    def _as_seen(self, observed: dict[str, Any], items: NDArray[np.float32]) -> dict[str, Any]:
        kept = {name: part for name, part in observed.items() if name not in ("blocks", "counts")}
        seen = {"blocks": observed["blocks"].astype(np.uint8), **kept}
        return seen | {"items": items} if self.items else seen

    def _at_hand(self) -> NDArray[np.float32]:
        """float32 (num_envs, items)."""
        slots = self._levels.slots
        counts = np.zeros((self.num_envs, len(self._item_numbers)), np.float32)
        for column, item in enumerate(self._item_numbers):
            counts[:, column] = np.where(slots[:, :, ITEM] == item, slots[:, :, COUNT], 0).sum(axis=1)
        return (np.log2(1.0 + counts) / 8.0).astype(np.float32)


def _action_names(items: Sequence[str]) -> tuple[str, ...]:
    """Moves, what can be put down, what can be taken in hand, and the end."""
    is_block = [bool(tables().items[numbers().item[item], BLOCK]) and not item.endswith(_HELD) for item in items]
    verbs = [("place" if placed else "equip") + f" {item}" for item, placed in zip(items, is_block, strict=True)]
    return (*MOVES, *verbs, FINISH)
