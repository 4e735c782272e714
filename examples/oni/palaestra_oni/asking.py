"""What the model is asked next: captions, the newest first, or pairs of them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from palaestra_oni.ranking import BETWEEN


class Captions:
    """Captions seen so far; each is asked about once, those first that came last.

    Args:
        most: captions that are asked about.
        attempts: how often one is asked about if nothing comes of it.
    """

    def __init__(self, most: int, attempts: int) -> None:
        self._most = most
        self._attempts = attempts
        self._tries: Counter[str] = Counter()
        self._waiting: list[str] = []
        self.seen: list[str] = []
        """In the order in which they came."""

    def add(self, caption: str) -> None:
        """Takes in what was seen, again or for the first time."""
        if caption not in self._tries and len(self.seen) < self._most:
            self._tries[caption] = 0
            self._waiting.append(caption)
            self.seen.append(caption)

    def next(self, most: int) -> list[str]:
        """At most `most` questions."""
        chosen = [self._waiting.pop() for _ in range(min(most, len(self._waiting)))]
        self._tries.update(chosen)
        return chosen

    def failed(self, question: str) -> None:
        """Nothing came of a question; it is asked again after those that were not asked yet."""
        if self._tries[question] < self._attempts:
            self._waiting.insert(0, question)

    def state_dict(self) -> dict[str, Any]:
        return {"tries": dict(self._tries), "waiting": list(self._waiting)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._tries = Counter(state["tries"])
        self._waiting = list(state["waiting"])
        self.seen = list(self._tries)


class Pairs(Captions):
    """Pairs of captions seen so far: each new one beside another, then any two; none twice.

    Args:
        most: captions that pairs are made of.
        attempts: how often a pair is asked about if nothing comes of it.
        at_a_time: pairs asked about before each iteration.
        seed: of which they are.
    """

    def __init__(self, most: int, attempts: int, at_a_time: int, seed: int) -> None:
        super().__init__(most, attempts)
        self._at_a_time = at_a_time
        self._random = np.random.Generator(np.random.PCG64(seed))
        self._asked: Counter[str] = Counter()
        self._closed: set[frozenset[str]] = set()
        """Pairs that are not asked about again."""

    def next(self, most: int) -> list[str]:
        questions: list[str] = []
        # A pair that was asked about already is not replaced by another, so that this ends when all are.
        for _ in range(min(most, self._at_a_time) if len(self.seen) > 1 else 0):
            newest = self._waiting.pop() if self._waiting else self._drawn()
            other = self._drawn()
            if other == newest:
                other = self.seen[self.seen.index(other) - 1]
            question = BETWEEN.join((newest, other) if self._random.random() < 0.5 else (other, newest))
            if frozenset((newest, other)) not in self._closed:
                self._closed.add(frozenset((newest, other)))
                self._asked[question] += 1
                questions.append(question)
        return questions

    def failed(self, question: str) -> None:
        """Nothing came of a question; it may be drawn again."""
        if self._asked[question] < self._attempts:
            self._closed.discard(frozenset(question.split(BETWEEN)))

    def _drawn(self) -> str:
        return self.seen[int(self._random.integers(len(self.seen)))]

    def state_dict(self) -> dict[str, Any]:
        return {
            **super().state_dict(),
            "asked": dict(self._asked),
            "closed": sorted(sorted(pair) for pair in self._closed),
            "random": self._random.bit_generator.state,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self._asked = Counter(state["asked"])
        self._closed = {frozenset(pair) for pair in state["closed"]}
        self._random.bit_generator.state = state["random"]
