"""Reward by classification: 1 for captions that a network takes for helpful, whether or not the model saw them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from palaestra_oni.config import OniConfig
from palaestra_oni.features import features
from palaestra_oni.network import Scores, excess, keep_newest


class Classifier:
    """A network trained on the model's labels, and a threshold.

    Args:
        config: see `OniConfig`.
        seed: of the network.
    """

    def __init__(self, config: OniConfig, seed: int) -> None:
        self._scores = Scores(config.network, seed)
        self._memory = config.network.memory
        self._least = math.log(config.threshold / (1 - config.threshold))
        self._labels: dict[str, bool] = {}
        self._fresh = False

    def add(self, question: str, content: dict[str, Any]) -> None:
        """Takes in the label of a caption; the newest `memory` are kept."""
        keep_newest(self._labels, question, bool(content["helpful"]), self._memory)
        self._fresh = True

    def learn(self, seen: Sequence[str]) -> dict[str, float]:
        """Trains on the labels, unless it knows them."""
        if not self._labels or (self._scores.has_learned and not self._fresh):
            return self._scores.metrics()
        inputs = features(list(self._labels), self._scores.config.features)
        targets = torch.tensor(list(self._labels.values()), dtype=torch.float32)
        self._scores.train(len(targets), lambda chosen: excess(self._scores(inputs[chosen]), targets[chosen]))
        self._fresh = False
        return self._scores.metrics()

    def reward(self, caption: str) -> float:
        """1 where the caption is probably helpful, else 0; 0 before the first label."""
        return float(bool(self._labels) and self._scores.score(caption) >= self._least)

    def summary(self) -> dict[str, float]:
        """How many labels there are, and how many are helpful."""
        return {"oni/answers": float(len(self._labels)), "oni/helpful": float(sum(self._labels.values()))}

    def state_dict(self) -> dict[str, Any]:
        return {"labels": dict(self._labels), "fresh": self._fresh, "scores": self._scores.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._labels = dict(state["labels"])
        self._fresh = bool(state["fresh"])
        self._scores.load_state_dict(state["scores"])
