"""Collects rollouts: storage allocated once on the device, and the loop that fills it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from palaestra_agents.config import GRUConfig
from palaestra_agents.distributions import ActionDistribution
from palaestra_agents.encoding import Encoded, ObservationEncoder, final_observations
from palaestra_agents.groups import Group, Share
from palaestra_agents.networks import ActorCritic


class Final(NamedTuple):
    """The last observations of episodes that ended in one step."""

    step: int
    envs: NDArray[np.int64]
    """(K,)."""
    observations: Encoded
    """(K, ...)."""
    state: torch.Tensor | None
    """(K, size): recurrent state before these observations."""


@dataclass
class Rollout:
    """T steps of N environments. Row t holds what was seen before step t; row T of what has T + 1 is after the last."""

    observations: Encoded
    """(T + 1, N, ...)."""
    actions: torch.Tensor
    """(T, N, ...)."""
    parameters: torch.Tensor
    """float32 (T, N, A): of the distributions that the actions were drawn from."""
    values: torch.Tensor
    """float32 (T + 1, N, value heads)."""
    rewards: NDArray[np.float32]
    """(T, N): the task's own reward and the weighted lesson reward."""
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    states: torch.Tensor | None
    """(S, N, size): recurrent states before the first step of each of S sequences of T / S steps."""
    finals: list[Final] = field(default_factory=list)
    episodes: list[dict[str, NDArray[Any]]] = field(default_factory=list)
    """What `infos["episode"]` said of the episodes that ended."""
    lesson_reward: float = 0.0
    """Sum of the unweighted lesson rewards."""

    @property
    def ended(self) -> NDArray[np.bool_]:
        return self.terminated | self.truncated

    @property
    def steps(self) -> int:
        return self.rewards.shape[0]

    @property
    def num_envs(self) -> int:
        return self.rewards.shape[1]

    def reached(self) -> Encoded:
        """What each step led to, (T, N, ...): at an episode's end its last observation.

        Needs the finals of all ended episodes (`keep_all_finals`).
        """
        reached = self.observations.rows(slice(1, None)).clone()
        for final in self.finals:
            reached.write((final.step, torch.from_numpy(final.envs).to(reached.dense.device)), final.observations)
        return reached


