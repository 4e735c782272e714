"""Advantages against values worked out by hand."""

from __future__ import annotations

import pytest
import torch
from palaestra_agents.returns import advantages, next_values

NO = [[False], [False], [False]]


def flags(*rows: bool) -> torch.Tensor:
    return torch.tensor([[row] for row in rows])


def column(*rows: float) -> torch.Tensor:
    return torch.tensor([[row] for row in rows])


def test_three_steps_without_an_end() -> None:
    values = column(1.0, 2.0, 3.0, 4.0)
    following = next_values(values, torch.tensor(NO), torch.tensor(NO), torch.zeros(0))
    result = advantages(column(1.0, 0.0, -1.0), values[:-1], following, torch.tensor(NO), gamma=0.5, gae_lambda=0.5)
    # deltas: 1 + 1 - 1 = 1; 0 + 1.5 - 2 = -0.5; -1 + 2 - 3 = -2; each later one weighs a quarter.
    assert result.flatten().tolist() == pytest.approx([1 - 0.25 * 1.0, -0.5 - 0.25 * 2, -2.0])


def test_nothing_flows_back_over_a_termination() -> None:
    values = column(1.0, 2.0, 3.0, 4.0)
    ended = flags(False, True, False)
    following = next_values(values, ended, torch.tensor(NO), torch.zeros(0))
    result = advantages(column(0.0, 10.0, 100.0), values[:-1], following, ended, gamma=0.5, gae_lambda=0.5)
    # deltas: 0 + 1 - 1 = 0; 10 + 0 - 2 = 8; 100 + 2 - 3 = 99.
    assert result.flatten().tolist() == pytest.approx([0 + 0.25 * 8, 8.0, 99.0])


def test_a_truncated_step_is_worth_what_its_last_observation_is() -> None:
    values = column(1.0, 2.0, 3.0, 4.0)
    ended = flags(False, True, False)
    following = next_values(values, torch.tensor(NO), ended, torch.tensor([20.0]))
    result = advantages(column(0.0, 10.0, 100.0), values[:-1], following, ended, gamma=0.5, gae_lambda=0.5)
    # The second delta is 10 + 0.5 * 20 - 2 = 18, and the third step is of another episode.
    assert result.flatten().tolist() == pytest.approx([0 + 0.25 * 18, 18.0, 99.0])


def test_terminated_and_truncated_counts_as_terminated() -> None:
    values = column(0.0, 5.0)
    both = flags(True)
    assert next_values(values, both, both, torch.zeros(0)).item() == 0


def test_final_values_are_taken_by_step_then_environment() -> None:
    truncated = torch.tensor([[False, True], [True, True]])
    following = next_values(
        torch.zeros(3, 2), torch.zeros(2, 2, dtype=torch.bool), truncated, torch.tensor([1.0, 2.0, 3.0])
    )
    assert following.tolist() == [[0, 1], [2, 3]]


def test_with_lambda_one_advantage_is_the_discounted_return_minus_the_value() -> None:
    generator = torch.Generator().manual_seed(0)
    rewards, values = torch.randn(20, 3, generator=generator), torch.randn(21, 3, generator=generator)
    nothing = torch.zeros(20, 3, dtype=torch.bool)
    following = next_values(values, nothing, nothing, torch.zeros(0))
    result = advantages(rewards, values[:-1], following, nothing, gamma=0.9, gae_lambda=1.0)
    discounts = 0.9 ** torch.arange(20)
    expected = (discounts[:, None] * rewards).sum(0) + 0.9**20 * values[20] - values[0]
    torch.testing.assert_close(result[0], expected)
