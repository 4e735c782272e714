"""A key appears nowhere: not in the run folder, what is printed, the report, or a message, whatever the server does."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from palaestra_teachers.base import Message, Sampling
from palaestra_teachers.llm.scripted import ScriptedConfig, ScriptedModel

from ...teachers.server import Handler, ScriptedServer, completion, cut

KEY, VARIABLE = "sk-most-secret-0123456789abcdef", "PALAESTRA_SECRET_KEY"
SPEC = """
name: secret
world: {id: MiniGrid-DoorKey-5x5-v0, num_envs: 8, max_steps: 24}
agent: {network: {kind: mlp, hidden: [16]}, rollout_length: 16, epochs: 1, minibatch_size: 128}
teacher: {kind: subgoals, levels: 4, retries: 1, mode: MODE, cache: CACHE, model: MODEL}
budget: {steps: 256}
evaluation: {every: 100_000, episodes: 8}
"""


def sent(handler: Handler) -> str:
    key = handler.headers["authorization"].removeprefix("Bearer ")
    assert key == KEY
    return key


def answer(handler: Handler) -> None:
    """A usable reply; the key is in everything else that the server sends."""
    key = sent(handler)
    messages = [Message.model_validate(message) for message in handler.body["messages"]]
    schema = handler.body["response_format"]["json_schema"]["schema"]
    reply = asyncio.run(ScriptedModel(ScriptedConfig()).complete(messages, schema, Sampling()))
    body = json.loads(completion(f"{reply.text}\nYour key is {key}.")) | {"id": key, "model": key}
    handler.send(200, json.dumps(body).encode(), {"x-key": key})


def chatter(handler: Handler) -> None:
    """An unusable reply that is quoted to the model again."""
    handler.send(200, completion(f"Authorization: Bearer {sent(handler)}"))


def refuse(handler: Handler) -> None:
    """401, with the key in the message and in the headers."""
    error = {"error": {"message": f"Incorrect API key provided: {sent(handler)}", "code": sent(handler)}}
    handler.send(401, json.dumps(error).encode(), {"www-authenticate": f"Bearer {sent(handler)}"})


def page(handler: Handler) -> None:
    """An HTML error page with the key in it."""
    handler.send(500, f"<html>{sent(handler)}</html>".encode(), {"content-type": "text/html"})


def redirect(handler: Handler) -> None:
    handler.send(307, b"", {"location": f"http://elsewhere.invalid/?key={sent(handler)}"})


def holding_the_key(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]


@pytest.mark.parametrize("act", [answer, chatter, refuse, page, redirect, cut])
def test_the_key_is_in_no_file_and_in_nothing_that_is_printed(
    cli: Callable[..., Any],
    server: ScriptedServer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    act: Callable[[Handler], None],
) -> None:
    monkeypatch.setenv(VARIABLE, KEY)
    caplog.set_level(logging.DEBUG)
    server.acts = [act]
    endpoint = f"{{backend: openai, base_url: '{server.url}', model: m, api_key_env: {VARIABLE}, attempts: 1}}"
    cached = f"{{backend: cache, folder: '{tmp_path / 'replies'}', inner: {endpoint}}}"
    text = SPEC.replace("MODEL", cached).replace("CACHE", str(tmp_path / "answers"))
    spec = tmp_path / "secret.yaml"
    spec.write_text(text.replace("MODE", "ahead"))
    ran = cli("run", spec, "--runs", tmp_path / "runs", "--jobs", 1)
    assert ran.code == 0, ran
    assert server.keys
    [run] = (tmp_path / "runs").iterdir()
    printed = [ran, cli("calls", run), cli("calls", run, "--full"), cli("calls", run, "--json", "--full")]
    monkeypatch.setenv("PALAESTRA_DEBUG", "1")
    printed.append(cli("ask", spec, "--set", "teacher.model.inner.model=another"))
    assert KEY not in "".join(one.out + one.err for one in printed)
    assert KEY not in caplog.text
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"spec.yaml", "run.sqlite", "report.html", "answers.sqlite"} <= {path.name for path in files}
    assert holding_the_key(tmp_path) == []


def test_a_key_in_place_of_its_variable_is_not_quoted(cli: Callable[..., Any], tmp_path: Path) -> None:
    spec = tmp_path / "secret.yaml"
    for model in (
        f"{{backend: openai, model: m, api_key_env: {KEY}}}",
        f"{{backend: route, models: [{{backend: openai, model: m, api_key: {KEY}}}]}}",
        f"{{backend: openai, model: m, base_url: 'http://user:{KEY}@localhost/v1'}}",
    ):
        spec.write_text(SPEC.replace("MODEL", model).replace("CACHE", "null").replace("MODE", "ahead"))
        refused = cli("run", spec, "--runs", tmp_path / "runs")
        assert KEY not in refused.error
    assert not (tmp_path / "runs").exists()
