"""The clipped objective (arXiv 1707.06347): in torch for any actions and device, and compiled for discrete ones."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch

from palaestra_agents.config import PPOConfig
from palaestra_agents.distributions import ActionDistribution, Categorical
from palaestra_agents.kernels import jit

_float = np.float32


class Losses(NamedTuple):
    """Means over a minibatch; without gradients but for `total`."""

    total: torch.Tensor
    parts: torch.Tensor
    """float32 (5,): policy, value, entropy, kl, share of clipped ratios."""


def clipped_objective(
    distribution: ActionDistribution,
    config: PPOConfig,
    parameters: torch.Tensor,
    values: torch.Tensor,
    actions: torch.Tensor,
    targets: torch.Tensor,
) -> Losses:
    """What a minibatch of B steps says about the policy.

    Args:
        distribution: of actions.
        config: weights and bounds.
        parameters: (B, num_parameters), of the distributions now.
        values: (B, heads), now.
        actions: (B, ...), taken.
        targets: float32 (B, 2 + 2 * heads): advantage, log-probability, values and returns when collected.
    """
    if not isinstance(distribution, Categorical) or values.device.type != "cpu" or torch.compiler.is_compiling():
        return plain_objective(distribution, config, parameters, values, actions, targets)
    total, parts = _Compiled.apply(parameters, values, actions, targets, config)  # pyright: ignore
    return Losses(total, parts)


def plain_objective(
    distribution: ActionDistribution,
    config: PPOConfig,
    parameters: torch.Tensor,
    values: torch.Tensor,
    actions: torch.Tensor,
    targets: torch.Tensor,
) -> Losses:
    """`clipped_objective` as the formulas read."""
    heads = values.shape[1]
    advantages, old_log_probs = targets[:, 0], targets[:, 1]
    old_values, returns = targets[:, 2 : 2 + heads], targets[:, 2 + heads :]
    if config.normalise_advantages and len(targets) > 1:
        deviation = advantages.std().clamp_min(config.least_deviation)
        advantages = (advantages - advantages.mean()) / (deviation + 1e-8)

    log_probs, entropies = distribution.log_prob_and_entropy(parameters, actions)
    log_ratios = log_probs - old_log_probs
    ratios = log_ratios.exp()
    bounded = ratios.clamp(1.0 - config.clip, 1.0 + config.clip)
    policy = -torch.minimum(advantages * ratios, advantages * bounded).mean()

    errors = (values - returns).square()
    if config.value_clip is not None:
        near = old_values + (values - old_values).clamp(-config.value_clip, config.value_clip)
        errors = torch.maximum(errors, (near - returns).square())
    value = errors.mean(dim=0).sum()
    entropy = entropies.mean()
    total = policy + config.value_coefficient * value - config.entropy * entropy
    with torch.no_grad():
        kl = (ratios - 1.0 - log_ratios).mean()  # http://joschu.net/blog/kl-approx.html, the third estimator
        clipped = (ratios - bounded).ne(0).float().mean()
        parts = torch.stack([policy, value, entropy, kl, clipped])
    return Losses(total, parts)


class _Compiled(torch.autograd.Function):
    """The loss and its gradient in one pass."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Any:
        parameters, values, actions, targets, config = inputs
        to_parameters, to_values = torch.empty_like(parameters), torch.empty_like(values)
        sums = _objective(
            parameters.detach().numpy(),
            values.detach().numpy(),
            actions.numpy(),
            targets.numpy(),
            (config.clip, -1.0 if config.value_clip is None else config.value_clip),
            (config.entropy, config.value_coefficient),
            config.least_deviation if config.normalise_advantages and len(targets) > 1 else -1.0,
            to_parameters.numpy(),
            to_values.numpy(),
        )
        ctx.save_for_backward(to_parameters, to_values)
        parts = torch.from_numpy((sums / len(targets)).astype(np.float32))
        ctx.mark_non_differentiable(parts)
        return parts[0] + config.value_coefficient * parts[1] - config.entropy * parts[2], parts

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        to_parameters, to_values = ctx.saved_tensors
        return to_parameters * gradients[0], to_values * gradients[0], None, None, None


@jit
def _objective(
    logits: Any,
    values: Any,
    actions: Any,
    targets: Any,
    bounds: Any,
    weights: Any,
    least_deviation: float,
    to_logits: Any,
    to_values: Any,
) -> Any:
    """Writes the gradients of the mean loss; returns float64 (5,): sums of what `Losses.parts` has the means of."""
    number, heads = values.shape
    mean, deviation = 0.0, 1.0
    if least_deviation >= 0:
        mean, deviation = _moments(targets[:, 0])
        deviation = max(deviation, least_deviation) + 1e-8
    sums = np.zeros(5)
    for b in range(number):
        advantage = _float((targets[b, 0] - mean) / deviation)
        _policy_row(logits[b], actions[b], advantage, targets[b, 1], bounds[0], weights[0], number, to_logits[b], sums)
        for h in range(heads):
            error, slope = _value(values[b, h], targets[b, 2 + h], targets[b, 2 + heads + h], bounds[1])
            sums[1] += error
            to_values[b, h] = weights[1] * slope / number
    return sums


@jit
def _moments(numbers: Any) -> Any:
    """Mean and (unbiased) standard deviation."""
    mean = 0.0
    for i in range(numbers.size):
        mean += numbers[i]
    mean /= numbers.size
    total = 0.0
    for i in range(numbers.size):
        total += (numbers[i] - mean) ** 2
    return mean, np.sqrt(total / (numbers.size - 1))


@jit
def _policy_row(
    row: Any,
    action: Any,
    advantage: Any,
    old_log_prob: Any,
    clip: float,
    entropy_weight: float,
    number: int,
    out: Any,
    sums: Any,
) -> None:
    largest = row[0]
    for a in range(1, row.size):
        largest = max(largest, row[a])
    total, weighted = _float(0), _float(0)
    for a in range(row.size):
        e = np.exp(row[a] - largest)
        out[a] = e
        total += e
        weighted += e * (row[a] - largest)
    log_total = np.log(total)
    entropy = log_total - weighted / total
    log_ratio = row[action] - largest - log_total - old_log_prob
    ratio = np.exp(log_ratio)
    bounded = min(max(ratio, _float(1.0 - clip)), _float(1.0 + clip))
    to_log_prob = -advantage * ratio / number if advantage * ratio <= advantage * bounded else _float(0)
    to_entropy = -entropy_weight / number
    for a in range(row.size):
        p = out[a] / total
        # d log_prob = [a == action] - p; d entropy = -p (log p + entropy), 0 where p is 0.
        log_p = row[a] - largest - log_total
        out[a] = -to_log_prob * p - (to_entropy * p * (log_p + entropy) if p > 0 else _float(0))
    out[action] += to_log_prob
    sums[0] -= min(advantage * ratio, advantage * bounded)
    sums[2] += entropy
    sums[3] += ratio - 1.0 - log_ratio
    sums[4] += ratio != bounded


@jit
def _value(value: Any, old: Any, wanted: Any, clip: float) -> Any:
    """Squared error and its slope; with a bound (clip >= 0) the larger of the errors without and with it."""
    off = value - wanted
    error, slope = off * off, 2 * off
    if clip >= 0:
        moved = value - old
        near = old + min(max(moved, _float(-clip)), _float(clip)) - wanted
        if near * near > error:
            error = near * near
            slope = 2 * near if abs(moved) <= clip else _float(0)
    return error, slope
