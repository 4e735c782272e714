"""A ledger in memory, a world to teach in, and an endpoint on a real socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import palaestra_worlds
import pytest
from palaestra.testing.around import MemoryLedger
from palaestra_teachers.base import Completion, Message, Sampling, TeacherUnavailable
from palaestra_teachers.llm.openai import OpenAIConfig, OpenAIModel
from palaestra_worlds.base import World
from pydantic import BaseModel

from .server import Play, ScriptedServer, serving

WORLD = "MiniGrid-DoorKey-5x5-v0"
KEY = "sk-very-secret-0123456789"
KEY_VARIABLE = "PALAESTRA_TEST_KEY"


class ModelThatSays:
    """Gives prepared replies in their order, the last one again and again; None: it is unavailable."""

    Config = BaseModel

    def __init__(self, *replies: str | None, identity: str = "prepared") -> None:
        self.name = "prepared"
        self.identity = identity
        self.asked: list[tuple[Message, ...]] = []
        self._replies = list(replies)

    async def complete(
        self, messages: Sequence[Message], schema: dict[str, Any] | None, settings: Sampling
    ) -> Completion:
        self.asked.append(tuple(messages))
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        if reply is None:
            raise TeacherUnavailable("timeout", "no reply in 1 s")
        return Completion(text=reply, model=self.name, backend="prepared", tokens_in=7, price=0.5)


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


@pytest.fixture(scope="session")
def world() -> World:
    return palaestra_worlds.make(WORLD)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    with serving() as server:
        yield server


@pytest.fixture
def waits() -> list[float]:
    """Seconds that the model of `connect` would have waited between its attempts."""
    return []


@pytest.fixture
def connect(server: ScriptedServer, waits: list[float]) -> Callable[..., OpenAIModel]:
    """Makes a model of the server that plays the given acts; it never really waits."""

    def connect(*acts: Play, **settings: Any) -> OpenAIModel:
        server.acts = list(acts)
        config: dict[str, Any] = {"base_url": server.url, "model": "test-model", "api_key_env": KEY_VARIABLE}

        async def note(seconds: float) -> None:
            waits.append(seconds)

        return OpenAIModel(OpenAIConfig(**config | settings), sleep=note)

    return connect
