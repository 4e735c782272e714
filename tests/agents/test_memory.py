"""The recurrent unit: a whole sequence is the same as step by step, and its gradient is autograd's."""

from __future__ import annotations

import torch
from palaestra_agents.config import GRUConfig
from palaestra_agents.memory import Memory, _Recurrence
from palaestra_agents.update import as_sequences

STEPS, BATCH, INPUTS, SIZE = 7, 5, 4, 6


def make_memory() -> Memory:
    return Memory(INPUTS, GRUConfig(size=SIZE), torch.Generator().manual_seed(0))


def inputs() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(STEPS, BATCH, INPUTS, generator=generator)
    state = torch.randn(BATCH, SIZE, generator=generator)
    starts = torch.rand(STEPS, BATCH, generator=generator) < 0.3
    assert 0 < starts[1:].sum() < starts[1:].numel()
    return features, state, starts


def one_by_one(memory: Memory, features: torch.Tensor, state: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
    states = []
    for t in range(len(features)):
        state = memory.step(features[t], torch.where(starts[t][:, None], 0.0, state))
        states.append(state)
    return torch.stack(states)


def test_a_step_is_that_of_torchs_gru_cell() -> None:
    memory = make_memory()
    cell = torch.nn.GRUCell(INPUTS, SIZE)
    with torch.no_grad():
        cell.weight_ih.copy_(memory.input.weight)
        cell.weight_hh.copy_(memory.recurrent.weight)
        cell.bias_ih.copy_(memory.input.bias.normal_(generator=torch.Generator().manual_seed(2)))
        cell.bias_hh.copy_(memory.recurrent.bias.normal_(generator=torch.Generator().manual_seed(3)))
    features, state, _ = inputs()
    torch.testing.assert_close(memory.step(features[0], state), cell(features[0], state))


def test_a_sequence_is_its_steps_with_episodes_beginning_in_the_middle() -> None:
    memory = make_memory()
    torch.testing.assert_close(memory.sequence(*inputs()), one_by_one(memory, *inputs()))


def test_the_gradient_of_a_sequence_is_autograds() -> None:
    found = []
    for forward in (Memory.sequence, one_by_one):
        memory = make_memory()
        features, state, starts = inputs()
        features.requires_grad_()
        state.requires_grad_()
        weights = torch.randn(STEPS, BATCH, SIZE, generator=torch.Generator().manual_seed(4))
        (forward(memory, features, state, starts) * weights).sum().backward()
        found.append([features.grad, state.grad, *(p.grad for p in memory.parameters())])
    for ours, autograds in zip(*found, strict=True):
        torch.testing.assert_close(ours, autograds)


def test_the_gradient_holds_numerically() -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = ((3, 2, 6), (2, 2), (6, 2), (6,))
    from_input, state, weight, bias = (
        torch.randn(*shape, dtype=torch.float64, generator=generator, requires_grad=True) for shape in shapes
    )
    keep = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]], dtype=torch.float64)[:, :, None]
    assert torch.autograd.gradcheck(_Recurrence.apply, (from_input, state, keep, weight, bias))


def test_nothing_is_remembered_over_the_start_of_an_episode() -> None:
    memory = make_memory()
    features, state, starts = inputs()
    starts[3] = True
    features.requires_grad_()
    memory.sequence(features, state, starts)[3:].sum().backward()
    assert features.grad is not None
    assert not features.grad[:3].any()
    assert features.grad[3].all()


def test_a_rollout_is_cut_in_time() -> None:
    rollout = torch.arange(12).view(4, 3)  # 4 steps of 3 environments
    assert as_sequences(rollout, 2).tolist() == [[0, 1, 2, 6, 7, 8], [3, 4, 5, 9, 10, 11]]
