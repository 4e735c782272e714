"""An HTTP server that puts a language model of Palaestra's behind OpenAI's chat API, for any client of that API.

It is for trying things out on one machine or network: no TLS, no streaming, one reply to a request.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote, urlsplit

from palaestra_teachers.base import Completion, LanguageModel, TeacherUnavailable

from palaestra.chat import RequestRefused, completion_body, model_body, models_body, read_request
from palaestra.http_server import Server

MAX_BODY = 4 * 2**20
"""Bytes of the largest request that is read."""
MAX_DISCARDED = 64 * 2**20
"""Bytes of a larger one that are let in, unread, so that its sender hears why it is refused."""
SECONDS_OF_SILENCE = 60.0
"""A client that sends nothing for so long is left."""
_STATUS = {"prompt_too_long": 400, "bad_schema": 400, "timeout": 504, "http_429": 429, "budget": 429}
"""HTTP status of a model's failures by their kind; of all others 502."""


class TeacherServer(Server):
    """Serves one language model at `/v1/chat/completions` and `/v1/models`; `serve_forever` until `shutdown`.

    Args:
        model: answers; all its calls run in one event loop, whatever threads the requests are read in.
        host: to listen at; "127.0.0.1" is reached from this machine alone.
        port: 0: any that is free.
        key: what clients have to send as `Authorization: Bearer <key>`; None: nothing.
        tell: gets a line about each request, which holds nothing of what was said.

    Raises:
        OSError: it cannot listen there.
    """

    request_queue_size = 128

    def __init__(
        self,
        model: LanguageModel,
        host: str,
        port: int,
        key: str | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self.model = model
        self.created = int(time.time())
        self._tell = tell
        self._key = key
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="model", daemon=True)
        # Closes itself when it cannot listen.
        super().__init__((host, port), _Handler)
        self._thread.start()

    @property
    def url(self) -> str:
        """What clients call the base URL."""
        host, port = self.server_address[:2]
        host = "127.0.0.1" if host in ("0.0.0.0", "::") else host
        return f"http://{host!s}:{port}/v1"

    def allows(self, authorization: str | None) -> bool:
        """Whether a request with this header may be answered."""
        if self._key is None:
            return True
        given = (authorization or "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode("utf-8", "replace"), self._key.encode())

    def tell(self, line: str) -> None:
        """Passes a line on, without characters that could steer a terminal."""
        if self._tell:
            self._tell("".join(letter if letter.isprintable() else "?" for letter in line))

    def run(self, call: Coroutine[Any, Any, Completion]) -> Completion:
        """The result of a call of the model, which runs in the model's event loop."""
        return asyncio.run_coroutine_threadsafe(call, self._loop).result()

    def server_close(self) -> None:
        """Listens no more, and drops replies that are under way."""
        super().server_close()
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(_cancel_all(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "palaestra"
    sys_version = ""
    timeout = SECONDS_OF_SILENCE
    server: TeacherServer  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def _answer(self, work: Callable[[str], dict[str, Any]]) -> None:
        began = time.perf_counter()
        try:
            path = unquote(urlsplit(self.path).path).rstrip("/")
            if not self.server.allows(self.headers.get("authorization")):
                raise RequestRefused(401, "the key is missing or wrong: send Authorization: Bearer <key>")
            status, body = 200, work(path)
        except RequestRefused as error:
            status, body = error.status, error.body()
            # What is left of the request's body would be taken for the next request.
            self.close_connection = self.command == "POST"
        self._send(status, body)
        self.server.tell(f"{self.command} {self.path} {status} {time.perf_counter() - began:.2f} s")

    def _get(self, path: str) -> dict[str, Any]:
        name, created = self.server.model.name, self.server.created
        if path == "/v1/models":
            return models_body(name, created)
        if path == f"/v1/models/{name}":
            return model_body(name, created)
        raise self._not_found(path)

    def _post(self, path: str) -> dict[str, Any]:
        body = self._body()
        if path != "/v1/chat/completions":
            raise self._not_found(path)
        request = read_request(body)
        if request.model != self.server.model.name:
            message = f"there is no model '{request.model}' here, but '{self.server.model.name}'"
            raise RequestRefused(404, message, "model")
        schema, sampling = request.schema_of_reply, request.sampling()
        try:
            completion = self.server.run(self.server.model.complete(request.plain_messages(), schema, sampling))
        except TeacherUnavailable as error:
            raise RequestRefused(_STATUS.get(error.kind, 502), str(error), kind=error.kind) from error
        except CancelledError as error:
            raise RequestRefused(503, "the server was stopped", kind="server_error") from error
        return completion_body(completion, limit=sampling.max_tokens if schema is None else None)

    def _body(self) -> bytes:
        length = self.headers.get("content-length", "")
        if not (length.isascii() and length.isdigit()):
            raise RequestRefused(411, "the request has no Content-Length")
        if int(length) > MAX_BODY:
            self._discard(min(int(length), MAX_DISCARDED))
            raise RequestRefused(413, f"the request's body has {int(length)} bytes; {MAX_BODY} is the most")
        return self.rfile.read(int(length))

    def _discard(self, bytes_left: int) -> None:
        while bytes_left > 0 and (part := self.rfile.read(min(bytes_left, 65_536))):
            bytes_left -= len(part)

    def _not_found(self, path: str) -> RequestRefused:
        return RequestRefused(404, f"there is nothing at {path or '/'}; there are /v1/chat/completions and /v1/models")

    def _send(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the standard library finds wrong with a request, in the form of the other errors."""
        self.close_connection = True
        self._send(int(code), RequestRefused(int(code), message or self.responses[int(code)][0]).body())

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are told by `_answer`."""


async def _cancel_all() -> None:
    calls = asyncio.all_tasks() - {asyncio.current_task()}
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
