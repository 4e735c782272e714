"""The network that scores captions, and how it is trained on what the model said; classifier and ranking share it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from palaestra_agents.layers import linear
from palaestra_agents.update import load_optimizer_state, optimizer_state
from torch import nn

from palaestra_oni.config import NetworkConfig
from palaestra_oni.features import features

Answer = TypeVar("Answer")


class Scores:
    """A small network from a caption's words to one number.

    Args:
        config: see `NetworkConfig`.
        seed: of its weights, and of which answers it is shown.
    """

    def __init__(self, config: NetworkConfig, seed: int) -> None:
        self.config = config
        self._generator = torch.Generator().manual_seed(seed)
        self._layers = nn.Sequential(
            linear(config.features, config.hidden, 2**0.5, self._generator),
            nn.ReLU(),
            linear(config.hidden, 1, 1.0, self._generator),
        )
        self._optimizer = torch.optim.Adam(self._layers.parameters(), config.learning_rate)
        self._known: dict[str, float] = {}
        self.loss = float("inf")
        """Mean over the last training; infinite before the first."""

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        """Scores of captions as `features` gives them: float32 (K, features) -> (K,)."""
        return self._layers(inputs)[:, 0]

    def score(self, caption: str) -> float:
        """The score of a caption as the network is now."""
        if caption not in self._known:
            with torch.inference_mode():
                self._known[caption] = float(self(features([caption], self.config.features)))
        return self._known[caption]

    def score_all(self, captions: Sequence[str]) -> torch.Tensor:
        """Scores of many captions, float32 (K,)."""
        with torch.inference_mode():
            found = self(features(captions, self.config.features))
        self._known.update(zip(captions, found.tolist(), strict=True))
        return found

    def metrics(self) -> dict[str, float]:
        """Its loss, once it was trained."""
        return {"oni/loss": self.loss} if math.isfinite(self.loss) else {}

    @property
    def has_learned(self) -> bool:
        """Whether the last training met its answers well enough."""
        return self.loss < self.config.enough

    def train(self, answers: int, loss: Callable[[torch.Tensor], torch.Tensor]) -> None:
        """Takes gradient steps.

        Args:
            answers: how many there are, at least one.
            loss: of the answers with these numbers, int64 (B,); 0 where they are met exactly.
        """
        losses = []
        for _ in range(self.config.steps):
            chosen = torch.randint(answers, (min(self.config.minibatch_size, answers),), generator=self._generator)
            value = loss(chosen)
            self._optimizer.zero_grad(set_to_none=True)
            value.backward()
            self._optimizer.step()
            losses.append(value.detach())
        self.loss = float(torch.stack(losses).mean())
        self._known.clear()

    def state_dict(self) -> dict[str, Any]:
        return {
            "layers": {name: part.clone() for name, part in self._layers.state_dict().items()},
            "optimizer": optimizer_state(self._optimizer),
            "generator": self._generator.get_state(),
            "loss": self.loss,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._layers.load_state_dict(state["layers"])
        load_optimizer_state(self._optimizer, state["optimizer"])
        self._generator.set_state(state["generator"])
        self.loss = float(state["loss"])
        self._known.clear()


def keep_newest(answers: dict[str, Answer], question: str, answer: Answer, most: int) -> None:
    """Puts an answer last, in the place of an earlier one to the same, and drops the oldest beyond `most`."""
    answers.pop(question, None)
    answers[question] = answer
    if len(answers) > most:
        del answers[next(iter(answers))]


def excess(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean cross entropy of probabilities beyond that of the targets themselves, () from (B,) and (B,) in [0, 1]."""
    entropy = -(torch.xlogy(targets, targets) + torch.xlogy(1 - targets, 1 - targets))
    return nn.functional.binary_cross_entropy_with_logits(logits, targets) - entropy.mean()
