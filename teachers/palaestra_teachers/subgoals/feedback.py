"""What a teacher knows of its lessons: how many subgoals each had, and what became of them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from palaestra_teachers.base import Feedback

MIN_EPISODES = 5
"""Lessons that were played less often are not judged."""
LESSONS_TOLD = 3


class _State(BaseModel):
    model_config = ConfigDict(extra="forbid")

    subgoals: dict[int, int] = Field(default_factory=dict)
    """By level seed: subgoals of its lesson."""
    feedback: Feedback | None = None


class LessonsGiven:
    """The lessons given so far, and the last feedback about them."""

    def __init__(self) -> None:
        self._state = _State()

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> LessonsGiven:
        """Raises ValueError when `state` is not what `state_dict` gave."""
        given = cls()
        given._state = _State.model_validate(state)
        return given

    def state_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return self._state.model_dump(mode="json")

    def add(self, level_seed: int | None, subgoals: int) -> None:
        if level_seed is not None:
            self._state.subgoals[level_seed] = subgoals

    def observe(self, feedback: Feedback) -> None:
        self._state.feedback = feedback

    def in_words(self) -> str:
        """For a prompt; empty as long as there is nothing to tell."""
        feedback = self._state.feedback
        if feedback is None:
            return ""
        sentences = [
            f"After {feedback.step} steps of training the agent alone has a rate of {rate:.0%} for '{name}'."
            for name, rate in sorted(feedback.success.items())
        ]
        shares = self._shares(feedback)
        if shares:
            mean = sum(share for share, _ in shares) / len(shares)
            sentences.append(f"Of the subgoals of {len(shares)} lessons, {mean:.0%} were reached on average.")
            sentences += [words for _, words in shares[:LESSONS_TOLD]]
        return " ".join(sentences)

    def _shares(self, feedback: Feedback) -> list[tuple[float, str]]:
        """(share of subgoals reached, sentence) of each lesson that can be judged, the worst first."""
        found = []
        for level_seed, (episodes, reached) in sorted(feedback.lessons.items()):
            subgoals = self._state.subgoals.get(level_seed, 0)
            if subgoals and episodes >= MIN_EPISODES:
                words = f"In level {level_seed}, {reached:.1f} of {subgoals} were reached in {episodes} episodes."
                found.append((reached / subgoals, words))
        return sorted(found)
