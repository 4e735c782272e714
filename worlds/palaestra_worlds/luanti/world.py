"""A real voxel game in its own server, played by the same structured actions as an Overworld."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from palaestra_worlds.base import Task, TaskError, World
from palaestra_worlds.batches import FinalObservations, checked_actions, checked_mask, cumulative_weights, seeds_by_row
from palaestra_worlds.luanti.bridge import Bridge
from palaestra_worlds.luanti.errors import LuantiError
from palaestra_worlds.luanti.game import Game
from palaestra_worlds.luanti.knowledge import LuantiKnowledge, remember_game
from palaestra_worlds.luanti.player import LuantiPlayer
from palaestra_worlds.luanti.rules import GameRules, read_again, read_rules
from palaestra_worlds.luanti.server import Server, find_game, find_server
from palaestra_worlds.luanti.settings import LuantiSettings
from palaestra_worlds.overworld.constants import MOVES
from palaestra_worlds.overworld.controllers.failures import Failed
from palaestra_worlds.overworld.objectives import GOAL_BIT
from palaestra_worlds.overworld.senses import Senses
from palaestra_worlds.overworld.state import CLOCK, FACING, HEALTH, HEIGHT, PITCH, SIDE, SLOTS, UNLOCKED, X, Y, Z
from palaestra_worlds.overworld.tables import numbers
from palaestra_worlds.overworld.tasks import ItemStack

RADIUS = 4
STATUS = (X, Z, Y, FACING, PITCH, HEALTH, CLOCK)
"""What is observed of the status, in order."""
CHUNK = 80
"""Nodes along each side that the engine generates at a time."""
PLACES = sorted(
    ((CHUNK * a + 48, CHUNK * b + 48) for a in range(-4, 4) for b in range(-4, 4)),
    key=lambda place: (max(map(abs, place)), place),
)
"""x, z of the game where one may begin, the nearest to the middle of the map first; with the cells around each of them
in four chunks, so that no more is generated than that."""
LOWEST_START, HIGHEST_START = 2, 14
"""Above the game's sea, and low enough for hills to fit into the cells that are kept."""
MOST_STARTS = 6
"""Places that are looked at for trees."""
FEWEST_LOGS = 12


class LuantiTask(Task):
    """A game: when one starts, with what, and what is to be come by. Its map is that of the seed."""

    start_of_day: float = Field(
        default=0.0, ge=0, lt=1, description="Share of the day that has passed: 0 sunrise, 0.25 noon, 0.5 nightfall."
    )
    inventory: tuple[ItemStack, ...] = Field(
        default=(), max_length=SLOTS, description="What the player has at the start."
    )
    goal: ItemStack = Field(
        default=ItemStack(item="iron_pickaxe"), description="What is to be come by. It ends the episode."
    )


