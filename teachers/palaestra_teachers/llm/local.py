"""A language model in a folder, on this machine: transformers, its replies held to the lesson's JSON schema."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from palaestra_teachers.base import Completion, Message, Sampling, TeacherUnavailable
from palaestra_teachers.llm.folder import check_folder, fingerprint
from palaestra_teachers.llm.requests import request_hash
from palaestra_teachers.llm.schemas import strict_schema

if TYPE_CHECKING:
    from palaestra_teachers.llm.generation import LocalGenerator, Request, Written


class LocalConfig(BaseModel):
    """A transformers model in a folder of this machine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    backend: Literal["local"] = "local"
    folder: Path = Field(
        description="Where config.json, *.safetensors and the tokenizer lie, seen from where Palaestra is run."
    )
    device: str = Field(
        default="auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto: a GPU where there is one, else the CPU."
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="auto", description="Of the weights; auto: as they were saved."
    )
    batch_size: int = Field(
        default=1,
        ge=1,
        le=256,
        description="Replies that are written together at most. More is faster on a GPU, but the last digits of what "
        "is computed, and with them at times a reply, then depend on which requests met.",
    )
    price_per_hour: float | None = Field(
        default=None, ge=0, le=1e6, description="US dollars that an hour of the machine costs; null: unknown."
    )


@dataclass(eq=False)
class _Entry:
    """A request in the queue."""

    request: Request
    answer: Written | TeacherUnavailable | None = None
    over: bool = False
    """Nobody waits for the answer any more."""


class LocalModel:
    """A transformers model in a folder, its replies held to the lesson's JSON schema (xgrammar).

    Every reply to a schema follows it and ends within `max_tokens`, whatever the model is. The same request gets the
    same reply, at any temperature: its random numbers come from the request and `seed`. The model is loaded at the
    first request, and writes in a thread of its own; requests wait in a queue for it, which is not part of `timeout`.

    Args:
        config: see `LocalConfig`.

    Raises:
        ValueError: a package, the folder, or the GPU that is asked for is not there; the message says what to do.
    """

    Config = LocalConfig

    def __init__(self, config: LocalConfig) -> None:
        folder = config.folder.expanduser()
        check_folder(folder)
        if config.device.startswith("cuda"):
            from palaestra_teachers.llm.generation import chosen_device

            chosen_device(config.device)
        self._config = config
        self._folder = folder
        self.name = folder.resolve().name
        try:
            self.identity = f"local {fingerprint(folder)} {config.dtype}"
        except OSError as error:
            raise ValueError(f"folder: '{folder}' cannot be read: {error}") from error
        self._waiting: list[_Entry] = []
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="local-model")
        self._generator: LocalGenerator | None = None

    async def complete(
        self, messages: Sequence[Message], schema: dict[str, Any] | None, settings: Sampling
    ) -> Completion:
        """One reply; see `LanguageModel`.

        Raises:
            TeacherUnavailable: of the kind broken_model, out_of_memory, prompt_too_long, bad_schema or timeout.
        """
        from palaestra_teachers.llm.generation import Request

        entry = _Entry(
            Request(
                messages=tuple(messages),
                schema=schema,
                temperature=settings.temperature,
                max_tokens=settings.max_tokens,
                # In the form in which endpoints get it, so that a reply is the same through one.
                seed=int(request_hash(messages, schema and strict_schema(schema), settings)[:16], 16),
                timeout=settings.timeout,
                abandoned=lambda: entry.over,
            )
        )
        self._waiting.append(entry)
        try:
            written = await asyncio.wrap_future(self._thread.submit(self._answer, entry))
        finally:
            # Also when whoever asked was cancelled meanwhile.
            entry.over = True
            self._waiting.remove(entry)
        cost, share = self._config.price_per_hour, written.seconds / written.beside
        return Completion(
            text=written.text,
            model=self.name,
            backend="local",
            tokens_in=written.tokens_in,
            tokens_out=written.tokens_out,
            seconds=written.seconds,
            price=None if cost is None else cost * share / 3600,
        )

    def _answer(self, entry: _Entry) -> Written:
        """In the model's thread: answers a request, and others that wait for an answer with it."""
        if entry.answer is None:
            others = [other for other in list(self._waiting) if other is not entry and other.answer is None]
            batch = [entry, *others[: self._config.batch_size - 1]]
            answers = self._load().write([each.request for each in batch])
            for each, answer in zip(batch, answers, strict=True):
                each.answer = answer
        assert entry.answer is not None
        if isinstance(entry.answer, TeacherUnavailable):
            raise entry.answer
        return entry.answer

    def _load(self) -> LocalGenerator:
        if self._generator is None:
            from palaestra_teachers.llm.generation import LocalGenerator

            self._generator = LocalGenerator(self._folder, self._config.device, self._config.dtype)
        return self._generator
