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
    whole: torch.Tensor | None = None,
) -> Losses:
    """What a minibatch of B steps says about the policy, or B steps that are a part of one.

    Args:
        distribution: of actions.
        config: weights and bounds.
        parameters: (B, num_parameters), of the distributions now.
        values: (B, heads), now.
        actions: (B, ...), taken.
        targets: float32 (B, 2 + 2 * heads): advantage, log-probability, values and returns when collected.
        whole: float32 (M,): advantages of the whole minibatch, where these B steps are a part of it. Losses are then
            sums over the part divided by M, so that those of all parts add up to the means. None: these are all.
    """
    if not isinstance(distribution, Categorical) or values.device.type != "cpu" or torch.compiler.is_compiling():
        return plain_objective(distribution, config, parameters, values, actions, targets, whole)
    total, parts = _Compiled.apply(parameters, values, actions, targets, config, whole)  # pyright: ignore
    return Losses(total, parts)


def plain_objective(
    distribution: ActionDistribution,
    config: PPOConfig,
    parameters: torch.Tensor,
    values: torch.Tensor,
    actions: torch.Tensor,
    targets: torch.Tensor,
    whole: torch.Tensor | None = None,
) -> Losses:
    """`clipped_objective` as the formulas read."""
    heads = values.shape[1]
    advantages, old_log_probs = targets[:, 0], targets[:, 1]
    old_values, returns = targets[:, 2 : 2 + heads], targets[:, 2 + heads :]
    whole = advantages if whole is None else whole
    if config.normalise_advantages and len(whole) > 1:
        deviation = whole.std().clamp_min(config.least_deviation)
        advantages = (advantages - whole.mean()) / (deviation + 1e-8)

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
    weight = len(targets) / len(whole)
    return Losses(total * weight, parts * weight)


class Gradients(NamedTuple):
    """What a minibatch says of U distinct observations, and how its loss changes with what the network says of them."""

    parts: torch.Tensor
    """As in `Losses`."""
    to_parameters: torch.Tensor
    """float32 (U, num_parameters)."""
    to_values: torch.Tensor
    """float32 (U, heads)."""


def compiled_objective(
    config: PPOConfig,
    parameters: torch.Tensor,
    values: torch.Tensor,
    inverse: torch.Tensor,
    rows: torch.Tensor,
    actions: torch.Tensor,
    targets: torch.Tensor,
    whole: torch.Tensor,
) -> Gradients:
    """The loss and its gradient in one pass, for discrete actions on the CPU.

    Args:
        config: weights and bounds.
        parameters: (U, num_parameters), of the distributions now, for each distinct observation.
        values: (U, heads), now.
        inverse: int64 (B,): which of the U each step of the minibatch saw.
        rows: int64 (B,): which of the M steps of the rollout it is.
        actions: int64 (M,).
        targets: float32 (M, 2 + 2 * heads), see `clipped_objective`.
        whole: float32 (at least B,), see `clipped_objective`.
    """
    number, mean, deviation = len(whole), 0.0, 1.0
    if config.normalise_advantages and number > 1:
        mean, deviation = _moments(whole.numpy())
        deviation = max(deviation, config.least_deviation) + 1e-8
    to_parameters, to_values = torch.empty_like(parameters), torch.empty_like(values)
    sums = _objective(
        parameters.numpy(),
        values.numpy(),
        inverse.numpy(),
        rows.numpy(),
        actions.numpy(),
        targets.numpy(),
        (config.clip, -1.0 if config.value_clip is None else config.value_clip),
        (config.entropy, config.value_coefficient),
        (mean, deviation, number),
        to_parameters.numpy(),
        to_values.numpy(),
    )
    return Gradients(torch.from_numpy((sums / number).astype(np.float32)), to_parameters, to_values)


