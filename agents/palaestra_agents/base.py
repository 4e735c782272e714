"""What an agent is, as the platform's loop sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from palaestra_agents.groups import ALONE, Group

EpisodeListener = Callable[[dict[str, NDArray[Any]]], None]


class AgentConfig(BaseModel):
    """Base of every agent's settings; frozen, and unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    changeable: ClassVar[frozenset[str]] = frozenset()
    """Fields that another value may be given amid a run, as members of a population do: `load_state_dict` takes what an
    agent saved whose settings differed in nothing else."""


@dataclass(frozen=True)
class AgentInterface:
    """What an agent is told about the world it will act in.

    Attributes:
        observation_space: of one environment (a Box, or a Dict with e.g. "image", "direction", "mission", "subgoal").
        action_space: of one environment.
        num_envs: environments that step together while learning, those of all processes of the group.
        subgoal_embeddings: float32 (number of phrases, dimension) when `observations["subgoal"]` is the row of a
            phrase (-1: none); None when it is numeric already.
        group: processes that learn together; this one steps `group.share(num_envs)` alone.
    """

    observation_space: gymnasium.Space[Any]
    action_space: gymnasium.Space[Any]
    num_envs: int
    subgoal_embeddings: NDArray[np.float32] | None = None
    group: Group = ALONE


@dataclass
class ActorOutput:
    """What `act` gives for a batch of N environments."""

    actions: torch.Tensor
    """(N,) int64 for discrete action spaces, (N, dimension) float32 for continuous ones."""
    log_probs: torch.Tensor
    """(N,) float32."""
    values: torch.Tensor
    """(N, value heads) float32: the task's own value first, then one for each intrinsic reward."""
    state: torch.Tensor | None = None
    """Recurrent state after this step, (N, hidden); None without memory."""


@runtime_checkable
class Agent(Protocol):
    """A learner. Constructed as `Kind(config, interface, device=None, seed=0)`; device None: what the config says.

    A kind that can learn in several processes (`AgentInterface.group`) has a class method `why_alone(config) -> str`,
    which says in words why an agent of these settings cannot; empty: it can. Its `train_iteration`, `state_dict` and
    `load_state_dict` are then called in all of them, and its state is the one that a single process would have.

    `observations` are what the world returns (numpy arrays, batched); the agent moves what it needs to its device.
    """

    Config: ClassVar[type[AgentConfig]]
    device: torch.device
    """Where networks and rollouts live."""

    def initial_state(self, num_envs: int) -> torch.Tensor | None:
        """Recurrent state at the start of an episode, (num_envs, size); None without memory."""
        ...

    def act(
        self,
        observations: dict[str, Any],
        state: torch.Tensor | None,
        *,
        greedy: bool = False,
        generator: torch.Generator | None = None,
    ) -> ActorOutput:
        """Chooses actions for any number of environments, and leaves training's random numbers alone.

        `state` holds `initial_state`'s rows where an episode has just begun. Draws come from `generator` (on the
        agent's device), or from one of the agent's own that training does not use; never from torch's global one.
        """
        ...

    def train_iteration(
        self, world: Any, progress: float, on_episodes: EpisodeListener | None = None
    ) -> dict[str, float]:
        """Collects one rollout from `world` (a `palaestra_worlds.World`, reset or restored before) and learns from it.

        `progress` in [0, 1] is the share of the step budget spent, for annealing. `on_episodes` is called with what
        `infos["episode"]` said of the episodes that ended in a step, as arrays over these episodes.
        Returns metrics by name, e.g. "loss/policy", "steps", "time/act", "time/step", "time/learn".

        Raises:
            FloatingPointError: learning diverged.
        """
        ...

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on exactly: nested dicts and lists of tensors, arrays, numbers, strings, None."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over what `state_dict` gave; the next iteration observes its world anew.

        Raises ValueError with a full sentence when `state` is of another agent or another shape.
        """
        ...
