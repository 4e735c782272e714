"""One request to an OpenAI-compatible endpoint, and every way in which it can fail."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field, ValidationError

from palaestra_teachers.base import TeacherUnavailable

if TYPE_CHECKING:
    import httpx2
    import openai

MAX_MESSAGE = 300
"""Characters that are told of what a server says about an error."""
MAX_TOKENS_COUNTED = 10**9
MIN_SECRET = 8
"""Keys that are shorter are placeholders, not secrets; blotting them out would garble texts."""


class AttemptFailed(TeacherUnavailable):
    """One request failed.

    Attributes:
        status: of the HTTP response; None when there was none.
        again: whether it may work the next time.
        retry_after: seconds that the server asks to wait; None: it did not say.
        said: what the server said about it.
    """

    def __init__(
        self,
        kind: str,
        message: str,
        status: int | None = None,
        again: bool = False,
        retry_after: float | None = None,
        said: str = "",
    ) -> None:
        super().__init__(kind, message)
        self.said = said
        self.status = status
        self.again = again
        self.retry_after = retry_after


@dataclass(frozen=True)
class Reply:
    """What a model said.

    Attributes:
        text: untrusted.
        tokens_in: of the prompt; None: the server did not say.
        tokens_out: of the reply, likewise.
        seconds: how long the request took.
    """

    text: str
    tokens_in: int | None
    tokens_out: int | None
    seconds: float


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message


class _Body(BaseModel):
    """The part of a chat completion that is read."""

    choices: list[_Choice] = Field(min_length=1)
    usage: Any = None


class _TooLargeError(Exception):
    """Raised while a response is being read."""


class Endpoint:
    """An OpenAI-compatible endpoint for chat completions.

    Args:
        base_url: e.g. "https://api.openai.com/v1".
        key: a secret, which no message contains; None: the endpoint takes none.
        max_bytes: the largest response that is read.
    """

    def __init__(self, base_url: str, key: str | None, max_bytes: int) -> None:
        self._base_url = base_url
        self._key = key
        self._max_bytes = max_bytes
        self._tls: Any = None
        for name in ("httpcore2", "openai"):
            # At DEBUG they quote the headers of responses, in which a server may send the key back.
            logging.getLogger(name).setLevel(logging.INFO)

    async def post(self, body: dict[str, Any], timeout: float) -> Reply:
        """Sends one request and reads the reply.

        Args:
            body: of the request, JSON-able.
            timeout: seconds until the whole response must be there.

        Raises:
            AttemptFailed: of the kind refused, timeout, http_429, http_5xx, http_4xx, bad_response or too_large.
        """
        import httpx2
        import openai

        began = time.perf_counter()
        try:
            # A client of its own for each request: an event loop's end leaves no connection behind.
            async with asyncio.timeout(timeout), self._client() as client:
                response = await client.post(
                    "/chat/completions", cast_to=httpx2.Response, body=body, options={"headers": self._headers()}
                )
        except (TimeoutError, openai.APITimeoutError) as error:
            raise AttemptFailed("timeout", f"{self._base_url} gave no reply in {timeout:g} s", again=True) from error
        except _TooLargeError as error:
            raise AttemptFailed("too_large", f"{self._base_url} {error}") from error
        except openai.APIStatusError as error:
            # Not chained: its message quotes the server, which may have sent the key back.
            raise self._status_error(error.response) from None
        except httpx2.InvalidURL as error:
            raise AttemptFailed("refused", f"{self._base_url} is no address: {error}") from error
        except openai.APIConnectionError as error:
            raise self._connection_error(error.__cause__) from error
        return self._read(response.content, time.perf_counter() - began)

    def _client(self) -> openai.AsyncOpenAI:
        import httpx2
        import openai

        if self._tls is None:
            self._tls = httpx2.create_ssl_context()
        http = httpx2.AsyncClient(
            verify=self._tls, timeout=None, follow_redirects=False, event_hooks={"response": [self._bound]}
        )
        return openai.AsyncOpenAI(
            base_url=self._base_url,
            api_key=self._key or "none",
            max_retries=0,
            timeout=None,
            http_client=http,
        )

    def _headers(self) -> dict[str, Any]:
        import openai

        headers: dict[str, Any] = {"Accept-Encoding": "identity"}
        return headers if self._key else headers | {"Authorization": openai.Omit()}

    async def _bound(self, response: httpx2.Response) -> None:
        """Before a response is read: sees to it that no more is read than is allowed."""
        if response.headers.get("content-encoding", "identity").lower() not in ("identity", ""):
            raise _TooLargeError("sent a compressed response, whose size cannot be told, though asked not to")
        response.stream = _bounded(response.stream, self._max_bytes)

    # ------------------------------------------------------------------------------------------ what came back

    def _read(self, content: bytes, seconds: float) -> Reply:
        try:
            body = _Body.model_validate(json.loads(content))
        except RecursionError as error:
            raise AttemptFailed("bad_response", f"{self._base_url} sent JSON that nests too deep") from error
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            message = f"{self._base_url} sent no chat completion: {where}: {first['msg']}"
            raise AttemptFailed("bad_response", message) from error
        except ValueError as error:
            raise AttemptFailed("bad_response", f"{self._base_url} sent no JSON: {error}", again=True) from error
        message = body.choices[0].message
        return Reply(
            text=self._clean(message.content or message.refusal or ""),
            tokens_in=_count(body.usage, "prompt_tokens"),
            tokens_out=_count(body.usage, "completion_tokens"),
            seconds=seconds,
        )

    def _status_error(self, response: httpx2.Response) -> AttemptFailed:
        status = response.status_code
        said = self._clean(_said(response.content))
        if status < 400:
            where = self._clean(response.headers.get("location", "?"))[:MAX_MESSAGE]
            message = f"{self._base_url} redirects to {where}; redirects are not followed: put that into base_url"
            return AttemptFailed("bad_response", message, status)
        message = f"{self._base_url} answered {status}: {said}"
        if status == 429:
            return AttemptFailed("http_429", message, status, again=True, retry_after=_retry_after(response))
        if status >= 500:
            return AttemptFailed("http_5xx", message, status, again=True, retry_after=_retry_after(response))
        return AttemptFailed("http_4xx", message, status, again=status == 408, said=said)

    def _connection_error(self, cause: BaseException | None) -> AttemptFailed:
        import httpx2

        why = f"{type(cause).__name__}: {cause}" if cause else "no reason given"
        message = self._clean(why)[:MAX_MESSAGE]
        if isinstance(cause, httpx2.ConnectError | httpx2.ProxyError):
            return AttemptFailed("refused", f"{self._base_url} cannot be reached ({message})", again=True)
        return AttemptFailed("bad_response", f"{self._base_url} broke off ({message})", again=True)

    def _clean(self, text: str) -> str:
        """Storable (no lone surrogates), and without the key, which a server may send back."""
        text = text.encode("utf-8", "replace").decode()
        if self._key and len(self._key) >= MIN_SECRET:
            text = text.replace(self._key, "***")
        return text


def _bounded(stream: Any, max_bytes: int) -> httpx2.AsyncByteStream:
    import httpx2

    class Bounded(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            total = 0
            async for part in stream:
                total += len(part)
                if total > max_bytes:
                    raise _TooLargeError(f"sent more than {max_bytes} bytes")
                yield part

        async def aclose(self) -> None:
            await stream.aclose()

    return Bounded()


def _said(content: bytes) -> str:
    """The message in the body of an error, in one line."""
    text = content[:20_000].decode("utf-8", "replace")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = text
    if isinstance(body, dict):
        error = body.get("error", body)
        body = error.get("message", error) if isinstance(error, dict) else error
    return " ".join(str(body).split())[:MAX_MESSAGE] or "nothing"


def _count(usage: Any, name: str) -> int | None:
    number = usage.get(name) if isinstance(usage, dict) else None
    plausible = isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= MAX_TOKENS_COUNTED
    return number if plausible else None


def _retry_after(response: httpx2.Response) -> float | None:
    """Seconds that the server asks to wait, as a number or a date."""
    text = response.headers.get("retry-after", "")
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return max(0.0, seconds) if seconds < float("inf") else None
