"""The server of `palaestra serve-teacher`, on a real socket: OpenAI's client, our own backend, and a whole run."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import openai
import palaestra_worlds
import pytest
from palaestra.ledger import StoreLedger
from palaestra.serve import MAX_BODY, TeacherServer
from palaestra.store import Store
from palaestra_teachers.base import Completion, LanguageModel, LessonRequest, Message, Sampling, TeacherUnavailable
from palaestra_teachers.llm.build import build_model
from palaestra_teachers.llm.untrained import make_untrained_model
from palaestra_teachers.subgoals.teacher import SubgoalTeacher
from palaestra_worlds.base import World
from pydantic import BaseModel

WORLD = "MiniGrid-DoorKey-5x5-v0"
KEY = "sk-very-secret-0123456789"
CHAT = "/v1/chat/completions"
HELLO = {"model": "scripted", "messages": [{"role": "user", "content": "Hello."}]}


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@contextmanager
def serving(model: LanguageModel, key: str | None = None) -> Iterator[TeacherServer]:
    with TeacherServer(model, "127.0.0.1", 0, key) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def server() -> Iterator[TeacherServer]:
    with serving(build_model({"backend": "scripted"})) as server:
        yield server


@pytest.fixture(scope="module")
def world() -> World:
    return palaestra_worlds.make(WORLD)


def through(server: TeacherServer, **settings: Any) -> LanguageModel:
    """The server's model, as a spec with the backend `openai` has it."""
    return build_model(
        {"backend": "openai", "base_url": server.url, "model": server.model.name, "api_key_env": None} | settings
    )


def send(server: TeacherServer, content: bytes, path: str = CHAT, method: str = "POST", **headers: str) -> Any:
    """Status and parsed body of the answer."""
    connection = HTTPConnection("127.0.0.1", server.server_address[1], timeout=20)
    connection.request(method, path, content, {"content-type": "application/json"} | headers)
    response = connection.getresponse()
    answer = response.status, json.loads(response.read())
    connection.close()
    return answer


# ---------------------------------------------------------------------------------------------- clients


def test_the_official_client_gets_models_and_replies(server: TeacherServer, world: World) -> None:
    client = openai.OpenAI(base_url=server.url, api_key="unused", max_retries=0)
    assert [model.id for model in client.models.list()] == ["scripted"]
    assert client.models.retrieve("scripted").owned_by == "palaestra"
    world.reset(seed=[3])
    found = client.chat.completions.create(
        model="scripted",
        messages=[
            {"role": "developer", "content": "Break the mission down."},
            {"role": "user", "content": [{"type": "text", "text": world.describe(0)}]},
        ],
        response_format={"type": "json_schema", "json_schema": {"name": "reply", "schema": position_schema(world)}},
        temperature=0.0,
        max_completion_tokens=500,
        seed=1,
    )
    assert found.choices[0].finish_reason == "stop"
    assert found.usage is None
    assert json.loads(found.choices[0].message.content or "")["subgoals"]


def position_schema(world: World) -> dict[str, Any]:
    from palaestra_teachers.subgoals.schema import reply_model

    return reply_model(world.task_space, "position").model_json_schema()


def test_errors_are_those_of_the_official_client(server: TeacherServer) -> None:
    client = openai.OpenAI(base_url=server.url, api_key="unused", max_retries=0)
    with pytest.raises(openai.NotFoundError, match="there is no model 'gpt-5' here, but 'scripted'"):
        client.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": "Hello."}])
    with pytest.raises(openai.BadRequestError, match="does not do 'stream'"):
        client.chat.completions.create(model="scripted", messages=[{"role": "user", "content": "Hello."}], stream=True)


def lessons(model: LanguageModel, world: World, folder: Path, form: str, levels: Sequence[int]) -> list[Any]:
    config = SubgoalTeacher.Config.model_validate({"form": form})
    found = []
    with Store(folder / "run.sqlite") as store:
        teacher = SubgoalTeacher(config, model, world, StoreLedger(store, "teacher"))
        for level in levels:
            observations, _ = world.reset(seed=[level])
            request = LessonRequest(
                world_id=WORLD, level_seed=level, mission=str(observations["mission"][0]), description=world.describe(0)
            )
            found.append(asyncio.run(teacher.propose(request)).task)
    return found


@pytest.mark.parametrize("form", ["position", "object", "language"])
def test_a_scripted_teacher_gives_the_same_lessons_through_the_server(
    server: TeacherServer, world: World, tmp_path: Path, form: str
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    here = lessons(server.model, world, tmp_path / "here", form, range(6))
    assert lessons(through(server), world, tmp_path / "there", form, range(6)) == here


def test_a_local_model_says_the_same_through_the_server_and_counts_its_tokens(world: World, tmp_path: Path) -> None:
    model = build_model({"backend": "local", "folder": str(make_untrained_model(tmp_path / "m")), "device": "cpu"})
    question = (
        (Message(role="user", content="A level."),),
        position_schema(world),
        Sampling(temperature=1, max_tokens=40),
    )
    here = asyncio.run(model.complete(*question))
    with serving(model) as server:
        there = asyncio.run(through(server).complete(*question))
        assert (there.text, there.tokens_in, there.tokens_out) == (here.text, here.tokens_in, here.tokens_out)
        assert send(server, json.dumps(HELLO | {"model": "m", "max_tokens": 3}).encode())[1]["choices"][0][
            "finish_reason"
        ] == ("length")


# ---------------------------------------------------------------------------------------------- refusals


def chat(**changes: Any) -> bytes:
    return json.dumps(HELLO | changes).encode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the body: Invalid JSON"),
        (b"{", "the body: Invalid JSON"),
        (b"\xff", "the body: Invalid JSON"),
        (b"[" * 100_000, "the body: Invalid JSON"),
        (b"[]", "the body: Input should be an object"),
        (b"{}", "model: Field required"),
        (chat(messages=[]), "messages"),
        (chat(messages=[{"role": "tool", "content": "x"}]), r"messages\.0\.role"),
        (chat(messages=[{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}]), "messages"),
        (chat(messages=[{"role": "user", "content": "\ud800"}]), "Invalid JSON"),
        (chat(temperature=3), "temperature"),
        (b'{"model": "scripted", "messages": [{"role": "user", "content": "x"}], "temperature": NaN}', "temperature"),
        (chat(max_tokens=0), "max_tokens"),
        (chat(n=2), "does not do 'n'"),
        (chat(tools=[{"type": "function"}]), "does not do 'tools'"),
        (chat(response_format={"type": "json_schema"}), "json_schema: this field is missing"),
        (chat(response_format={"type": "grammar"}), "response_format"),
    ],
)
def test_a_bad_body_is_refused_with_what_is_wrong(server: TeacherServer, content: bytes, message: str) -> None:
    status, body = send(server, content)
    assert status == 400
    assert re.search(message, body["error"]["message"])
    assert body["error"]["type"] == "invalid_request_error"


