"""A small web page that shows two clips side by side, for people on this machine only."""

from __future__ import annotations

import hmac
import json
import secrets
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler
from importlib.resources import files
from typing import Any, Literal

from jinja2 import Environment
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from palaestra.http_server import Server
from palaestra.judging.answers import Answer, Answers, AnswersError
from palaestra.judging.clips import Contest

MAX_BODY = 4096
"""Bytes of the largest answer that is read."""
SECONDS_OF_SILENCE = 30.0
LOCAL = "127.0.0.1"
_SECURITY = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class _Reply(BaseModel):
    """What the page sends."""

    model_config = ConfigDict(extra="forbid", strict=True)

    left: int = Field(ge=0)
    right: int = Field(ge=0)
    choice: Literal["left", "right", "equal"]


class Refused(RuntimeError):
    """A request that is not answered.

    Attributes:
        status: of HTTP.
    """

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class JudgeServer(Server):
    """Serves the page at `url` until `shutdown`; clips have numbers there, and no names.

    Args:
        contest: what is asked.
        answers: where they are kept.
        judge: name of who answers.
        port: 0: any that is free.

    Raises:
        OSError: it cannot listen there.
    """

    def __init__(self, contest: Contest, answers: Answers, judge: str, port: int) -> None:
        self.token = secrets.token_urlsafe(16)
        self._clips = contest.clips
        self._keys = list(contest.clips)
        # In an order that says nothing about who is shown.
        secrets.SystemRandom().shuffle(self._keys)
        self._answers, self._schedule, self._judge = answers, contest.schedule, judge
        self._taking_turns = threading.Lock()
        template = files("palaestra.judging").joinpath("templates/judge.html.j2").read_text(encoding="utf-8")
        self.page = Environment(autoescape=True).from_string(template).render(task=contest.task).encode()
        super().__init__((LOCAL, port), _Handler)

    @property
    def url(self) -> str:
        """Where the page is; whoever has it may answer."""
        return f"http://{LOCAL}:{self.server_address[1]}/{self.token}/"

    def clip(self, number: str) -> bytes:
        """Raises Refused where there is none of this number."""
        if not number.isascii() or not number.isdecimal() or len(number) > 9 or int(number) >= len(self._keys):
            raise Refused(404, "There is no such clip.")
        return self._clips[self._keys[int(number)]].film

    def state(self) -> dict[str, Any]:
        """What the page shows next."""
        with self._taking_turns:
            return self._state(self._answers.all())

    def keep(self, body: bytes) -> dict[str, Any]:
        """Keeps an answer, and gives what is shown next.

        Raises:
            Refused: it is not an answer about two clips of one level, or it could not be written.
        """
        try:
            reply = _Reply.model_validate_json(body)
            (left, level), (right, other_level) = (self._keys[k] for k in (reply.left, reply.right))
        except (ValidationError, IndexError) as error:
            raise Refused(400, "This is no answer about two clips.") from error
        if level != other_level or left == right:
            raise Refused(400, "These two clips are no pair.")
        with self._taking_turns:
            try:
                self._answers.add(Answer(self._judge, level, left, right, reply.choice))
            except AnswersError as error:
                raise Refused(507, str(error)) from error
            return self._state(self._answers.all())

    def _state(self, given: Sequence[Answer]) -> dict[str, Any]:
        pair = self._schedule.next(self._judge, given)
        number = {key: k for k, key in enumerate(self._keys)}
        return {
            "pair": pair and {"left": number[pair.left, pair.level], "right": number[pair.right, pair.level]},
            "given": sum(answer.judge == self._judge for answer in given),
            "left_to_do": self._schedule.left_to_do(self._judge, given),
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "palaestra"
    sys_version = ""
    timeout = SECONDS_OF_SILENCE
    server: JudgeServer  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        try:
            path = self._path()
            if path == "":
                self._send(200, "text/html; charset=utf-8", self.server.page)
            elif path == "pair":
                self._send_json(self.server.state())
            elif path.startswith("clip/"):
                self._send(200, "image/webp", self.server.clip(path.removeprefix("clip/")))
            else:
                raise Refused(404, "There is nothing here.")
        except Refused as refused:
            self._send(refused.status, "text/plain; charset=utf-8", str(refused).encode())

    def do_POST(self) -> None:
        try:
            length = self.headers.get("Content-Length", "")
            if not length.isascii() or not length.isdecimal() or int(length) > MAX_BODY:
                self.close_connection = True
                raise Refused(413, "An answer is shorter than that.")
            body = self.rfile.read(int(length))
            if self._path() != "answer" or self.headers.get_content_type() != "application/json":
                raise Refused(404, "There is nothing here.")
            self._send_json(self.server.keep(body))
        except Refused as refused:
            self._send(refused.status, "text/plain; charset=utf-8", str(refused).encode())

    def _path(self) -> str:
        """What is asked for, once the request has shown the token; a page elsewhere cannot have a browser ask."""
        host = self.headers.get("Host", "").rpartition(":")[0]
        _, token, *rest = (*self.path.split("/", 2), "")
        if host not in (LOCAL, "localhost") or not hmac.compare_digest(token.encode(), self.server.token.encode()):
            raise Refused(403, "Open the address that palaestra judge printed.")
        return rest[0]

    def _send_json(self, value: dict[str, Any]) -> None:
        self._send(200, "application/json", json.dumps(value).encode())

    def _send(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": content_type, "Content-Length": str(len(body)), **_SECURITY}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the page says what it did."""
