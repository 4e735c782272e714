"""Mean and variance of everything seen so far."""

from __future__ import annotations

from typing import Any

import torch

from palaestra_agents.groups import ALONE, Group


class RunningMoments:
    """Elementwise mean and variance of a stream of batches (Chan et al.'s parallel update), in float64.

    Args:
        size: of a row of a batch.
        device: where they are kept.
        window: rows beyond which the past weighs no more, so that it is forgotten exponentially; None: nothing is.
        group: processes whose batches, each of the same size, are one.
    """

    def __init__(self, size: int, device: torch.device, window: int | None = None, group: Group = ALONE) -> None:
        self.mean = torch.zeros(size, dtype=torch.float64, device=device)
        self.variance = torch.ones(size, dtype=torch.float64, device=device)
        self.window = window
        self.group = group
        self.count = 0

    def update(self, batch: torch.Tensor) -> None:
        """Takes in a batch (B, size)."""
        group, number = self.group, batch.shape[0] * self.group.size
        own_variance, own_mean = torch.var_mean(batch.double(), dim=0, correction=0)
        mean = group.mean(own_mean)
        variance = group.mean(own_variance + (own_mean - mean).square())
        total = self.count + number
        shift = mean - self.mean
        spread = self.variance * self.count + variance * number + shift.square() * self.count * number / total
        self.mean = self.mean + shift * number / total
        self.variance = spread / total
        self.count = total if self.window is None else min(total, self.window)

    @property
    def deviation(self) -> torch.Tensor:
        """float32 (size,)."""
        return self.variance.sqrt().float()

    def state_dict(self) -> dict[str, Any]:
        return {"mean": self.mean.clone(), "variance": self.variance.clone(), "count": self.count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.mean = state["mean"].to(self.mean)
        self.variance = state["variance"].to(self.variance)
        self.count = int(state["count"])
