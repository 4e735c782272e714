"""Any OpenAI-compatible endpoint: hosted, vLLM, Ollama, llama.cpp."""

from __future__ import annotations

import asyncio
import os
import random
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from palaestra_teachers.base import Completion, Message, Sampling, TeacherUnavailable
from palaestra_teachers.llm.endpoint import AttemptFailed, Endpoint, Reply
from palaestra_teachers.llm.prices import Price
from palaestra_teachers.llm.schemas import strict_schema

DEFAULT_URL = "https://api.openai.com/v1"


class OpenAIConfig(BaseModel):
    """An OpenAI-compatible endpoint for chat completions."""

    # A key that was put into the wrong place must not be quoted.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    backend: Literal["openai"] = "openai"
    base_url: str | None = Field(
        default=None,
        description=f"E.g. http://localhost:8000/v1; null: the variable OPENAI_BASE_URL, else {DEFAULT_URL}.",
    )
    model: str | None = Field(
        default=None, min_length=1, max_length=200, description="Its name there; null: the variable OPENAI_MODEL."
    )
    api_key_env: str | None = Field(
        default="OPENAI_API_KEY",
        max_length=64,
        description="Name of the environment variable that holds the key; null: the endpoint takes none.",
    )
    price: Price | None = Field(default=None, description="US dollars for a million tokens; null: unknown.")
    attempts: int = Field(default=4, ge=1, le=20, description="Requests until it is given up.")
    longest_wait: float = Field(default=30.0, ge=0, le=600, description="Seconds between two requests, at most.")
    max_bytes: int = Field(default=2**20, ge=2**10, le=2**27, description="The largest response that is read.")
    extra_body: dict[str, Any] = Field(default_factory=dict, description="Further entries of the request's body.")

    @field_validator("base_url")
    @classmethod
    def _plain_address(cls, url: str | None) -> str | None:
        return None if url is None else checked_url(url)

    @field_validator("api_key_env")
    @classmethod
    def _name_of_variable(cls, name: str | None) -> str | None:
        if name is not None and not re.fullmatch(r"[A-Z_][A-Z0-9_]*", name):
            raise ValueError("should be the NAME of an environment variable, in capitals; never put a key here")
        return name


def checked_url(url: str) -> str:
    """The address without a slash at its end.

    Raises:
        ValueError: it is no http address, or has more in it than an address.
    """
    wrong = "should be an address such as http://localhost:8000/v1"
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise ValueError(wrong) from error
    if not valid or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(wrong)
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("should hold no user name, password, query or fragment; keys go into api_key_env")
    return url.rstrip("/")


@dataclass(frozen=True)
class _Manners:
    """What a server was found to take. Every change makes the request plainer, so changes come to an end."""

    response_format: Literal["json_schema", "json_object", "text"] = "json_schema"
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    omitted: frozenset[str] = frozenset()

    def plainer(self, complaint: str) -> _Manners | None:
        """After a request was refused with this complaint; None when there is nothing left to leave out."""
        if "max_completion_tokens" in complaint and self.limit == "max_tokens":
            return replace(self, limit="max_completion_tokens")
        for name in ("temperature", "seed"):
            if name in complaint and name not in self.omitted:
                return replace(self, omitted=self.omitted | {name})
        if self.response_format == "json_schema":
            return replace(self, response_format="json_object")
        if self.response_format == "json_object":
            return replace(self, response_format="text")
        return None


