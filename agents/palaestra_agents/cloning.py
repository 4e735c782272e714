"""Behavioural cloning: a policy learns to do what somebody did, from what was seen before each action."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import palaestra_worlds
import torch
from palaestra_worlds.base import World
from palaestra_worlds.demonstrations import Demonstrations, DemonstrationsError, Replayed, replay

from palaestra_agents.encoding import Encoded, ObservationEncoder

if TYPE_CHECKING:
    from palaestra_agents.config import CloningConfig
    from palaestra_agents.distributions import ActionDistribution
    from palaestra_agents.networks import ActorCritic
    from palaestra_agents.update import Updater

ENCODED_AT_A_TIME = 4096


class Cloner:
    """Takes gradient steps towards the likelihood of demonstrated actions.

    Demonstrations are read, and repeated in a world of their own to see what was seen, before the first of these steps.

    Args:
        config: settings.
        policy, encoder, distribution, updater: of the agent; the value heads are left alone.
        minibatch_size: steps per gradient step.
    """

    def __init__(
        self,
        config: CloningConfig,
        policy: ActorCritic,
        encoder: ObservationEncoder,
        distribution: ActionDistribution,
        updater: Updater,
        minibatch_size: int,
    ) -> None:
        self.config = config
        self._policy, self._encoder, self._distribution, self._updater = policy, encoder, distribution, updater
        self._minibatch_size = minibatch_size
        self._learned: _Steps | None = None
        self._kept_out: _Steps | None = None

    def is_on(self, iterations: int) -> bool:
        """Whether the iteration after so many is one of cloning."""
        return self.config.iterations is None or iterations < self.config.iterations

    def learn(self, world: World, generator: torch.Generator) -> dict[str, float]:
        """All epochs of one iteration.

        Args:
            world: that the agent acts in; demonstrations must be of the same.
            generator: shuffles.

        Returns:
            "cloning/log_likelihood" per action and "cloning/accuracy" of the likeliest action, as they were while
            learning; the same with "_kept_out" of episodes that are not learned from.

        Raises:
            DemonstrationsError: the file cannot be used, or is of another world.
            FloatingPointError: learning diverged.
        """
        if self._learned is None:
            self._read(world)
        assert self._learned is not None
        measured = []
        for _ in range(self.config.epochs):
            order = torch.randperm(len(self._learned), generator=generator, device=self._encoder.device)
            measured += [self._step(self._learned, rows) * len(rows) for rows in order.split(self._minibatch_size)]
        total = torch.stack(measured).sum(dim=0) / (self.config.epochs * len(self._learned))
        if not total.isfinite().all():
            raise FloatingPointError("cloning diverged: the loss is no longer finite; lower agent.learning_rate")
        metrics = dict(zip(("cloning/log_likelihood", "cloning/accuracy"), total.tolist(), strict=True))
        if self._kept_out is not None:
            with torch.inference_mode():
                kept = [
                    self._measure(self._kept_out, rows) * len(rows)
                    for rows in torch.arange(len(self._kept_out)).split(ENCODED_AT_A_TIME)
                ]
            likelihood, accuracy = (torch.stack(kept).sum(dim=0) / len(self._kept_out)).tolist()
            metrics |= {"cloning/log_likelihood_kept_out": likelihood, "cloning/accuracy_kept_out": accuracy}
        return metrics | {"cloning/steps": float(len(self._learned))}

    def _step(self, steps: _Steps, rows: torch.Tensor) -> torch.Tensor:
        gradient = self._updater.flat.grad
        assert gradient is not None
        gradient.zero_()
        found = self._measure(steps, rows)
        (-found[0]).backward()
        self._updater.descend()
        return found.detach()

    def _measure(self, steps: _Steps, rows: torch.Tensor) -> torch.Tensor:
        """(2,): mean log-likelihood, and share of actions that are the likeliest."""
        parameters = self._policy.actor_parameters(steps.seen, rows)
        actions = steps.actions[rows]
        likely = self._distribution.log_prob(parameters, actions).mean()
        return torch.stack([likely, (self._distribution.mode(parameters) == actions).float().mean()])

    def _read(self, world: World) -> None:
        path = self.config.demonstrations
        episodes = list(_episodes_of(path, world))
        count = min(len(episodes) - 1, round(self.config.kept_out * len(episodes)))
        kept_out, learned = episodes[len(episodes) - count :], episodes[: len(episodes) - count]
        self._learned = _Steps(learned, self._encoder)
        self._kept_out = _Steps(kept_out, self._encoder) if kept_out else None


class _Steps:
    """All steps of some episodes, encoded."""

    def __init__(self, episodes: Sequence[Replayed], encoder: ObservationEncoder) -> None:
        actions = np.concatenate([episode.episode.actions for episode in episodes])
        self.actions = torch.from_numpy(actions).to(encoder.device)
        self.seen: Encoded = encoder.allocate(len(actions))
        start = 0
        for episode in episodes:
            whole = len(episode.episode.actions)
            for first in range(0, whole, ENCODED_AT_A_TIME):
                last = min(first + ENCODED_AT_A_TIME, whole)
                part: Any = {key: rows[first:last] for key, rows in episode.observations.items()}
                encoder.encode(part, out=self.seen.rows(slice(start + first, start + last)))
            start += whole

    def __len__(self) -> int:
        return len(self.actions)


def _episodes_of(path: Path, world: World) -> Sequence[Replayed]:
    """The episodes of a file that ended, repeated.

    Raises:
        DemonstrationsError: there are none, they are of another world, or they cannot be repeated.
    """
    file = Demonstrations(path)
    try:
        ended = [episode for episode in file.episodes() if episode.state == "ended" and len(episode.actions)]
    finally:
        file.close()
    if not ended:
        raise DemonstrationsError(f"no episode in {path} came to its end; play one until it does")
    for episode in ended:
        if episode.world != world.id or episode.settings != ended[0].settings:
            raise DemonstrationsError(
                f"episode {episode.number} in {path} is of {episode.world} with settings {episode.settings}, not of "
                f"{world.id} as the others are; name a file that holds nothing else"
            )
    made = palaestra_worlds.make(ended[0].world, 1, **ended[0].settings)
    made.close()
    if (made.single_observation_space, made.single_action_space) != (
        world.single_observation_space,
        world.single_action_space,
    ):
        raise DemonstrationsError(
            f"{path} was recorded in {world.id} with settings {ended[0].settings}, in which an agent sees, or does, "
            "other things than here; give the world those settings"
        )
    return list(replay(ended))
