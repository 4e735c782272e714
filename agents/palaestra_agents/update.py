"""What PPO learns from a rollout: minibatches of the clipped objective (arXiv 1707.06347)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import nn

from palaestra_agents.config import PPOConfig
from palaestra_agents.distinct import Equals
from palaestra_agents.distributions import ActionDistribution, Categorical
from palaestra_agents.encoding import Encoded
from palaestra_agents.groups import Group, Share
from palaestra_agents.networks import ActorCritic
from palaestra_agents.objective import Losses, clipped_objective, compiled_objective


class Batch(NamedTuple):
    """A rollout as the learner reads it; row t * N + i is step t of environment i."""

    observations: Encoded
    """(T * N, ...)."""
    actions: torch.Tensor
    """(T * N, ...)."""
    targets: torch.Tensor
    """float32 (T * N, 2 + 2 * value heads): advantage, log-probability, values and returns when collected."""
    starts: torch.Tensor
    """bool (T, N): the step is an episode's first."""
    states: torch.Tensor | None
    """(S, N, size): recurrent states before the first step of each of S sequences of T / S steps."""
    whole: torch.Tensor | None = None
    """float32 (T * environments of all processes,): their advantages; None: of these alone, as in `targets`."""


class Minibatch(NamedTuple):
    """This process's part of a minibatch."""

    rows: torch.Tensor
    """int64 (B,); with memory (steps, B) of B whole sequences."""
    state: torch.Tensor | None
    """(B, size): recurrent states before these sequences."""
    starts: torch.Tensor | None
    """bool (steps, B)."""
    whole: torch.Tensor
    """float32: advantages of the whole minibatch."""


METRICS = ("loss/policy", "loss/value", "loss/entropy", "loss/kl", "loss/clip_fraction", "loss/grad_norm")
KL = METRICS.index("loss/kl")

Backward = Callable[[torch.Tensor], None]
"""Writes the gradient of the flat parameter, which is where autograd puts it."""
Look = Callable[[Minibatch], tuple[torch.Tensor, Backward]]
"""From a part of a minibatch: its share of `Losses.parts`, and the way back."""


class Updater:
    """Takes gradient steps on a policy.

    Args:
        policy: learns.
        distribution: of actions.
        config: settings.
        share: of the environments whose steps are learned from.
        group: processes that have the other shares, and take the same steps.
    """

    def __init__(
        self, policy: ActorCritic, distribution: ActionDistribution, config: PPOConfig, share: Share, group: Group
    ) -> None:
        self.policy = policy
        self.distribution = distribution
        self.config = config
        self.share = share
        self.group = group
        self.flat = flatten_parameters(policy)
        if not config.compile:
            policy.fuse(self.flat)
        self.optimizer = torch.optim.Adam([self.flat], config.learning_rate, eps=config.adam_epsilon, fused=True)
        self.losses: Callable[..., Losses] = torch.compile(self._losses) if config.compile else self._losses

    def update(self, batch: Batch, progress: float, generator: torch.Generator) -> dict[str, float]:
        """All epochs on one rollout.

        Args:
            batch: the rollout.
            progress: share of the step budget spent, for annealing.
            generator: shuffles.

        Raises:
            FloatingPointError: the losses are no longer finite.
        """
        config = self.config
        rate = config.learning_rate * (1.0 - progress) if config.anneal else config.learning_rate
        self.optimizer.param_groups[0]["lr"] = rate
        look = self._looker(batch)
        measured = []
        stopped = False
        for _ in range(config.epochs):
            for part in self._minibatches(batch, generator):
                parts, backward = look(part) if part.rows.numel() else _nothing(part)
                if config.target_kl is not None and self.group.sum_(parts[KL].clone()).item() > 1.5 * config.target_kl:
                    stopped = True
                    break
                norm = self._step(backward)
                measured.append(torch.cat([parts, norm[None] / self.group.size]))
            if stopped:
                break
        metrics = {"loss/updates": float(len(measured)), "loss/learning_rate": rate}
        if measured:
            means = self.group.sum_(torch.stack(measured).mean(dim=0))
            if not means.isfinite().all():
                raise FloatingPointError(
                    "learning diverged: a loss or gradient is no longer finite; lower agent.learning_rate"
                )
            metrics |= dict(zip(METRICS, means.tolist(), strict=True))
        return metrics

    def _looker(self, batch: Batch) -> Look:
        """How minibatches of this rollout are looked at."""
        network: Any = self.policy.fused
        if network is None or not isinstance(self.distribution, Categorical):
            return lambda part: self._autograd(batch, part)
        equals = Equals(batch.observations)

        def written_out(part: Minibatch) -> tuple[torch.Tensor, Backward]:
            distinct, inverse = equals.group(part.rows)
            parameters, values, kept = network.forward(batch.observations, distinct)
            found = compiled_objective(
                self.config, parameters, values, inverse, part.rows, batch.actions, batch.targets, part.whole
            )
            return found.parts, lambda out: network.gradient(kept, found.to_parameters, found.to_values, out)

        return written_out

    def _autograd(self, batch: Batch, part: Minibatch) -> tuple[torch.Tensor, Backward]:
        losses = self.losses(batch, part)

        def backward(out: torch.Tensor) -> None:
            out.zero_()
            losses.total.backward()

        return losses.parts, backward

    @torch.no_grad()
    def _step(self, backward: Backward) -> torch.Tensor:
        gradient = self.flat.grad
        assert gradient is not None
        backward(gradient)
        return self.descend()

    @torch.no_grad()
    def descend(self) -> torch.Tensor:
        """Follows the gradient of all parameters, shortened to `max_grad_norm`; returns its norm before that."""
        gradient = self.flat.grad
        assert gradient is not None
        self.group.sum_(gradient)
        norm = torch.linalg.vector_norm(gradient)
        gradient.mul_((self.config.max_grad_norm / (norm + 1e-6)).clamp(max=1.0))
        self.optimizer.step()
        return norm

    def _minibatches(self, batch: Batch, generator: torch.Generator) -> Iterator[Minibatch]:
        """All processes draw the same order of all steps, and each takes its own of every minibatch."""
        steps, device, share = len(batch.starts), batch.starts.device, self.share
        whole = batch.targets[:, 0] if batch.whole is None else batch.whole
        total = steps * share.total
        parts = max(1, round(total / self.config.minibatch_size))
        if batch.states is None:
            for rows in torch.randperm(total, generator=generator, device=device).tensor_split(parts):
                yield Minibatch(share.own(rows), None, None, whole[rows])
            return
        count = len(batch.states)
        rows = as_sequences(torch.arange(batch.starts.numel(), device=device).view(batch.starts.shape), count)
        starts, states = as_sequences(batch.starts, count), batch.states.flatten(0, 1)
        sequences = as_sequences(whole.view(steps, share.total), count)
        order = torch.randperm(count * share.total, generator=generator, device=device)
        for chosen in order.tensor_split(min(parts, len(order))):
            own = share.own(chosen)
            yield Minibatch(rows[:, own], states[own], starts[:, own], sequences[:, chosen].flatten())

    def _losses(self, batch: Batch, part: Minibatch) -> Losses:
        rows, state, starts, whole = part
        if state is None or starts is None:
            parameters, values = self.policy(batch.observations, rows)
        else:
            parameters, values = self.policy.sequence(batch.observations, rows, state, starts)
            rows = rows.flatten()
        return clipped_objective(
            self.distribution,
            self.config,
            parameters,
            values,
            batch.actions.index_select(0, rows),
            batch.targets.index_select(0, rows),
            whole,
        )

    def state_dict(self) -> dict[str, object]:
        return optimizer_state(self.optimizer)

    def load_state_dict(self, state: dict[str, object]) -> None:
        load_optimizer_state(self.optimizer, state)


