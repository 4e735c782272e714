"""One gradient step: what is clipped, bounded, annealed and stopped, against the formulas."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from gymnasium.spaces import Box, Discrete
from palaestra_agents.base import AgentInterface
from palaestra_agents.encoding import Encoded
from palaestra_agents.ppo import PPO
from palaestra_agents.update import KL, Batch, Minibatch

SIZE = 32


def make(**config: Any) -> PPO:
    interface = AgentInterface(Box(-1.0, 1.0, (3,), "float32"), Discrete(4), 4)  # pyright: ignore
    settings = {"network": {"kind": "mlp", "hidden": (8,)}, "rollout_length": 8, "minibatch_size": SIZE, "epochs": 1}
    return PPO(PPO.Config.model_validate(settings | config), interface, seed=0)


def make_batch(old_log_probs: torch.Tensor | None = None, scale: float = 1.0) -> Batch:
    """A made-up rollout of 8 steps of 4 environments."""
    generator = torch.Generator().manual_seed(1)
    dense = torch.randn(SIZE, 3, generator=generator)
    actions = torch.randint(4, (SIZE,), generator=generator)
    targets = torch.randn(SIZE, 4, generator=generator) * scale
    targets[:, 1] = -1.4 if old_log_probs is None else old_log_probs
    return Batch(Encoded(None, dense), actions, targets, torch.zeros(8, 4, dtype=torch.bool), None)


def all_of(batch: Batch) -> Minibatch:
    return Minibatch(torch.arange(SIZE), None, None, batch.targets[:, 0])


def expected_losses(agent: PPO, batch: Batch) -> dict[str, torch.Tensor]:
    config = agent.config
    parameters, values = agent.policy(batch.observations, None)
    distribution = torch.distributions.Categorical(logits=parameters)
    advantages, old_log_probs, old_values, returns = batch.targets.unbind(dim=1)
    if config.normalise_advantages:
        advantages = (advantages - advantages.mean()) / advantages.std().clamp_min(config.least_deviation)
    ratios = (distribution.log_prob(batch.actions) - old_log_probs).exp()
    near = ratios.clamp(1 - config.clip, 1 + config.clip)
    errors = (values[:, 0] - returns) ** 2
    if config.value_clip is not None:
        moved = (values[:, 0] - old_values).clamp(-config.value_clip, config.value_clip)
        errors = torch.maximum(errors, (old_values + moved - returns) ** 2)
    parts = {
        "policy": -torch.minimum(ratios * advantages, near * advantages).mean(),
        "value": errors.mean(),
        "entropy": distribution.entropy().mean(),
    }
    parts["kl"] = (ratios - 1 - ratios.log()).mean()
    parts["total"] = parts["policy"] + config.value_coefficient * parts["value"] - config.entropy * parts["entropy"]
    parts["clipped"] = ((ratios - 1).abs() > config.clip).float().mean()
    return parts


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"value_clip": 0.1},
        {"normalise_advantages": False},
        {"entropy": 0.5, "value_coefficient": 2.0, "clip": 0.05},
    ],
)
def test_losses_are_the_formulas(config: dict[str, Any]) -> None:
    agent, batch = make(**config), make_batch()
    losses = agent.updater.losses(batch, all_of(batch))
    expected = expected_losses(agent, batch)
    found = dict(zip(("policy", "value", "entropy", "kl", "clipped"), losses.parts, strict=True))
    for name, part in (found | {"total": losses.total}).items():
        torch.testing.assert_close(part, expected[name], atol=1e-5, rtol=1e-4, msg=name)
    flat = agent.updater.flat
    assert flat.grad is not None
    gradients = []
    for total in (losses.total, expected["total"]):
        flat.grad.zero_()
        total.backward()
        gradients.append(flat.grad.clone())
    torch.testing.assert_close(*gradients, atol=1e-6, rtol=1e-4)


def test_noise_is_not_blown_up_where_nothing_is_at_stake() -> None:
    """Before this bound, solved Empty-8x8 collapsed to no success at all (seed 1, 16 environments, 57,000 steps)."""
    norms = []
    for scale in (1e-6, 1.0):
        agent = make(value_coefficient=0.0, entropy=0.0)
        norms.append(agent.updater.update(make_batch(scale=scale), 0.0, agent.generator)["loss/grad_norm"])
    tiny, usual = norms
    assert tiny < 1e-3 * usual


def test_value_clipping_matters() -> None:
    batch = make_batch()
    free, bounded = (make(value_clip=bound).updater.losses(batch, all_of(batch)) for bound in (None, 0.01))
    assert bounded.parts[1] > free.parts[1]


def test_the_policys_own_samples_have_no_divergence() -> None:
    agent, batch = make(), make_batch()
    with torch.no_grad():
        parameters, _ = agent.policy(batch.observations, None)
        batch = make_batch(agent.distribution.log_prob(parameters, batch.actions))
    losses = agent.updater.losses(batch, all_of(batch))
    assert losses.parts[KL].item() == pytest.approx(0, abs=1e-6)
    assert losses.parts[KL + 1].item() == 0


def test_a_large_divergence_stops_the_epochs_before_any_step() -> None:
    agent = make(target_kl=0.01, epochs=5)
    before = agent.updater.flat.detach().clone()
    far = make_batch(torch.full((SIZE,), -3.0))  # the policy's own are near log(1/4)
    metrics = agent.updater.update(far, 0.0, agent.generator)
    assert metrics["loss/updates"] == 0
    assert torch.equal(agent.updater.flat, before)
    assert make(target_kl=100.0, epochs=5).updater.update(far, 0.0, agent.generator)["loss/updates"] == 5


def test_the_learning_rate_falls_to_nothing_when_annealed() -> None:
    agent = make(anneal=True, learning_rate=0.01)
    rates = [agent.updater.update(make_batch(), p, agent.generator)["loss/learning_rate"] for p in (0.0, 0.75, 1.0)]
    assert rates == pytest.approx([0.01, 0.0025, 0.0])
    before = agent.updater.flat.detach().clone()
    agent.updater.update(make_batch(), 1.0, agent.generator)
    assert torch.equal(agent.updater.flat, before)
    assert make(learning_rate=0.01).updater.update(make_batch(), 1.0, agent.generator)["loss/learning_rate"] == 0.01


def test_one_step_is_adams_on_the_shortened_gradient() -> None:
    agent, batch = make(max_grad_norm=0.1, learning_rate=0.01), make_batch(scale=5.0)
    plain = make()
    parameters = list(plain.policy.parameters())
    optimizer = torch.optim.Adam(parameters, lr=0.01, eps=1e-5)
    optimizer.zero_grad()
    expected_losses(plain, batch)["total"].backward()
    norm = torch.nn.utils.clip_grad_norm_(parameters, 0.1)
    assert norm > 0.1
    optimizer.step()
    metrics = agent.updater.update(batch, 0.0, agent.generator)
    assert metrics["loss/grad_norm"] == pytest.approx(norm.item(), rel=1e-4)
    for (name, ours), theirs in zip(agent.policy.named_parameters(), parameters, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4, msg=name)


def test_the_optimisers_state_of_other_parameters_is_refused() -> None:
    with pytest.raises(ValueError, match="does not belong"):
        make().updater.load_state_dict({"step": [torch.tensor(1.0)], "exp_avg": [], "exp_avg_sq": []})
