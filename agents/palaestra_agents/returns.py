"""Generalised advantage estimation (arXiv 1506.02438)."""

from __future__ import annotations

import torch


def next_values(
    values: torch.Tensor, terminated: torch.Tensor, truncated: torch.Tensor, final_values: torch.Tensor
) -> torch.Tensor:
    """The value of the state that each step led to.

    Args:
        values: float32 (T + 1, N), of the observation before each step and of the one after the last.
        terminated: bool (T, N): the task ended with this step; nothing is worth anything after it.
        truncated: bool (T, N): a time limit cut the episode off; its last observation has a value. A step that is
            both counts as terminated.
        final_values: float32 (K,), of the last observations of the steps that are truncated and not terminated, in
            the order in which `nonzero` lists them (by step, then by environment).

    Returns:
        float32 (T, N).
    """
    following = values[1:].clone()
    following[terminated] = 0.0
    following[truncated & ~terminated] = final_values
    return following


def advantages(
    rewards: torch.Tensor,
    values: torch.Tensor,
    following: torch.Tensor,
    ended: torch.Tensor,
    gamma: float,
    gae_lambda: float,
) -> torch.Tensor:
    """Advantages of one rollout; returns to learn values from are advantages + values.

    Args:
        rewards: float32 (T, N).
        values: float32 (T, N), of the observation before each step.
        following: float32 (T, N), of the state that the step led to (`next_values`).
        ended: bool (T, N): the sum over later steps stops here.
        gamma: discount per step.
        gae_lambda: weight of longer estimates.

    Returns:
        float32 (T, N).
    """
    deltas = rewards + gamma * following - values
    carry = torch.where(ended, 0.0, gamma * gae_lambda)
    result = torch.empty_like(deltas)
    later = torch.zeros_like(deltas[0])
    for t in range(deltas.shape[0] - 1, -1, -1):
        later = torch.addcmul(deltas[t], carry[t], later, out=result[t])
    return result