def test_other_refusals_are_json_too(server: TeacherServer) -> None:
    assert send(server, b" " * (MAX_BODY + 1))[0] == 413
    assert send(server, chat(), path="/v1/embeddings")[0] == 404
    assert send(server, b"", path="/", method="GET")[0] == 404
    assert send(server, b"", path="/v1/models", method="DELETE")[0] == 501
    assert send(server, chat(), **{"content-length": "many"})[0] == 411
    assert send(server, chat())[0] == 200


def test_a_key_is_asked_for_and_told_to_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PALAESTRA_TEST_KEY", KEY)
    question = (Message(role="user", content="Hello."),), None, Sampling()
    with serving(build_model({"backend": "scripted"}), KEY) as server:
        for header in ("", "Bearer ", "Bearer wrong", KEY[:-1], "Bearer \xe9"):
            status, body = send(server, chat(), authorization=header)
            assert status == 401
            assert KEY not in str(body)
        assert asyncio.run(through(server, api_key_env="PALAESTRA_TEST_KEY").complete(*question)).text
        with pytest.raises(TeacherUnavailable, match="the key is missing or wrong"):
            asyncio.run(through(server).complete(*question))


class Unavailable:
    """A model that never answers."""

    Config = BaseModel
    name = identity = "unavailable"

    async def complete(
        self, messages: Sequence[Message], schema: dict[str, Any] | None, settings: Sampling
    ) -> Completion:
        kind, _, message = messages[0].content.partition(" ")
        raise TeacherUnavailable(kind, message)


@pytest.mark.parametrize(
    ("kind", "status"), [("timeout", 504), ("prompt_too_long", 400), ("out_of_memory", 502), ("budget", 429)]
)
def test_a_model_that_fails_is_an_error_with_its_message(kind: str, status: int) -> None:
    with serving(Unavailable()) as server:
        found, body = send(server, chat(model="unavailable", messages=[{"role": "user", "content": f"{kind} why not"}]))
    assert found == status
    assert body["error"] == {"message": "why not", "type": kind, "param": None, "code": None}


# ---------------------------------------------------------------------------------------------- the command


SPEC = """\
name: served
world: {{id: MiniGrid-DoorKey-5x5-v0, num_envs: 8, max_steps: 30}}
agent: {{rollout_length: 32}}
budget: {{steps: 512}}
evaluation: {{every: 256, episodes: 8}}
levels: 4
arms:
  direct: {{teacher: {{kind: subgoals}}}}
  served:
    {teacher}
"""


def test_a_run_that_is_taught_through_the_command_learns_as_if_taught_directly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Callable[..., Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    command = [sys.executable, "-m", "palaestra", "serve-teacher", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(6)]
        (tmp_path / "served.yaml").write_text(SPEC.format(teacher="    ".join(said[2:5])))
        done = cli("run", "served.yaml", "--jobs", 1, "--quiet")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert done.code == 0, done
    assert (process.returncode, err) == (0, "")
    assert len(re.findall(rf"^POST {CHAT} 200 \d+\.\d\d s$", out, re.MULTILINE)) == 4
    assert out.endswith("Ended.\n")
    folder = next((tmp_path / "runs").iterdir())
    with Store(folder / "run.sqlite", read_only=True) as store:
        query = (
            "SELECT step, mode, success, return_mean FROM evaluations JOIN trials ON trials.id = trial "
            "WHERE arm = ? ORDER BY step, mode"
        )
        direct, served = (store.query(query, (arm,)) for arm in ("direct", "served"))
        backends = store.query("SELECT backend, origin, count(*) FROM calls GROUP BY backend, origin")
    assert [tuple(row) for row in direct] == [tuple(row) for row in served]
    assert {tuple(row) for row in backends} == {("openai", "live", 4), ("scripted", "live", 4)}


def test_what_cannot_be_served_is_one_line(cli: Callable[..., Any], server: TeacherServer) -> None:
    assert "'nobody'" in cli("serve-teacher", "--backend", "nobody").error
    assert "folder" in cli("serve-teacher", "--backend", "local").error
    assert "no such setting" in cli("serve-teacher", "--set", "speed=3").error
    assert "cannot listen" in cli("serve-teacher", "--port", server.server_address[1]).error
    assert "UNSET_KEY is not set" in cli("serve-teacher", "--api-key-env", "UNSET_KEY").error