def _nothing(part: Minibatch) -> tuple[torch.Tensor, Backward]:
    """What is said of a minibatch that is all of other processes."""
    return part.whole.new_zeros(len(METRICS) - 1), lambda out: out.zero_()  # pyright: ignore[reportReturnType]


def as_sequences(values: torch.Tensor, count: int) -> torch.Tensor:
    """(T, N) cut into `count` pieces in time: (T / count, count * N), the first piece's environments first."""
    return values.unflatten(0, (count, -1)).transpose(0, 1).flatten(1, 2)


def flatten_parameters(module: nn.Module) -> nn.Parameter:
    """Moves all parameters and gradients into one tensor, of which the module's own become views.

    An optimiser that is given this one parameter takes one step instead of one for each layer.
    """
    parameters = list(module.parameters())
    flat = nn.Parameter(torch.cat([p.detach().flatten() for p in parameters]))
    flat.grad = torch.zeros_like(flat)
    start = 0
    for parameter in parameters:
        end = start + parameter.numel()
        parameter.data = flat.data[start:end].view(parameter.shape)
        parameter.grad = flat.grad[start:end].view(parameter.shape)
        start = end
    return flat


def optimizer_state(optimizer: torch.optim.Optimizer) -> dict[str, object]:
    """An Adam's moments, in the order of its parameters; empty lists before the first step."""
    state = optimizer.state_dict()["state"]
    return {name: [state[i][name].clone() for i in sorted(state)] for name in ("step", "exp_avg", "exp_avg_sq")}


def load_optimizer_state(optimizer: torch.optim.Optimizer, state: dict[str, object]) -> None:
    """Takes over what `optimizer_state` gave.

    Raises:
        ValueError: it belongs to other parameters.
    """
    columns = {name: list(part) for name, part in state.items() if isinstance(part, list)}
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    counts = {len(part) for part in columns.values()}
    if set(columns) != {"step", "exp_avg", "exp_avg_sq"} or counts not in ({0}, {len(parameters)}):
        raise ValueError("the optimiser's state does not belong to this network")
    for parameter, moment in zip(parameters, columns["exp_avg"], strict=False):
        if parameter.shape != moment.shape:
            raise ValueError("the optimiser's state does not belong to this network")
    per_parameter = {i: {name: part[i] for name, part in columns.items()} for i in range(counts.pop())}
    optimizer.load_state_dict({"state": per_parameter, "param_groups": optimizer.state_dict()["param_groups"]})
