"""Any environment that gymnasium can make, stepped one by one: `gymnasium:<id>`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import load_env_creator
from gymnasium.spaces import Space
from numpy.typing import NDArray

from palaestra_worlds.adapters.world import AdaptedWorld

Stream = dict[str, Any]
"""The state of an environment's random generator."""


@dataclass
class _Episode:
    """How one environment came to where it is.

    Attributes:
        own: the environment's own stream while it is not in use: the seed that it begins with, or where it was left;
            None: it is the one in use.
        begun: the seed that the running episode was begun with, or the stream's state before it.
        actions: all since.
    """

    own: int | Stream | None = None
    begun: int | Stream = 0
    actions: list[NDArray[Any]] = field(default_factory=list)


class GymnasiumWorld(AdaptedWorld):
    """See `AdaptedWorld`. Steps what `gymnasium.vector.SyncVectorEnv` steps with same-step autoreset, one for one.

    `snapshot` holds how each episode was begun and the actions since; `restore` takes them again. An environment that
    then sees something else, because chance comes into it otherwise than by gymnasium's generator, begins a new episode
    (`restarted`).
    """

    def _open(self) -> tuple[Space[Any], Space[Any], float | None]:
        self._environments = [self._made() for _ in range(self.num_envs)]
        self._episodes = [_Episode() for _ in self._environments]
        one = self._environments[0]
        return one.observation_space, one.action_space, one.spec.reward_threshold if one.spec else None

    def _made(self) -> gymnasium.Env[Any, Any]:
        arguments: dict[str, Any] = dict(self.settings.options)
        if self.settings.max_steps is not None:
            arguments["max_episode_steps"] = self.settings.max_steps
        try:
            if self._can_draw():
                arguments.setdefault("render_mode", "rgb_array")
            return gymnasium.make(self.name, **arguments)
        except (gymnasium.error.Error, ImportError, TypeError, ValueError) as error:
            raise ValueError(f"gymnasium cannot make {self.name}: {error}") from error

    def _can_draw(self) -> bool:
        entry = gymnasium.spec(self.name).entry_point
        creator = load_env_creator(entry) if isinstance(entry, str) else entry
        return "rgb_array" in getattr(creator, "metadata", {}).get("render_modes", ())

    def _start(self, rows: Sequence[int]) -> None:
        for i in rows:
            episode, environment = self._episodes[i], self._environments[i]
            if self._tasks.episodes[i] == 1:
                episode.own = int(self._tasks.seeds[i])
            level = self._level(i)
            if level is not None:
                if episode.own is None:
                    episode.own = _stream(environment)
                episode.begun = level
            else:
                episode.begun = _stream(environment) if episode.own is None else episode.own
                episode.own = None
            episode.actions = []
            self._see([i], self._reset(i), batched=False)

    def _reset(self, index: int) -> Any:
        """The first observation of an episode that is begun as `_Episode.begun` says."""
        environment, begun = self._environments[index], self._episodes[index].begun
        if isinstance(begun, int):
            return environment.reset(seed=begun)[0]
        environment.unwrapped.np_random.bit_generator.state = begun
        return environment.reset()[0]

    def _advance(self, actions: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
        rewards = np.zeros(self.num_envs)
        terminated, truncated = np.zeros(self.num_envs, np.bool_), np.zeros(self.num_envs, np.bool_)
        for i, environment in enumerate(self._environments):
            self._episodes[i].actions.append(actions[i].copy())
            observed, rewards[i], terminated[i], truncated[i], info = environment.step(actions[i])
            self._see([i], observed, batched=False)
            if terminated[i] or truncated[i]:
                self._report(i, info)
        return rewards, terminated, truncated

    def _drawn(self, index: int) -> NDArray[np.uint8] | None:
        environment = self._environments[index]
        if environment.render_mode != "rgb_array":
            return None
        try:
            return np.asarray(environment.render(), np.uint8)
        except gymnasium.error.DependencyNotInstalled:
            return None

    def _saved(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        values = {"episodes": [{"own": episode.own, "begun": episode.begun} for episode in self._episodes]}
        done = [action for episode in self._episodes for action in episode.actions]
        single = self.single_action_space
        actions = np.array(done, single.dtype).reshape(len(done), *(single.shape or ()))
        counts = np.array([len(episode.actions) for episode in self._episodes], np.int64)
        seen = {f"_seen_{key}": part for key, part in self._seen.items() if not isinstance(part, list)}
        return values, {"_actions": actions, "_counts": counts, **seen}

    def _load(self, values: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Sequence[int]:
        starts = np.cumsum([0, *arrays["_counts"]])
        restarted = []
        for i, kept in enumerate(values["episodes"]):
            actions = list(arrays["_actions"][starts[i] : starts[i + 1]])
            self._episodes[i] = _Episode(kept["own"], kept["begun"], actions)
            self._see([i], self._repeated(i), batched=False)
            kept_parts = (
                (part, arrays[f"_seen_{key}"]) for key, part in self._seen.items() if f"_seen_{key}" in arrays
            )
            if not all(np.array_equal(part[i], was[i], equal_nan=part.dtype.kind == "f") for part, was in kept_parts):
                restarted.append(i)
                self._episodes[i].actions = []
                self._see([i], self._reset(i), batched=False)
        return restarted

    def _repeated(self, index: int) -> Any:
        """What an environment sees after its episode's actions, taken again."""
        observed = self._reset(index)
        for action in self._episodes[index].actions:
            observed, _, terminated, truncated, _ = self._environments[index].step(action)
            if terminated or truncated:
                break
        return observed

    def close_extras(self, **kwargs: Any) -> None:
        for environment in self._environments:
            environment.close()


def _stream(environment: gymnasium.Env[Any, Any]) -> Stream:
    return dict(environment.unwrapped.np_random.bit_generator.state)