class _Compiled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Any:
        parameters, values, actions, targets, config, whole = inputs
        whole = targets[:, 0].contiguous() if whole is None else whole
        all_rows = torch.arange(len(actions))
        found = compiled_objective(
            config, parameters.detach().contiguous(), values.detach(), all_rows, all_rows, actions, targets, whole
        )
        ctx.save_for_backward(found.to_parameters, found.to_values)
        parts = found.parts
        ctx.mark_non_differentiable(parts)
        return parts[0] + config.value_coefficient * parts[1] - config.entropy * parts[2], parts

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        to_parameters, to_values = ctx.saved_tensors
        return to_parameters * gradients[0], to_values * gradients[0], None, None, None, None


@jit
def _objective(
    logits: Any,
    values: Any,
    inverse: Any,
    rows: Any,
    actions: Any,
    targets: Any,
    bounds: Any,
    weights: Any,
    scale: Any,
    to_logits: Any,
    to_values: Any,
) -> Any:
    """Writes the gradients of the mean loss; returns float64 (5,): sums of what `Losses.parts` has the means of.

    `scale` is what advantages are normalised by, their mean and deviation, and the number that the mean is over.
    """
    heads = values.shape[1]
    mean, deviation, number = scale
    log_probs, entropies = np.empty_like(logits), np.empty(len(logits), dtype=np.float32)
    _log_softmax(logits, log_probs, entropies)
    # How often each was seen, and the sum of its steps' gradients by the log-probability.
    seen, to_log_prob = np.zeros_like(entropies), np.zeros_like(entropies)
    to_logits[...] = 0
    to_values[...] = 0
    sums = np.zeros(5)
    for b in range(rows.size):
        u, step = inverse[b], rows[b]
        advantage = _float((targets[step, 0] - mean) / deviation)
        log_prob = log_probs[u, actions[step]]
        slope = _policy(log_prob, targets[step, 1], advantage, _float(bounds[0]), sums) / number
        to_logits[u, actions[step]] += slope
        to_log_prob[u] += slope
        seen[u] += 1
        sums[2] += entropies[u]
        for h in range(heads):
            error, slope = _value(values[u, h], targets[step, 2 + h], targets[step, 2 + heads + h], bounds[1])
            sums[1] += error
            to_values[u, h] += weights[1] * slope / number
    for u in range(len(logits)):
        to_entropy = seen[u] * _float(weights[0] / number)
        for a in range(logits.shape[1]):
            p = np.exp(log_probs[u, a])
            # d log_prob = [a == action] - p; d entropy = -p (log p + entropy), 0 where p is 0.
            spread = p * (log_probs[u, a] + entropies[u]) if p > 0 else _float(0)
            to_logits[u, a] += to_entropy * spread - to_log_prob[u] * p
    return sums


@jit
def _moments(advantages: Any) -> Any:
    """Mean and (unbiased) standard deviation."""
    mean = 0.0
    for b in range(advantages.size):
        mean += advantages[b]
    mean /= advantages.size
    total = 0.0
    for b in range(advantages.size):
        total += (advantages[b] - mean) ** 2
    return mean, np.sqrt(total / (advantages.size - 1))


@jit
def _log_softmax(logits: Any, log_probs: Any, entropies: Any) -> None:
    for u in range(logits.shape[0]):
        largest = logits[u, 0]
        for a in range(1, logits.shape[1]):
            largest = max(largest, logits[u, a])
        total, weighted = _float(0), _float(0)
        for a in range(logits.shape[1]):
            shifted = logits[u, a] - largest
            e = np.exp(shifted)
            total += e
            weighted += e * shifted
        log_total = np.log(total)
        entropies[u] = log_total - weighted / total
        for a in range(logits.shape[1]):
            log_probs[u, a] = logits[u, a] - largest - log_total


@jit
def _policy(log_prob: Any, old_log_prob: Any, advantage: Any, clip: Any, sums: Any) -> Any:
    """The slope of one step's clipped loss by its log-probability; adds to the sums."""
    log_ratio = log_prob - old_log_prob
    ratio = np.exp(log_ratio)
    bounded = min(max(ratio, _float(1) - clip), _float(1) + clip)
    sums[0] -= min(advantage * ratio, advantage * bounded)
    sums[3] += ratio - _float(1) - log_ratio
    sums[4] += ratio != bounded
    return -advantage * ratio if advantage * ratio <= advantage * bounded else _float(0)


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