class LuantiWorld(World):
    """A game in a server of its own, one at a time; it goes on in real time.

    **Observations**: `blocks` uint16 (9, 9, 9), the cells around the eyes, along x, z, y, by the number of the block
    that was seen there + 1, 0 where nothing was; `status` float32 (7,): x, z, y, facing, pitch, health, ticks.
    **Actions**: discrete, named in `action_names`: an Overworld's moves. Items are used by structured actions.
    **Rewards**: 1 when the goal is reached.
    **Ends**: the goal is reached (success); death; truncation after `max_steps` ticks.

    Args:
        id: "Luanti".
        num_envs: 1.
        settings: see `LuantiSettings`.

    Raises:
        ServerMissing: server or game is not installed.
        ValueError: more than one environment is asked for.
    """

    task_space = LuantiTask
    reward_range = (0.0, 1.0)
    about = (
        "A real voxel game in its own server: trees, stone, coal and iron, with the game's own recipes, tools and "
        "times. Nothing lives there, and nobody is hungry; the player starts near trees, with nothing."
    )

    def __init__(self, id: str, num_envs: int, settings: LuantiSettings) -> None:
        if num_envs != 1:
            raise ValueError(f"num_envs must be 1, not {num_envs}: each Luanti world is a server of its own")
        find_server(settings)
        self._game_folder = find_game(settings)
        self.id, self.num_envs, self.settings = id, num_envs, settings
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP, "render_modes": ["rgb_array"], "render_fps": 20}
        self.render_mode = "rgb_array"
        self.action_names = tuple(MOVES)
        cube = 2 * RADIUS + 1
        blocks = len(numbers().blocks)
        self.single_observation_space = gymnasium.spaces.Dict(
            {
                "blocks": gymnasium.spaces.Box(0, blocks, (cube, cube, cube), np.uint16),
                "status": gymnasium.spaces.Box(-np.inf, np.inf, (len(STATUS),), np.float32),
            }
        )
        self.observation_space = batch_space(self.single_observation_space, 1)
        self.single_action_space = gymnasium.spaces.Discrete(len(self.action_names))
        self.action_space = batch_space(self.single_action_space, 1)
        self._bridge: Bridge | None = None
        self._game: Game | None = None
        self._senses: Senses | None = None
        self._bank: tuple[LuantiTask, ...] = ()
        self._shares: NDArray[np.float64] = np.zeros(0)
        self._assigned: LuantiTask | None = None
        self._task, self._row = LuantiTask(), -1
        self._seed, self._level, self._steps = 0, 0, 0
        self._random = np.random.default_rng(0)

    # ------------------------------------------------------------------------------------------ gymnasium

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begins a new game on the map of a seed: a new server.

        Raises:
            LuantiError: the server cannot be started, or its game not be begun.
            TaskError: the game lacks what the task names.
        """
        chosen = checked_mask(options, 1)
        if seed is not None:
            given = seeds_by_row(seed, 1, chosen)
            if given:
                self._seed = int(given[0])
                self._random = np.random.default_rng(self._seed)
        elif self._game is not None:
            self._seed += 1
        if chosen[0] or self._game is None:
            self._begin()
        return self.observe(), {}

    def step(
        self, actions: Any
    ) -> tuple[dict[str, Any], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Carries out a move; see `World` for what `infos` holds.

        Raises:
            ValueError: `reset` was not called yet, or the action is none.
            LuantiError: the server has ended.
        """
        action = int(checked_actions(actions, 1, len(self.action_names))[0])
        game, senses = self._running()
        try:
            senses.act(*MOVES[self.action_names[action]])
        except Failed:
            # The hand alone does not break it: nothing happens.
            game.status[CLOCK] += 1
        senses.look()
        self._steps += 1
        success = bool(game.status[UNLOCKED] >> GOAL_BIT & 1)
        terminated = np.array([success or game.status[HEALTH] <= 0])
        truncated = np.array([not terminated[0] and game.status[CLOCK] >= self.settings.max_steps])
        infos: dict[str, Any] = {"lesson_reward": np.zeros(1, np.float32)}
        if terminated[0] or truncated[0]:
            ended = np.ones(1, np.bool_)
            episode = {
                "return": np.array([float(success)]),
                "length": np.array([self._steps], np.int32),
                "success": np.array([success]),
                "task": np.array([self._row], np.int32),
                "lesson_progress": np.zeros(1, np.int32),
                "ticks": np.array([int(game.status[CLOCK])], np.int32),
            }
            final = FinalObservations(self.observe(), ended)
            infos |= {"final_obs": final, "_final_obs": ended, "episode": episode, "_episode": ended}
            self._seed += 1
            self._begin()
        return self.observe(), np.array([float(success)]), terminated, truncated, infos

    def observe(self) -> dict[str, NDArray[Any]]:
        game, senses = self._running()
        blocks = np.zeros((1, *self.single_observation_space["blocks"].shape), np.uint16)  # pyright: ignore[reportGeneralTypeIssues, reportIndexIssue]
        padded = np.pad(senses.seen, RADIUS)
        x, z, y = senses.place
        if 0 <= x < SIDE and 0 <= z < SIDE and 0 <= y + 1 < HEIGHT:
            width = 2 * RADIUS + 1
            blocks[0] = padded[x : x + width, z : z + width, y + 1 : y + 1 + width]
        return {"blocks": blocks, "status": game.status[list(STATUS)][None].astype(np.float32)}

    def render(self) -> tuple[NDArray[np.uint8], ...]:
        return (self.render_frame(),)

    def close_extras(self, **kwargs: Any) -> None:
        """Ends the server."""
        del kwargs
        self._stop()

    # ------------------------------------------------------------------------------------------ tasks

    def draw_from(self, tasks: Sequence[Task] | None, weights: NDArray[np.float64] | None = None) -> None:
        self._bank = () if tasks is None else tuple(map(_as_luanti_task, tasks))
        self._shares = np.zeros(0) if tasks is None else cumulative_weights(weights, len(tasks))
        self._assigned = None

    def assign(self, tasks: Sequence[Task | None]) -> None:
        if len(tasks) != 1:
            raise TaskError(f"{len(tasks)} tasks for 1 environment; pass None for none")
        self._assigned = None if tasks[0] is None else _as_luanti_task(tasks[0])

    def knowledge(self) -> LuantiKnowledge:
        """Read from the game; starts its server for it where that was not done before.

        Raises:
            LuantiError: the server cannot be started.
        """
        rules = _READ.get(str(self._game_folder))
        if rules is None:
            bridge = Bridge(self.settings, seed=0)
            try:
                rules = self._rules(bridge)
            finally:
                bridge.close()
        remember_game(rules)
        return LuantiKnowledge(rules)

    def player(self, index: int) -> LuantiPlayer:
        """Who plays by structured actions.

        Raises:
            ValueError: there is no such environment, or `reset` was not called yet.
        """
        if index != 0:
            raise ValueError(f"there is no environment {index}: num_envs is 1")
        game, senses = self._running()
        return LuantiPlayer(game, senses, self)

    def server(self) -> Server:
        """The running game's server.

        Raises:
            ValueError: `reset` was not called yet.
        """
        if self._bridge is None:
            raise ValueError("call reset first")
        return self._bridge.server

    # ------------------------------------------------------------------------------------------ state

    def describe(self, index: int) -> str:
        player, goal = self.player(index), self._task.goal
        return (
            f"Luanti: a voxel game in its own server, map of seed {self._level}.\n"
            f"Goal: to have {goal.count} {goal.item}.\n{player.status()}"
        )

    def render_frame(self, index: int = 0) -> NDArray[np.uint8]:
        from palaestra_worlds.overworld.rendering import draw_level

        game, _ = self._running()
        return draw_level(game.levels, index)

    def snapshot(self) -> bytes:
        """Seed and task: a game in a server cannot be saved in the middle, and `restore` begins it anew."""
        tasks = [task.model_dump(mode="json") for task in self._bank]
        content = {
            **self.identity(),
            "seed": self._seed,
            "task": self._task.model_dump(mode="json"),
            "bank": tasks,
            "shares": self._shares.tolist(),
        }
        return json.dumps(content).encode()

    def restore(self, data: bytes) -> None:
        try:
            content = json.loads(data)
            found = {key: content[key] for key in self.identity()}
            task = LuantiTask.model_validate(content["task"])
            bank = tuple(map(LuantiTask.model_validate, content["bank"]))
            seed, shares = int(content["seed"]), np.array(content["shares"], np.float64)
        except (ValueError, KeyError, TypeError, ValidationError) as error:
            raise ValueError(f"these bytes are no snapshot of a Luanti world: {error}") from error
        if found != self.identity():
            raise ValueError(f"the snapshot is of another world: {found} instead of {self.identity()}")
        self._seed, self._bank, self._shares, self._assigned = seed, bank, shares, task
        self._begin()
        self.restarted = (0,)

    def identity(self) -> dict[str, Any]:
        """What two worlds must have in common for one to take the other's snapshots."""
        return {"world": self.id, "num_envs": 1, "rules": self.settings.rules, "max_steps": self.settings.max_steps}

    def snapshot_of(self, index: int) -> dict[str, NDArray[Any]]:
        """Raises ValueError: see `LuantiPlayer.snapshot`."""
        raise ValueError("a Luanti world cannot be saved in the middle: its game runs in another program")

    def restore_to(self, index: int, arrays: Any) -> None:
        """Raises ValueError: see `LuantiPlayer.restore`."""
        raise ValueError("a Luanti world cannot be restored: its game runs in another program")

    # ------------------------------------------------------------------------------------------ internals

    def _running(self) -> tuple[Game, Senses]:
        if self._game is None or self._senses is None:
            raise ValueError("call reset first")
        return self._game, self._senses

    def _stop(self) -> None:
        self._game = self._senses = None
        if self._bridge is not None:
            self._bridge.close()
            self._bridge = None

    def _rules(self, bridge: Bridge) -> GameRules:
        known = _READ.get(str(self._game_folder))
        rules = read_rules(bridge) if known is None else read_again(bridge, known)
        _READ[str(self._game_folder)] = rules
        remember_game(rules)
        return rules

    def _choose(self) -> tuple[LuantiTask, int]:
        """The next game's task, and its row among those that are drawn from."""
        if self._assigned is not None:
            task, self._assigned = self._assigned, None
            return task, -1
        if self._bank:
            row = int(np.searchsorted(self._shares, self._random.random(), side="right"))
            return self._bank[row], row
        return LuantiTask(), -1

    def _begin(self) -> None:
        task, row = self._choose()
        known = _READ.get(str(self._game_folder))
        if known is not None:
            # A task that cannot be carried out ends no game.
            _items_of(known, task)
        self._stop()
        self._task, self._row = task, row
        self._level = self._seed if self._task.level_seed is None else self._task.level_seed
        self._steps = 0
        bridge = self._bridge = Bridge(self.settings, seed=self._level)
        try:
            rules = self._rules(bridge)
            wanted = _items_of(rules, self._task)
            self._game = self._begin_near_trees(bridge, rules, wanted)
        except BaseException:
            # Ctrl-C while the map is made: nothing must stay behind.
            self._stop()
            raise
        self._senses = Senses(self._game, self._game.levels, 0, self.settings.max_steps, False)

    def _begin_near_trees(self, bridge: Bridge, rules: GameRules, wanted: tuple[str, ...]) -> Game:
        """A game at the place nearest to the middle of the map that is low land with trees around it."""
        heights = bridge.call("heights", places=PLACES)["heights"]
        found = [
            (x, int(height), z)
            for (x, z), height in zip(PLACES, heights, strict=True)
            if height is not False and LOWEST_START <= height <= HIGHEST_START
        ]
        if not found:
            raise LuantiError(f"the map of seed {self._level} has no low land near its middle; take another seed")
        task = self._task
        inventory: dict[str, int] = {}
        for stack in task.inventory:
            inventory[stack.item] = inventory.get(stack.item, 0) + stack.count
        logs = [number for name, number in numbers().block.items() if name.endswith("_log")]
        game = None
        for place in found[:MOST_STARTS]:
            game = Game(bridge, rules, place, (wanted, task.goal.count), inventory, task.start_of_day)
            if np.isin(game.levels.blocks[0], logs).sum() >= FEWEST_LOGS:
                return game
        assert game is not None
        return game


_READ: dict[str, GameRules] = {}
"""What was read of each game in this process, by its folder."""


def _as_luanti_task(task: Task) -> LuantiTask:
    if isinstance(task, LuantiTask):
        return task
    if type(task) is Task:
        return LuantiTask(level_seed=task.level_seed)
    raise TaskError(f"a Luanti world takes LuantiTask, not {type(task).__name__}")


def _items_of(rules: GameRules, task: LuantiTask) -> tuple[str, ...]:
    """The items that count for the goal.

    Raises:
        TaskError: the game lacks them, or something of the starting inventory.
    """
    for stack in task.inventory:
        if stack.item not in rules.items:
            raise TaskError(f"the game in the server has no {stack.item}: leave it out of the inventory")
    try:
        named = rules.rules.named(task.goal.item)
    except ValueError as error:
        raise TaskError(str(error)) from error
    here = tuple(name for name in named if name in rules.items)
    if not here:
        raise TaskError(f"the game in the server has no {task.goal.item}")
    return here
