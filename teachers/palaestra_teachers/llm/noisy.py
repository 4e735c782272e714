"""Another model's answers with a chosen rate of mistakes, to study what a teacher's quality is worth."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from palaestra_worlds.base import Mistakes
from palaestra_worlds.registry import world_providers
from pydantic import Field

from palaestra_teachers.base import Completion, Judge, LanguageModel, LessonRefused, Message, Sampling
from palaestra_teachers.llm.judging import Changed, JudgedWrapper, ask
from palaestra_teachers.llm.requests import request_hash, told
from palaestra_teachers.replies import find_object


class NoisyConfig(Mistakes):
    """Wraps another model; a chosen share of what it lists is wrong, out of order or missing."""

    backend: Literal["noisy"] = "noisy"
    inner: dict[str, Any] = Field(
        default_factory=lambda: {"backend": "scripted"}, description="The model whose answers are made worse."
    )
    seed: int = Field(default=0, ge=0, lt=2**63, description="Of the mistakes; the same seed makes the same ones.")

    def mistakes(self) -> Mistakes:
        """How it is to be wrong."""
        return Mistakes.model_validate(self.model_dump(include=set(Mistakes.model_fields)))


class NoisyModel(JudgedWrapper):
    """Another model's answers, of which a chosen share is made wrong.

    Each request has random numbers of its own: mistakes depend neither on the order of requests nor on how often a
    reply was refused, and less accurate models go wrong where more accurate ones do.

    Args:
        config: see `NoisyConfig`.
        inner: the model that answers.
    """

    Config = NoisyConfig

    def __init__(self, config: NoisyConfig, inner: LanguageModel) -> None:
        self._config = config
        self._inner = inner
        self._mistakes = config.mistakes()
        self.name = f"noisy({', '.join([inner.name, *_in_words(self._mistakes)])})"
        # What is only said of programs counts where it is said: answers from before it could be are still known.
        unsaid = {name for name in ("wrong_calls", "call_mistakes") if getattr(self._mistakes, name) in (None, ())}
        identity = self._mistakes.model_dump_json(exclude=unsaid)
        self.identity = f"noisy({inner.identity}, {identity}, seed {config.seed})"

    async def complete_judged(
        self, messages: Sequence[Message], schema: dict[str, Any] | None, settings: Sampling, judge: Judge
    ) -> Completion:
        """The inner model's reply with mistakes; a reply that holds no answer is passed on as it is."""
        first = next((i for i, message in enumerate(messages) if message.role == "assistant"), len(messages))
        number = int(request_hash(messages[:first], schema, settings)[:16], 16)

        def misread(completion: Completion) -> Completion:
            random = np.random.default_rng((self._config.seed, number))
            text = self._misread(told(messages), completion.text, random)
            return completion.model_copy(update={"text": text, "model": self.name})

        changed = Changed(judge, misread)
        return changed.reply(await ask(self._inner, messages, schema, settings, changed))

    def _misread(self, prompt: str, reply: str, random: np.random.Generator) -> str:
        try:
            answer = find_object(reply)
        except LessonRefused:
            return reply
        if "no_answer" in answer:
            return reply
        for provider in world_providers().values():
            wrong = provider.misread(prompt, answer, self._mistakes, random)
            if wrong is not None:
                return json.dumps(wrong)
        return reply


def _in_words(mistakes: Mistakes) -> list[str]:
    if mistakes.wrong_calls is not None:
        return [f"{mistakes.wrong_calls} wrong calls ({', '.join(mistakes.call_mistakes) or 'any'})"]
    words = [f"accuracy {mistakes.accuracy:g}"]
    words += [f"missing {mistakes.missing:g}"] if mistakes.missing else []
    words += [f"swapped {mistakes.swapped:g}"] if mistakes.swapped else []
    return words
