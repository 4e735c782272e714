"""The scripted teacher's model: no language model, but what the world's own solver would answer to the prompt."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, Literal

from palaestra_worlds.base import OracleError
from palaestra_worlds.registry import ORACLES, world_providers
from pydantic import BaseModel, ConfigDict

from palaestra_teachers.base import Completion, Message, Sampling
from palaestra_teachers.llm.requests import told


class ScriptedConfig(BaseModel):
    """Answers with the world's own solver: needs no key and no network, and is no language model."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    backend: Literal["scripted"] = "scripted"


class ScriptedModel:
    """Answers with the world's own solver: no key, no network, and no language model.

    It reads the level out of the prompt, as a language model would have to.
    A package whose questions are about something else brings an answer of its own (`ORACLES`).
    Where there is no answer it says so: `{"no_answer": <why>}`, which the parser of replies refuses by that kind.
    """

    Config = ScriptedConfig

    def __init__(self, config: ScriptedConfig) -> None:
        self.name = "scripted"
        # Solvers get better from one version to the next, and a cache should not keep the worse answer.
        others = [f"{p.dist.name} {p.dist.version}" for p in ORACLES.points().values() if p.dist is not None]
        self.identity = ", ".join([f"scripted {version('palaestra')}", *sorted(others)])

    async def complete(
        self, messages: Sequence[Message], schema: dict[str, Any] | None, settings: Sampling
    ) -> Completion:
        """Never fails to give a reply."""
        began = time.perf_counter()
        text = json.dumps(_answer(told(messages), schema))
        return Completion(
            text=text, model=self.name, backend="scripted", seconds=time.perf_counter() - began, price=0.0
        )


def _answer(prompt: str, schema: dict[str, Any] | None) -> dict[str, Any]:
    for oracle in ORACLES.load_all()[0].values():
        answer = oracle(prompt, schema)
        if answer is not None:
            return answer
    for provider in world_providers().values():
        try:
            answer = provider.oracle(prompt, schema)
        except OracleError as error:
            return {"no_answer": str(error)}
        if answer is not None:
            return answer
    return {"no_answer": "no installed world finds a level of its own in the prompt"}