class OpenAIModel:
    """A model behind any OpenAI-compatible endpoint: hosted, vLLM, Ollama, llama.cpp.

    The reply's schema is sent as `response_format`; a server that refuses that, or another parameter, is asked without
    it from then on. Failed requests are repeated after growing waits.

    Args:
        config: see `OpenAIConfig`.
        sleep: waits for so many seconds.

    Raises:
        ValueError: the model's name is not known, or the variable with the key is not set.
    """

    Config = OpenAIConfig

    def __init__(self, config: OpenAIConfig, sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep) -> None:
        self._config = config
        self._sleep = sleep
        # Waits differ between processes on purpose, and touch no random numbers that anything else depends on.
        self._jitter = random.Random()
        base_url = config.base_url or checked_url(os.environ.get("OPENAI_BASE_URL") or DEFAULT_URL)
        self.name = config.model or os.environ.get("OPENAI_MODEL") or ""
        if not self.name:
            raise ValueError("model: give the model's name, or set the environment variable OPENAI_MODEL")
        extra = f" {sorted(config.extra_body.items())}" if config.extra_body else ""
        self.identity = f"openai {base_url} {self.name}{extra}"
        self._endpoint = Endpoint(base_url, _key(config.api_key_env), config.max_bytes)
        self._manners = _Manners()

    async def complete(
        self, messages: Sequence[Message], schema: dict[str, Any] | None, settings: Sampling
    ) -> Completion:
        """One reply; see `LanguageModel`."""
        manners = self._manners
        if schema is None:
            manners = replace(manners, response_format="text")
        while True:
            body = self._body(messages, schema, settings, manners)
            try:
                reply = await self._insist(body, settings.timeout)
            except AttemptFailed as error:
                plainer = manners.plainer(error.said) if error.status in (400, 422) else None
                if plainer is None:
                    raise TeacherUnavailable(error.kind, str(error)) from error
                manners = plainer
            else:
                self._remember(manners, schema)
                return self._completion(reply)

    def _body(
        self, messages: Sequence[Message], schema: dict[str, Any] | None, settings: Sampling, manners: _Manners
    ) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.name,
            "messages": [message.model_dump() for message in messages],
            "temperature": settings.temperature,
            "seed": settings.seed,
            manners.limit: settings.max_tokens,
        }
        if schema is not None and manners.response_format == "json_schema":
            form = {"name": "reply", "strict": True, "schema": strict_schema(schema)}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        elif manners.response_format == "json_object":
            body["response_format"] = {"type": "json_object"}
        kept = {name: value for name, value in body.items() if value is not None and name not in manners.omitted}
        return kept | self._config.extra_body

    async def _insist(self, body: dict[str, Any], timeout: float) -> Reply:
        """Raises AttemptFailed after the last attempt."""
        from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt

        retrying = AsyncRetrying(
            stop=stop_after_attempt(self._config.attempts),
            wait=self._wait,
            retry=retry_if_exception(lambda error: isinstance(error, AttemptFailed) and error.again),
            sleep=self._sleep,
            reraise=True,
        )
        return await retrying(self._endpoint.post, body, timeout)

    def _wait(self, state: Any) -> float:
        """Seconds until the next attempt: as many as the server asks for, else doubling, with jitter; bounded."""
        error = state.outcome.exception()
        asked = error.retry_after if isinstance(error, AttemptFailed) else None
        growing = 2.0 ** (state.attempt_number - 1) * self._jitter.uniform(0.5, 1.0)
        return min(self._config.longest_wait, growing if asked is None else asked)

    def _remember(self, manners: _Manners, schema: dict[str, Any] | None) -> None:
        if schema is None:
            manners = replace(manners, response_format=self._manners.response_format)
        self._manners = manners

    def _completion(self, reply: Reply) -> Completion:
        return Completion(
            text=reply.text,
            model=self.name,
            backend="openai",
            tokens_in=reply.tokens_in,
            tokens_out=reply.tokens_out,
            seconds=reply.seconds,
            price=self._config.price.of(reply.tokens_in, reply.tokens_out) if self._config.price else None,
        )


def _key(variable: str | None) -> str | None:
    if variable is None:
        return None
    key = os.environ.get(variable, "").strip()
    if not key:
        raise ValueError(
            f"api_key_env: the environment variable {variable} is not set; set it to the endpoint's key, or say "
            "api_key_env: null for an endpoint that takes none"
        )
    if not key.isascii() or not key.isprintable():
        raise ValueError(f"api_key_env: the environment variable {variable} holds characters that no key has")
    return key
