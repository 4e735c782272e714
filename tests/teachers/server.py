"""A server on a real socket that plays a language model's endpoint, well-behaved or not."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Play = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Plays the next act of the server's script; the last one is played again and again."""

    protocol_version = "HTTP/1.1"
    server: ScriptedServer  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        self.body: dict[str, Any] = json.loads(self.rfile.read(length))
        with self.server.lock:
            self.server.bodies.append(self.body)
            self.server.keys.append(self.headers.get("authorization"))
            acts = self.server.acts
            act = acts.pop(0) if len(acts) > 1 else acts[0]
        act(self)

    def send(
        self, status: int, content: bytes, headers: dict[str, str] | None = None, length: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in ({"content-type": "application/json"} | (headers or {})).items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content) if length is None else length))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class ScriptedServer(ThreadingHTTPServer):
    """Listens on a free port of this machine.

    Attributes:
        acts: what to do with the requests to come.
        bodies: of the requests so far.
        keys: their Authorization headers.
    """

    daemon_threads = True
    # Connections that wait to be taken: the default, 5, has the kernel reset some of many that come at once.
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.acts: list[Play] = []
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is part of the play."""


# ---------------------------------------------------------------------------------------------- acts


def completion(text: Any, usage: Any = None) -> bytes:
    """The body of a chat completion."""
    usage = {"prompt_tokens": 1000, "completion_tokens": 50} if usage is None else usage
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}], "usage": usage}).encode()


def say(text: Any, usage: Any = None) -> Play:
    return lambda handler: handler.send(200, completion(text, usage))


def raw(content: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Play:
    return lambda handler: handler.send(status, content, headers)


def fail(status: int, message: str = "no", headers: dict[str, str] | None = None) -> Play:
    return raw(json.dumps({"error": {"message": message}}).encode(), status, headers)


def hang(handler: Handler) -> None:
    handler.server.closing.wait(30)


def trickle(handler: Handler) -> None:
    """Sends a byte now and then, which a limit on silence alone would never end."""
    handler.send(200, b"", length=1_000_000)
    while not handler.server.closing.wait(0.02):
        try:
            handler.wfile.write(b" ")
        except OSError:
            return


def cut(handler: Handler) -> None:
    """Promises more than it sends."""
    handler.send(200, completion("{}")[:20], length=5000)
    handler.close_connection = True


def flood(handler: Handler) -> None:
    """Never stops sending."""
    handler.send(200, b"", length=10**12)
    try:
        while not handler.server.closing.is_set():
            handler.wfile.write(b" " * 65536)
    except OSError:
        return


def needs(accepts: Callable[[dict[str, Any]], str], text: str) -> Play:
    """Answers 400 with what `accepts` finds wrong with the request's body, if it does."""

    def act(handler: Handler) -> None:
        complaint = accepts(handler.body)
        (fail(400, complaint) if complaint else say(text))(handler)

    return act


def unused_url() -> str:
    """An address at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/v1"


@contextmanager
def serving(server: ScriptedServer | None = None) -> Iterator[ScriptedServer]:
    """A server, a new one unless given, that plays in a thread of its own until the block is left."""
    server = server or ScriptedServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
