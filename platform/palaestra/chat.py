"""Requests and replies of OpenAI's chat API, as far as a palaestra server knows them."""

from __future__ import annotations

import time
import uuid
from typing import Any, Literal

from palaestra_teachers.base import Completion, Message, Sampling
from pydantic import BaseModel, ConfigDict, Field, ValidationError

DEFAULT_TEMPERATURE = 1.0
"""OpenAI's."""
SECONDS_FOR_A_REPLY = 600.0
NOT_DONE = frozenset({
    "n", "stream", "stop", "tools", "functions", "logprobs", "top_p", "presence_penalty", "frequency_penalty",
})  # fmt: skip
"""What would change the reply and is not done here; what a client says when it does not want it is taken."""


class _Part(BaseModel):
    type: Literal["text"]
    text: str


class _ChatMessage(BaseModel):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[_Part]

    def plain(self) -> Message:
        text = self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)
        return Message(role="system" if self.role == "developer" else self.role, content=text)


class _JSONSchema(BaseModel):
    name: str = Field(min_length=1, max_length=64)
    # A pydantic model has a method of that name.
    schema_: dict[str, Any] = Field(alias="schema")


class _ResponseFormat(BaseModel):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: _JSONSchema | None = None

    def schema_of_reply(self) -> dict[str, Any] | None:
        if self.type == "json_schema":
            if self.json_schema is None:
                raise RequestRefused(400, "response_format.json_schema: this field is missing", "response_format")
            return self.json_schema.schema_
        return {"type": "object"} if self.type == "json_object" else None


class ChatRequest(BaseModel):
    """The part of a request that is read."""

    model_config = ConfigDict(allow_inf_nan=False)

    model: str
    messages: list[_ChatMessage] = Field(min_length=1)
    temperature: float | None = Field(default=None, ge=0, le=2)
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    response_format: _ResponseFormat | None = None
    n: Literal[1] | None = None
    stream: Literal[False] | None = None
    stop: None = None
    tools: list[Any] | None = Field(default=None, max_length=0)
    functions: list[Any] | None = Field(default=None, max_length=0)
    logprobs: Literal[False] | None = None
    top_p: Literal[1] | None = None
    presence_penalty: Literal[0] | None = None
    frequency_penalty: Literal[0] | None = None

    @property
    def schema_of_reply(self) -> dict[str, Any] | None:
        """JSON schema of the reply; None: any text."""
        return None if self.response_format is None else self.response_format.schema_of_reply()

    def plain_messages(self) -> list[Message]:
        return [message.plain() for message in self.messages]

    def sampling(self) -> Sampling:
        most = Sampling.model_fields["max_tokens"].default
        asked = self.max_completion_tokens or self.max_tokens or most
        return Sampling(
            temperature=DEFAULT_TEMPERATURE if self.temperature is None else self.temperature,
            max_tokens=min(asked, 32_768),
            seed=self.seed,
            timeout=SECONDS_FOR_A_REPLY,
        )


class RequestRefused(Exception):
    """A request that gets an error instead of a reply.

    Attributes:
        status: of the HTTP response.
        param: the field that is wrong; None: none in particular.
    """

    def __init__(
        self, status: int, message: str, param: str | None = None, kind: str = "invalid_request_error"
    ) -> None:
        super().__init__(message)
        self.status = status
        self.param = param
        self.kind = kind

    def body(self) -> dict[str, Any]:
        """As OpenAI's API words errors."""
        return {"error": {"message": str(self), "type": self.kind, "param": self.param, "code": None}}


def read_request(body: bytes) -> ChatRequest:
    """Raises RequestRefused when it is none."""
    try:
        return ChatRequest.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        param = str(first["loc"][0]) if first["loc"] else None
        unknown = param in NOT_DONE
        where = ".".join(map(str, first["loc"])) or "the body"
        why = f"this server does not do '{param}'; leave it out" if unknown else f"{where}: {first['msg']}"
        raise RequestRefused(400, why, param) from error


def completion_body(completion: Completion, limit: int | None) -> dict[str, Any]:
    """A reply; without `usage` where the model counts no tokens.

    Args:
        completion: what the model said.
        limit: tokens it was allowed; None: its reply always ends by itself.
    """
    cut = limit is not None and completion.tokens_out is not None and completion.tokens_out >= limit
    body: dict[str, Any] = {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": completion.model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": completion.text, "refusal": None},
                "finish_reason": "length" if cut else "stop",
                "logprobs": None,
            }
        ],
    }
    counted = completion.tokens_in, completion.tokens_out
    if counted[0] is not None and counted[1] is not None:
        body["usage"] = {
            "prompt_tokens": counted[0],
            "completion_tokens": counted[1],
            "total_tokens": counted[0] + counted[1],
        }
    return body


def models_body(name: str, created: int) -> dict[str, Any]:
    """The list of models, which is of one."""
    return {"object": "list", "data": [model_body(name, created)]}


def model_body(name: str, created: int) -> dict[str, Any]:
    """One model."""
    return {"id": name, "object": "model", "created": created, "owned_by": "palaestra"}