def allocate(
    encoder: ObservationEncoder,
    distribution: ActionDistribution,
    steps: int,
    num_envs: int,
    value_heads: int,
    memory: GRUConfig | None,
) -> Rollout:
    device = encoder.device
    states = None
    if memory is not None:
        states = torch.zeros(steps // min(steps, memory.steps), num_envs, memory.size, device=device)
    return Rollout(
        observations=encoder.allocate(steps + 1, num_envs),
        actions=distribution.allocate(steps, num_envs, device),
        parameters=torch.zeros(steps, num_envs, distribution.num_parameters, device=device),
        values=torch.zeros(steps + 1, num_envs, value_heads, device=device),
        rewards=np.zeros((steps, num_envs), dtype=np.float32),
        terminated=np.zeros((steps, num_envs), dtype=np.bool_),
        truncated=np.zeros((steps, num_envs), dtype=np.bool_),
        states=states,
    )


class Collector:
    """Steps a world with a policy, one rollout at a time.

    Args:
        policy: acts.
        encoder: reads observations.
        distribution: of actions.
        rollout: storage for the share's environments.
        share: of the environments that it steps; actions are drawn as if it stepped all.
        lesson_coefficient: weight of the lesson reward.
        keep_all_finals: of terminated episodes too.

    Attributes:
        state: (N, size): recurrent state before the next observation; None without memory.
        seconds_stepping: time spent in `world.step` during the last rollout.
    """

    def __init__(
        self,
        policy: ActorCritic,
        encoder: ObservationEncoder,
        distribution: ActionDistribution,
        rollout: Rollout,
        share: Share,
        lesson_coefficient: float,
        keep_all_finals: bool,
    ) -> None:
        self.policy = policy
        self.encoder = encoder
        self.distribution = distribution
        self.rollout = rollout
        self.share = share
        self.lesson_coefficient = lesson_coefficient
        self.keep_all_finals = keep_all_finals
        self.state: torch.Tensor | None = None
        if policy.memory is not None:
            self.state = torch.zeros(rollout.num_envs, policy.memory.size, device=encoder.device)
        self.seconds_stepping = 0.0

    def observe(self, observations: Any) -> None:
        """Takes a world's current observations as those that the next rollout begins with."""
        self.encoder.encode(observations, out=self.rollout.observations.rows(self.rollout.steps))

    @torch.inference_mode()
    def collect(self, world: Any, generator: torch.Generator) -> Rollout:
        """Fills the storage with the next steps; what it held before is gone."""
        rollout, policy = self.rollout, self.policy
        noise = self.distribution.noise(rollout.steps, self.share.total, generator)[:, self.share.columns]
        rollout.observations.write(0, rollout.observations.rows(rollout.steps))
        rollout.finals, rollout.episodes, rollout.lesson_reward = [], [], 0.0
        self.seconds_stepping = 0.0
        for t in range(rollout.steps):
            self._keep_state(t)
            parameters, values, self.state = policy.step(rollout.observations.rows(t), None, self.state)
            rollout.parameters[t] = parameters
            rollout.values[t] = values
            actions = self.distribution.sample(parameters, noise[t])
            rollout.actions[t] = actions
            self._step(world, t, self.distribution.to_world(actions).cpu().numpy())
        last = rollout.observations.rows(rollout.steps)
        rollout.values[rollout.steps] = policy.step(last, None, self.state)[1]
        return rollout

    def _keep_state(self, t: int) -> None:
        states = self.rollout.states
        if states is not None and self.state is not None:
            sequence, step = divmod(t, self.rollout.steps // len(states))
            if step == 0:
                states[sequence] = self.state

    def _step(self, world: Any, t: int, actions: NDArray[Any]) -> None:
        rollout = self.rollout
        began = time.perf_counter()
        observations, rewards, terminated, truncated, infos = world.step(actions)
        self.seconds_stepping += time.perf_counter() - began
        self.encoder.encode(observations, out=rollout.observations.rows(t + 1))
        rollout.rewards[t] = rewards
        lesson_reward = infos.get("lesson_reward")
        if lesson_reward is not None and self.lesson_coefficient:
            rollout.rewards[t] += self.lesson_coefficient * lesson_reward
            rollout.lesson_reward += float(lesson_reward.sum())
        rollout.terminated[t] = terminated
        rollout.truncated[t] = truncated
        ended = rollout.terminated[t] | rollout.truncated[t]
        if not ended.any():
            return
        if "episode" in infos:
            chosen = infos["_episode"]
            rollout.episodes.append({key: part[chosen] for key, part in infos["episode"].items()})
        wanted = ended if self.keep_all_finals else ended & ~rollout.terminated[t]
        envs = np.flatnonzero(wanted)
        if len(envs):
            final = final_observations(infos, envs, self.encoder)
            rollout.finals.append(Final(t, envs, final, None if self.state is None else self.state[envs]))
        if self.state is not None:
            keep = torch.from_numpy(~ended).to(self.state)
            self.state = self.state * keep[:, None]

    @torch.inference_mode()
    def final_values(self) -> torch.Tensor:
        """float32 (K, value heads) of the last observations of truncated episodes, as `returns.next_values` wants."""
        rollout = self.rollout
        parts = []
        for final in rollout.finals:
            cut = ~rollout.terminated[final.step, final.envs]
            if not cut.any():
                continue
            rows = torch.from_numpy(np.flatnonzero(cut)).to(self.encoder.device)
            state = None if final.state is None else final.state[rows]
            parts.append(self.policy.step(final.observations, rows, state)[1])
        return torch.cat(parts) if parts else rollout.values.new_zeros(0, rollout.values.shape[2])


EPISODE_METRICS = {
    "return": "episode_return",
    "length": "episode_length",
    "success": "success",
    "lesson_progress": "lesson_progress",
}


def episode_metrics(episodes: list[dict[str, NDArray[Any]]], group: Group) -> dict[str, float]:
    """Means over the episodes that ended in all processes of a group; only their number when there are none."""
    sums = torch.zeros(1 + len(EPISODE_METRICS), 2, dtype=torch.float64)
    for part in episodes:
        sums[0, 1] += len(part["return"])
        for row, key in enumerate(EPISODE_METRICS, start=1):
            if key in part:
                sums[row] += torch.tensor([np.sum(part[key], dtype=np.float64), len(part[key])], dtype=torch.float64)
    (_, count), *rest = group.sum_(sums).tolist()
    means = zip(EPISODE_METRICS.values(), rest, strict=True)
    return {"train/episodes": count} | {f"train/{name}": total / number for name, (total, number) in means if number}
