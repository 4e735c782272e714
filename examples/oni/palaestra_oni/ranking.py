"""Reward by ranking: how far above the mean a network scores a caption that was trained on which of two is better."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from palaestra_oni.config import OniConfig
from palaestra_oni.features import features
from palaestra_oni.network import Scores, excess, keep_newest

_TARGETS = {"first": 1.0, "second": 0.0, "neither": 0.5}
BETWEEN = "\n"
"""What stands between the two captions of a question."""


class Ranking:
    """A Bradley-Terry model: the first of two is preferred with probability sigmoid(its score - the other's).

    Args:
        config: see `OniConfig`.
        seed: of the network.
    """

    def __init__(self, config: OniConfig, seed: int) -> None:
        self._scores = Scores(config.network, seed)
        self._memory = config.network.memory
        self._most = config.most
        self._preferences: dict[str, str] = {}
        self._fresh = False
        self._mean, self._deviation = 0.0, 0.0

    def add(self, question: str, content: dict[str, Any]) -> None:
        """Takes in which of two captions is better; the newest `memory` are kept."""
        keep_newest(self._preferences, question, str(content["better"]), self._memory)
        self._fresh = True

    def learn(self, seen: Sequence[str]) -> dict[str, float]:
        """Trains on the preferences, unless it knows them; then takes mean and deviation of all captions' scores."""
        if not self._preferences:
            return {}
        if self._fresh or not self._scores.has_learned:
            self._train()
        if len(seen) > 1:
            scores = self._scores.score_all(seen)
            self._mean, self._deviation = float(scores.mean()), float(scores.std())
        return self._scores.metrics()

    def _train(self) -> None:
        pairs = [question.split(BETWEEN) for question in self._preferences]
        size = self._scores.config.features
        first, second = (features([pair[place] for pair in pairs], size) for place in (0, 1))
        targets = torch.tensor([_TARGETS[better] for better in self._preferences.values()])

        def loss(chosen: torch.Tensor) -> torch.Tensor:
            return excess(self._scores(first[chosen]) - self._scores(second[chosen]), targets[chosen])

        self._scores.train(len(pairs), loss)
        self._fresh = False

    def reward(self, caption: str) -> float:
        """Deviations above the mean, at most `most`, at least 0; 0 before the first answer."""
        if self._deviation < 1e-6:
            return 0.0
        return min(max((self._scores.score(caption) - self._mean) / self._deviation, 0.0), self._most)

    def summary(self) -> dict[str, float]:
        """How many answers there are."""
        return {"oni/answers": float(len(self._preferences))}

    def state_dict(self) -> dict[str, Any]:
        return {
            "preferences": dict(self._preferences),
            "fresh": self._fresh,
            "scores": self._scores.state_dict(),
            "mean": self._mean,
            "deviation": self._deviation,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._preferences = dict(state["preferences"])
        self._fresh = bool(state["fresh"])
        self._scores.load_state_dict(state["scores"])
        self._mean, self._deviation = float(state["mean"]), float(state["deviation"])
