"""The OpenAI-compatible backend against a real socket: replies, failures, retries, secrets."""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from palaestra_teachers.base import Completion, Message, Sampling, TeacherUnavailable
from palaestra_teachers.llm.openai import OpenAIConfig, OpenAIModel
from pydantic import ValidationError

from .conftest import KEY
from .server import (
    Play,
    ScriptedServer,
    completion,
    cut,
    fail,
    flood,
    hang,
    needs,
    raw,
    say,
    trickle,
    unused_url,
)

Connect = Callable[..., OpenAIModel]
MESSAGES = (Message(role="system", content="Plan."), Message(role="user", content="A level."))
SCHEMA: dict[str, Any] = {
    "$defs": {"Cell": {"type": "object", "properties": {"x": {"type": "integer", "default": 0}}}},
    "type": "object",
    "properties": {"subgoals": {"type": "array", "items": {"$ref": "#/$defs/Cell"}}},
}


def ask(model: OpenAIModel, schema: dict[str, Any] | None = SCHEMA, **sampling: Any) -> Completion:
    return asyncio.run(model.complete(MESSAGES, schema, Sampling.model_validate({"timeout": 10.0} | sampling)))


def failure(model: OpenAIModel, **sampling: Any) -> TeacherUnavailable:
    with pytest.raises(TeacherUnavailable) as caught:
        ask(model, **sampling)
    return caught.value


# ---------------------------------------------------------------------------------------------- replies


def test_reply_comes_with_tokens_and_price(connect: Connect, server: ScriptedServer) -> None:
    reply = ask(connect(say("hello"), price={"input": 2.0, "output": 10.0}), seed=5, temperature=0.3, max_tokens=99)
    assert (reply.text, reply.model, reply.backend, reply.origin) == ("hello", "test-model", "openai", "live")
    assert (reply.tokens_in, reply.tokens_out) == (1000, 50)
    assert reply.price == pytest.approx((1000 * 2.0 + 50 * 10.0) / 1e6)
    body = server.bodies[0]
    assert (body["seed"], body["temperature"], body["max_tokens"]) == (5, 0.3, 99)
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert server.keys == [f"Bearer {KEY}"]


@pytest.mark.parametrize("usage", [{}, [], "many", {"prompt_tokens": -1, "completion_tokens": 2**70}])
def test_unknown_usage_has_no_price(connect: Connect, usage: Any) -> None:
    reply = ask(connect(say("hello", usage), price={"input": 2.0, "output": 10.0}))
    assert (reply.tokens_in, reply.tokens_out, reply.price) == (None, None, None)


def test_without_a_price_table_the_price_is_unknown(connect: Connect) -> None:
    assert ask(connect(say("hello"))).price is None


def test_schema_is_sent_strict_and_without_references(connect: Connect, server: ScriptedServer) -> None:
    ask(connect(say("{}")))
    form = server.bodies[0]["response_format"]
    cell = {
        "type": "object",
        "properties": {"x": {"type": "integer"}},
        "required": ["x"],
        "additionalProperties": False,
    }
    assert form["type"] == "json_schema"
    assert form["json_schema"]["strict"] is True
    assert form["json_schema"]["schema"]["properties"]["subgoals"] == {"type": "array", "items": cell}


def test_endpoint_without_a_key_is_sent_none(connect: Connect, server: ScriptedServer) -> None:
    ask(connect(say("hello"), api_key_env=None))
    assert server.keys == [None]


def test_one_model_serves_several_event_loops_and_many_calls_at_once(connect: Connect, server: ScriptedServer) -> None:
    model = connect(say("hello"))

    async def many() -> list[Completion]:
        return await asyncio.gather(*(model.complete(MESSAGES, SCHEMA, Sampling()) for _ in range(8)))

    for _ in range(2):
        assert [reply.text for reply in asyncio.run(many())] == ["hello"] * 8
    assert len(server.bodies) == 16


def test_empty_and_refused_replies_are_passed_on(connect: Connect) -> None:
    refusal = json.dumps({"choices": [{"message": {"content": None, "refusal": "I will not."}}]}).encode()
    assert ask(connect(say(None))).text == ""
    assert ask(connect(say(""))).text == ""
    assert ask(connect(raw(refusal))).text == "I will not."


def test_text_that_no_database_could_keep_is_made_storable(connect: Connect) -> None:
    body = b'{"choices": [{"message": {"content": "a\\ud800b"}}]}'
    text = ask(connect(raw(body))).text
    assert text.encode().decode() == text
    assert text[0] + text[-1] == "ab"


# ---------------------------------------------------------------------------------------------- failures

