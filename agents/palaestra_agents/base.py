"""What an agent is, as the platform's loop sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict


class AgentConfig(BaseModel):
    """Base of every agent's settings; frozen, and unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class AgentInterface:
    """What an agent is told about the world it will act in.

    Attributes:
        observation_space: of one environment (a Box, or a Dict with e.g. "image", "direction", "mission", "subgoal").
        action_space: of one environment.
        num_envs: environments that step together while learning.
        subgoal_embeddings: float32 (number of phrases, dimension) when `observations["subgoal"]` is the row of a
            phrase (-1: none); None when it is numeric already.
    """

    observation_space: gymnasium.Space[Any]
    action_space: gymnasium.Space[Any]
    num_envs: int
    subgoal_embeddings: NDArray[np.float32] | None = None


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
    """A learner. Constructed as `Kind(config, interface, device=..., seed=...)`.

    `observations` are what the world returns (numpy arrays, batched); the agent moves what it needs to its device.
    """

    Config: ClassVar[type[AgentConfig]]

    def initial_state(self, num_envs: int) -> torch.Tensor | None:
        """Recurrent state at the start of an episode; None without memory."""
        ...

    def act(self, observations: dict[str, Any], state: torch.Tensor | None, *, greedy: bool = False) -> ActorOutput:
        """Chooses actions; draws from the agent's own generator, never from torch's global one."""
        ...

    def train_iteration(self, world: Any, progress: float) -> dict[str, float]:
        """Collects one rollout from `world` (a `palaestra_worlds.World` that the agent was given by `attach`) and
        learns from it. `progress` in [0, 1] is the share of the step budget spent, for annealing.
        Returns metrics by name, e.g. "loss/policy", "steps", "time/act", "time/step", "time/learn"."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on exactly: nested dicts and lists of tensors, arrays, numbers, strings, None."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Raises ValueError with a full sentence when `state` is of another agent or another shape."""
        ...
