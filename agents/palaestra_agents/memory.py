"""A gated recurrent unit over whole rollouts, whose episodes begin and end in the middle of a sequence."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from palaestra_agents.config import GRUConfig
from palaestra_agents.layers import linear


class Memory(nn.Module):
    """A gated recurrent unit (arXiv 1412.3555, gates as in torch.nn.GRUCell)."""

    def __init__(self, inputs: int, config: GRUConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.size = config.size
        self.input = linear(inputs, 3 * config.size, 1.0, generator)
        self.recurrent = linear(config.size, 3 * config.size, 1.0, generator)

    def step(self, features: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
        """The state (N, size) after one step, from features (N, inputs) and the state before."""
        from_input = self.input(features)
        from_state = self.recurrent(state)
        middle = 2 * self.size
        gates = torch.sigmoid(from_input[:, :middle] + from_state[:, :middle])
        reset, update = gates.chunk(2, dim=1)
        new = torch.tanh(torch.addcmul(from_input[:, middle:], reset, from_state[:, middle:]))
        return torch.lerp(new, state, update)

    def sequence(self, features: torch.Tensor, state: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
        """States after each of T steps.

        Args:
            features: (T, B, inputs).
            state: (B, size), before the first step.
            starts: bool (T, B): the step is an episode's first, so the state before it is zero.

        Returns:
            (T, B, size).
        """
        keep = (~starts).unsqueeze(2).to(features.dtype)
        states = _Recurrence.apply(self.input(features), state, keep, self.recurrent.weight, self.recurrent.bias)
        assert isinstance(states, torch.Tensor)
        return states


class _Recurrence(torch.autograd.Function):
    """The loop over time, with its gradient written out: autograd's own costs several times as much per step."""

    @staticmethod
    def forward(ctx: Any, *inputs: torch.Tensor) -> torch.Tensor:
        from_input, state, keep, weight, bias = inputs
        steps, batch, size = from_input.shape[0], from_input.shape[1], state.shape[1]
        middle = 2 * size
        before = from_input.new_empty(steps, batch, size)
        from_state = from_input.new_empty(steps, batch, 3 * size)
        gates = from_input.new_empty(steps, batch, middle)
        new = from_input.new_empty(steps, batch, size)
        states = from_input.new_empty(steps, batch, size)
        transposed = weight.t()
        for t in range(steps):
            torch.mul(state, keep[t], out=before[t])
            torch.addmm(bias, before[t], transposed, out=from_state[t])
            torch.add(from_input[t, :, :middle], from_state[t, :, :middle], out=gates[t]).sigmoid_()
            torch.addcmul(from_input[t, :, middle:], gates[t, :, :size], from_state[t, :, middle:], out=new[t]).tanh_()
            state = torch.lerp(new[t], before[t], gates[t, :, size:], out=states[t])
        ctx.save_for_backward(before, from_state[:, :, middle:], gates, new, keep, weight)
        return states

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        before, candidate, gates, new, keep, weight = ctx.saved_tensors
        size = new.shape[2]
        reset, update = gates[:, :, :size], gates[:, :, size:]
        to_new = (1 - update) * (1 - new * new)
        to_update = (before - new) * update * (1 - update)
        to_reset = candidate * reset * (1 - reset)
        through_update = update * keep
        from_state = new.new_empty(*new.shape[:2], 3 * size)
        in_new = torch.empty_like(new)
        later = torch.zeros_like(new[0])
        for t in range(new.shape[0] - 1, -1, -1):
            total = later + gradients[0][t]
            torch.mul(total, to_new[t], out=in_new[t])
            torch.mul(in_new[t], to_reset[t], out=from_state[t, :, :size])
            torch.mul(total, to_update[t], out=from_state[t, :, size : 2 * size])
            torch.mul(in_new[t], reset[t], out=from_state[t, :, 2 * size :])
            later = torch.addcmul(torch.mul(from_state[t] @ weight, keep[t]), total, through_update[t])
        from_input = torch.cat([from_state[:, :, : 2 * size], in_new], dim=2)
        flat = from_state.flatten(0, 1)
        return from_input, later, None, flat.t() @ before.flatten(0, 1), flat.sum(dim=0)