FAILURES: dict[str, tuple[Play, str, int]] = {
    "rate limit": (fail(429), "http_429", 3),
    "server error": (fail(500), "http_5xx", 3),
    "bad gateway in HTML": (raw(b"<html>502</html>", 502, {"content-type": "text/html"}), "http_5xx", 3),
    "wrong key": (fail(401), "http_4xx", 1),
    "no such model": (fail(404), "http_4xx", 1),
    "connection cut in the middle": (cut, "bad_response", 3),
    "nothing": (raw(b""), "bad_response", 3),
    "no JSON": (raw(b"hello"), "bad_response", 3),
    "no UTF-8": (raw(b'{"choices": "\xff\xfe"}'), "bad_response", 3),
    "a list": (raw(b"[]"), "bad_response", 1),
    "no choices": (raw(b'{"choices": []}'), "bad_response", 1),
    "wrong types": (raw(b'{"choices": [{"message": {"content": {"a": 1}}}]}'), "bad_response", 1),
    "deep JSON": (raw(b"[" * 100_000), "bad_response", 1),
    "endless": (flood, "too_large", 1),
    "compressed": (raw(b"\x1f\x8b", headers={"content-encoding": "gzip"}), "too_large", 1),
    "large error": (raw(b"x" * 3_000_000, 500), "too_large", 1),
    "redirect": (raw(b"", 307, {"location": "http://elsewhere.invalid/v1"}), "bad_response", 1),
}


@pytest.mark.parametrize("name", FAILURES)
def test_every_failure_is_a_counted_kind(
    connect: Connect, server: ScriptedServer, waits: list[float], name: str
) -> None:
    act, kind, attempts = FAILURES[name]
    error = failure(connect(act, attempts=3))
    assert error.kind == kind
    assert server.url in str(error)
    assert len(str(error)) < 600
    assert len(server.bodies) == attempts
    assert len(waits) == attempts - 1


def test_nobody_listens(connect: Connect, waits: list[float]) -> None:
    error = failure(connect(say("unheard"), base_url=unused_url(), attempts=3))
    assert error.kind == "refused"
    assert len(waits) == 2


def test_a_server_that_cannot_do_tls(connect: Connect, server: ScriptedServer) -> None:
    address = server.url.replace("http:", "https:")
    assert failure(connect(say("unheard"), base_url=address, attempts=1)).kind == "refused"


@pytest.mark.parametrize("act", [hang, trickle])
def test_a_reply_that_does_not_end_in_time_is_a_timeout(connect: Connect, server: ScriptedServer, act: Play) -> None:
    error = failure(connect(act, attempts=2), timeout=0.3)
    assert (error.kind, len(server.bodies)) == ("timeout", 2)


def test_redirects_are_not_followed(connect: Connect, server: ScriptedServer) -> None:
    elsewhere = raw(b"", 307, {"location": f"{server.url}/elsewhere"})
    error = failure(connect(elsewhere, say("not reached")))
    assert "elsewhere" in str(error)
    assert len(server.bodies) == 1


# ---------------------------------------------------------------------------------------------- retries


def test_waits_as_long_as_the_server_asks_but_within_bounds(connect: Connect, waits: list[float]) -> None:
    acts = [fail(429, headers={"retry-after": text}) for text in ("7", "100000", "-5", "nan", "soon")]
    reply = ask(connect(*acts, say("hello"), attempts=6, longest_wait=20.0))
    assert reply.text == "hello"
    assert waits[:3] == [7.0, 20.0, 0.0]
    assert all(0 < wait <= 20.0 for wait in waits[3:])


def test_retry_after_may_be_a_date(connect: Connect, waits: list[float]) -> None:
    act = fail(503, headers={"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"})
    assert ask(connect(act, say("hello"))).text == "hello"
    assert waits == [0.0]


def test_waits_grow(connect: Connect, waits: list[float]) -> None:
    failure(connect(fail(500), attempts=8, longest_wait=30.0))
    assert all(2.0**k / 2 <= wait <= 2.0**k for k, wait in enumerate(waits[:5]))
    assert waits[6:] == [30.0]


def test_one_attempt_is_one_attempt(connect: Connect, server: ScriptedServer) -> None:
    failure(connect(fail(500), attempts=1))
    assert len(server.bodies) == 1


# ---------------------------------------------------------------------------------------------- what a server takes


def format_of(body: dict[str, Any]) -> str:
    return body.get("response_format", {}).get("type", "text")


@pytest.mark.parametrize(
    ("known", "tried"),
    [(("json_object", "text"), ["json_schema", "json_object"]), (("text",), ["json_schema", "json_object", "text"])],
)
def test_refused_response_format_is_found_out_once(
    connect: Connect, server: ScriptedServer, known: tuple[str, ...], tried: list[str]
) -> None:
    act = needs(lambda body: "" if format_of(body) in known else "response_format is not supported", "{}")
    model = connect(act)
    assert [ask(model).text, ask(model).text] == ["{}", "{}"]
    assert [format_of(body) for body in server.bodies] == [*tried, tried[-1]]


