"""The program's side of the bridge: commands for the server's mod, which asks for them over HTTP on localhost.

The mod asks, and not this process, because the engine's HTTP client is the one connection that a mod may open without
leaving the engine's sandbox, and works beside the world's clock.
"""

from __future__ import annotations

import hmac
import json
import queue
import secrets
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from palaestra_worlds.luanti.errors import LuantiError, ModMismatch, ServerGone, WrongToken
from palaestra_worlds.luanti.server import Server
from palaestra_worlds.luanti.settings import LuantiSettings

PROTOCOL = 1
"""What the mod says when it comes; the same number is in the mod's init.lua."""
LONG_POLL = 5.0
"""Seconds that the mod is kept waiting for a command."""
BEGINNING = 60.0
"""Seconds that the server may take to come."""
MOST_BYTES = 64 << 20
Result = Mapping[str, Any]


class Bridge:
    """A game server and the way to its mod.

    Args:
        settings: of the world.
        seed: of the map.
        token: that the mod must show; None: one made up for this session.

    Raises:
        LuantiError: the server cannot be started, or its mod does not come.
    """

    def __init__(self, settings: LuantiSettings, seed: int, token: str | None = None) -> None:
        self.token = secrets.token_urlsafe(24)
        self.refused = 0
        """Requests with another token."""
        self._pending: tuple[int, bytes] | None = None
        self._is_pending = threading.Condition()
        self._results: queue.Queue[dict[str, Any]] = queue.Queue()
        self._number = 0
        self._closing = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.1,), daemon=True)
        self._thread.start()
        url = f"http://127.0.0.1:{self._http.server_address[1]}/"
        try:
            self.server = Server(settings, seed, url, self.token if token is None else token)
        except LuantiError:
            self._stop_listening()
            raise
        try:
            hello = self._wait(BEGINNING)
            if hello.get("protocol") != PROTOCOL:
                raise ModMismatch(
                    f"the server's mod speaks version {hello.get('protocol')} of the bridge, and this is version "
                    f"{PROTOCOL}: install palaestra anew"
                )
        except BaseException:
            # Ctrl-C while the server comes up: nothing must stay behind.
            self.close()
            raise

    def close(self) -> None:
        """Ends the server."""
        self._stop_listening()
        self.server.stop()

    def call(self, do: str, seconds: float = 60.0, **arguments: Any) -> Result:
        """Has the mod carry out a command, and waits for it.

        Args:
            do: its name.
            seconds: after which nobody is believed to answer any more.
            arguments: of the command, JSON-able.

        Raises:
            ServerGone: the server has ended, or does not answer.
        """
        if self._closing.is_set():
            raise ServerGone("the game server has been stopped; reset begins anew")
        self._number += 1
        with self._is_pending:
            self._pending = self._number, json.dumps({"id": self._number, "do": do, **arguments}).encode()
            self._is_pending.notify_all()
        while True:
            result = self._wait(seconds)
            if result.get("error") == "crashed":
                raise ServerGone(f"the mod failed at {do}: {result.get('why')}")
            if result.get("id") == self._number:
                return result

    def _wait(self, seconds: float) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while True:
            try:
                return self._results.get(timeout=0.1)
            except queue.Empty:
                if not self.server.is_running:
                    self._check_token()
                    raise self.server.how_it_ended() from None
                if time.monotonic() > end:
                    self._check_token()
                    raise ServerGone(
                        f"the game server did not answer for {seconds:g} s; reset begins anew. Its last lines:\n"
                        f"{self.server.last_lines()}"
                    ) from None

    def _check_token(self) -> None:
        if self.refused:
            raise WrongToken(
                "the server's mod came with another token than this session's, and was refused; is another session's "
                "server asking? reset begins anew"
            )

    def _stop_listening(self) -> None:
        if not self._closing.is_set():
            self._closing.set()
            self._http.shutdown()
            self._http.server_close()

    # ------------------------------------------------------------------------------------------ asked by the mod

    def knows(self, header: str | None) -> bool:
        """Whether a request shows the token."""
        return hmac.compare_digest((header or "").encode(), f"Bearer {self.token}".encode())

    def exchange(self, body: bytes) -> bytes:
        """Takes what became of the last command; gives the next, or nothing if there is none for a while.

        A command is given again until its result comes: a request may be lost, and the mod carries out nothing twice.

        Raises:
            ValueError: the body is no JSON object.
        """
        result = json.loads(body)
        if not isinstance(result, dict):
            raise ValueError("the body must be a JSON object")
        with self._is_pending:
            if "protocol" in result:
                self._results.put(result)
            elif self._pending is not None and result.get("id") == self._pending[0]:
                self._pending = None
                self._results.put(result)
            end = time.monotonic() + LONG_POLL
            while self._pending is None and not self._closing.is_set() and (left := end - time.monotonic()) > 0:
                self._is_pending.wait(min(left, 0.5))
            return b"" if self._pending is None else self._pending[1]


def _handler(bridge: Bridge) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            if not bridge.knows(self.headers.get("Authorization")) or not 0 <= length <= MOST_BYTES:
                bridge.refused += 1
                self.close_connection = True
                self._reply(403, b"")
                return
            try:
                reply = bridge.exchange(self.rfile.read(length))
            except ValueError:
                self._reply(400, b"")
                return
            with suppress(ConnectionError):
                self._reply(200, reply)

        def _reply(self, code: int, content: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is written to the terminal."""

    return Handler
