"""Networks that say what an observation is worth, learned from which of two episodes is better.

Of episodes with rewards summing to a and b the first is preferred with probability 1 / (1 + exp(b - a)): the model of
Bradley and Terry, as in arXiv 1706.03741, section 2.2.3. Sums are divided by the mean number of moments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from palaestra_teachers.preferences.config import PreferencesConfig
from palaestra_teachers.preferences.features import Features, Reader

SHARPNESS = 8.0
"""Preference, in logits, of an episode all of whose moments are worth 1 more."""


class RewardNetwork(nn.Module):
    """From features to a number."""

    def __init__(self, reader: Reader, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        self.kinds = nn.EmbeddingBag(max(reader.inputs, 1), hidden, mode="sum")
        self.numbers = nn.Linear(max(reader.numbers, 1), hidden)
        self.hidden = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, 1)
        with torch.no_grad():
            self.kinds.weight.normal_(0.0, max(reader.cells, 1) ** -0.5, generator=generator)
            for layer in (self.numbers, self.hidden, self.out):
                bound = layer.in_features**-0.5
                layer.weight.uniform_(-bound, bound, generator=generator)
                layer.bias.zero_()

    def forward(self, seen: Features) -> torch.Tensor:
        """float32 (B,)."""
        numbers = seen.numbers if seen.numbers.shape[1] else seen.numbers.new_zeros(len(seen.kinds), 1)
        total = self.numbers(numbers)
        if seen.kinds.shape[1]:
            total = total + self.kinds(seen.kinds)
        return self.out(torch.tanh(self.hidden(torch.tanh(total)))).squeeze(-1)


@dataclass(frozen=True)
class Pairs:
    """Comparisons as tensors.

    Attributes:
        seen: features of the moments of all episodes, one after another.
        episode: int64 (moments,): whose each is.
        pairs: int64 (P, 2): the two episodes of each comparison.
        better: float32 (P,): how far the first is preferred, 0 to 1.
    """

    seen: Features
    episode: torch.Tensor
    pairs: torch.Tensor
    better: torch.Tensor


class Ensemble:
    """Reward networks, and what their rewards come to.

    Args:
        reader: of observations.
        config: settings.
        seed: of weights and shuffling.
    """

    def __init__(self, reader: Reader, config: PreferencesConfig, seed: int) -> None:
        self.config, self._seed = config, seed
        generators = [torch.Generator().manual_seed(1000 * seed + member) for member in range(config.members)]
        self.networks = [RewardNetwork(reader, config.hidden, generator) for generator in generators]
        self._generators = generators
        # Rewards are of size 1 over what was compared. Where episodes are equally long, comparisons say nothing of the
        # mean, which is then 0; elsewhere it says what a longer episode is worth, and stays.
        self.means, self.scales = torch.zeros(config.members), torch.ones(config.members)

    def learn(self, pairs: Pairs) -> dict[str, float]:
        """Trains every network on its own order of the comparisons.

        Returns:
            metrics: share of comparisons that the ensemble gets right, of those learned from and of those kept out.
        """
        count = len(pairs.better)
        kept_out = min(count - 1, round(self.config.kept_out * count))
        order = torch.randperm(count, generator=torch.Generator().manual_seed(self._seed))
        learned, kept = order[kept_out:], order[:kept_out]
        for network, generator in zip(self.networks, self._generators, strict=True):
            self._train(network, pairs, learned, generator)
        with torch.inference_mode():
            worth = torch.stack([network(pairs.seen) for network in self.networks])
        lengths = torch.bincount(pairs.episode)
        if (lengths == lengths[0]).all():
            self.means = worth.mean(dim=1)
        self.scales = (worth - self.means[:, None]).square().mean(dim=1).sqrt().clamp(min=1e-6)
        metrics = {"preferences/comparisons": float(len(learned))}
        metrics["preferences/accuracy"] = self._accuracy(pairs, worth, learned)
        if kept_out:
            metrics["preferences/accuracy_kept_out"] = self._accuracy(pairs, worth, kept)
        return metrics

    def _train(self, network: RewardNetwork, pairs: Pairs, learned: torch.Tensor, generator: torch.Generator) -> None:
        config = self.config
        optimizer = torch.optim.AdamW(network.parameters(), config.learning_rate, weight_decay=config.weight_decay)
        starts = torch.searchsorted(pairs.episode, torch.arange(int(pairs.episode.max()) + 2))
        for _ in range(config.passes):
            order = learned[torch.randperm(len(learned), generator=generator)]
            for chosen in order.split(config.minibatch_size):
                episodes, places = pairs.pairs[chosen].unique(return_inverse=True)
                rows = torch.cat([torch.arange(int(starts[e]), int(starts[e + 1])) for e in episodes])
                whose = torch.searchsorted(episodes, pairs.episode[rows])
                sums = torch.zeros(len(episodes)).index_add(0, whose, network(pairs.seen.rows(rows)))
                logits = _logits(sums[places[:, 0]], sums[places[:, 1]], len(rows) / len(episodes))
                loss = nn.functional.binary_cross_entropy_with_logits(logits, pairs.better[chosen])
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()

    def _accuracy(self, pairs: Pairs, worth: torch.Tensor, chosen: torch.Tensor) -> float:
        """Share of the comparisons with a preference that the mean reward gets right."""
        mean = ((worth - self.means[:, None]) / self.scales[:, None]).mean(dim=0)
        sums = torch.zeros(int(pairs.episode.max()) + 1).index_add(0, pairs.episode, mean)
        one, other = (sums[pairs.pairs[chosen, side]] for side in (0, 1))
        decided = pairs.better[chosen] != 0.5
        right = (one > other) == (pairs.better[chosen] > 0.5)
        return float(right[decided].float().mean()) if decided.any() else 0.0

    @torch.inference_mode()
    def reward(self, seen: Features) -> torch.Tensor:
        """float32 (B,): what the networks' rewards come to."""
        worth = torch.stack([network(seen) for network in self.networks])
        worth = (worth - self.means[:, None]) / self.scales[:, None]
        if self.config.aggregation == "minimum":
            return worth.min(dim=0).values
        mean = worth.mean(dim=0)
        if self.config.aggregation == "uncertainty" and len(worth) > 1:
            mean = mean - self.config.penalty * worth.var(dim=0)
        return mean

    def state_dict(self) -> dict[str, Any]:
        weights = [{name: part.clone() for name, part in network.state_dict().items()} for network in self.networks]
        return {"networks": weights, "means": self.means.clone(), "scales": self.scales.clone()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Raises ValueError when these are other networks' weights."""
        saved: Sequence[dict[str, torch.Tensor]] = state["networks"]
        if len(saved) != len(self.networks):
            raise ValueError(f"the saved teacher has {len(saved)} reward networks, this one {len(self.networks)}")
        for network, weights in zip(self.networks, saved, strict=True):
            try:
                network.load_state_dict(weights)
            except RuntimeError as error:
                raise ValueError("the saved teacher's reward networks have other sizes than this one's") from error
        self.means, self.scales = state["means"].clone(), state["scales"].clone()


def _logits(one: torch.Tensor, other: torch.Tensor, moments: float) -> torch.Tensor:
    return SHARPNESS * (one - other) / moments