def test_refused_parameters_are_left_out(connect: Connect, server: ScriptedServer) -> None:
    def accepts(body: dict[str, Any]) -> str:
        if "max_tokens" in body:
            return "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
        return "'temperature' does not support 0.0" if "temperature" in body else ""

    model = connect(needs(accepts, "{}"))
    ask(model, max_tokens=77)
    ask(model, max_tokens=77)
    assert len(server.bodies) == 4
    assert server.bodies[-1]["max_completion_tokens"] == 77
    assert format_of(server.bodies[-1]) == "json_schema"


def test_request_that_is_wrong_in_any_form_changes_nothing(connect: Connect, server: ScriptedServer) -> None:
    model = connect(fail(400, "the prompt is too long"))
    assert failure(model).kind == "http_4xx"
    assert len(server.bodies) == 3
    server.acts = [say("{}")]
    ask(model)
    assert format_of(server.bodies[-1]) == "json_schema"


def test_without_a_schema_no_format_is_asked_for(connect: Connect, server: ScriptedServer) -> None:
    model = connect(say("hello"))
    ask(model, schema=None)
    ask(model)
    assert [format_of(body) for body in server.bodies] == ["text", "json_schema"]


# ---------------------------------------------------------------------------------------------- secrets and settings


def echo(handler: Any) -> None:
    """Sends the key back, as text and as an error."""
    key = handler.headers["authorization"]
    status = 401 if "error" in handler.body["messages"][-1]["content"] else 200
    handler.send(status, completion(key) if status == 200 else json.dumps({"error": {"message": key}}).encode())


def test_the_key_appears_nowhere(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    model = connect(echo)
    texts = [repr(model), str(vars(model)), model.identity, model.name, ask(model).model_dump_json()]
    for messages in ((Message(role="user", content="error"),),):
        with pytest.raises(TeacherUnavailable) as caught:
            asyncio.run(model.complete(messages, None, Sampling()))
        texts += [str(caught.value), repr(caught.value), *traceback.format_exception(caught.value)]
    broken = connect(cut, attempts=1)
    texts += traceback.format_exception(failure(broken))
    texts.append(caplog.text)
    assert caplog.text
    assert KEY not in "\n".join(texts)


def test_model_and_address_may_come_from_the_environment(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.acts = [say("hello")]
    monkeypatch.setenv("OPENAI_BASE_URL", server.url + "/")
    monkeypatch.setenv("OPENAI_MODEL", "from-environment")
    model = OpenAIModel(OpenAIConfig(api_key_env=None))
    assert ask(model).model == "from-environment"
    assert server.bodies[0]["model"] == "from-environment"


def test_missing_name_or_key_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_MODEL", raising=False)
    monkeypatch.delenv("NO_KEY_HERE", raising=False)
    with pytest.raises(ValueError, match="OPENAI_MODEL"):
        OpenAIModel(OpenAIConfig(api_key_env=None))
    with pytest.raises(ValueError, match="NO_KEY_HERE is not set"):
        OpenAIModel(OpenAIConfig(model="m", api_key_env="NO_KEY_HERE"))


def test_key_that_no_header_can_carry_is_refused_without_being_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODD_KEY", "sk-sé\ncret")
    with pytest.raises(ValueError, match="ODD_KEY holds characters") as caught:
        OpenAIModel(OpenAIConfig(model="m", api_key_env="ODD_KEY"))
    assert "cret" not in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"base_url": "localhost:8000"},
        {"base_url": "ftp://localhost"},
        {"base_url": "http://"},
        {"base_url": "http://[::1"},
        {"base_url": "http://localhost:99999"},
        {"base_url": "http://user:secret-word@localhost/v1"},
        {"base_url": "http://localhost/v1?key=secret-word"},
        {"api_key_env": "sk-secret-word"},
        {"api_key_env": "secretword"},
        {"attempts": 0},
        {"price": {"input": -1, "output": 0}},
        {"tokens": 5},
    ],
)
def test_wrong_settings_are_refused_without_quoting_secrets(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        OpenAIConfig(model="m", **settings)
    assert "secret" not in str(caught.value)


def test_address_with_an_impossible_host_is_a_failure_not_a_crash(connect: Connect) -> None:
    assert failure(connect(say("unheard"), base_url="http://a..b/v1", attempts=1)).kind == "refused"


def test_identity_tells_endpoints_and_models_apart(connect: Connect) -> None:
    one = connect(say("a"))
    others = [connect(say("a"), model="other"), connect(say("a"), base_url="http://x/v1")]
    others.append(connect(say("a"), extra_body={"top_p": 0.5}))
    assert len({model.identity for model in (one, *others)}) == 4
