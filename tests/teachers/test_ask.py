"""`palaestra ask` shows what was asked and answered, its price and what it is worth, whatever the model writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ..platform.conftest import Result, run_command
from .conftest import KEY, KEY_VARIABLE
from .server import ScriptedServer, fail, say

SPEC = """
world: {id: MiniGrid-DoorKey-5x5-v0}
teacher: {kind: subgoals, retries: 1, model: MODEL}
budget: {steps: 1_000_000}
"""
PERFECT = '{"subgoals": [{"x": 1, "y": 3}, {"x": 2, "y": 1}, {"x": 3, "y": 3}]}'
"""In level 3."""


@pytest.fixture
def ask(tmp_path: Path, server: ScriptedServer) -> object:
    """Asks the model of these settings about level 3; of the server's, unless told otherwise."""

    def ask(model: str = "", *words: str) -> Result:
        http = {"backend": "openai", "base_url": server.url, "model": "m", "api_key_env": KEY_VARIABLE, "attempts": 1}
        priced = http | {"price": {"input": 1.0, "output": 20.0}}
        path = tmp_path / "ask.yaml"
        path.write_text(SPEC.replace("MODEL", model or json.dumps(priced)), encoding="utf-8")
        return run_command("ask", path, "--level", 3, *words)

    return ask


def test_an_endpoints_answer_has_a_price_and_a_judgement(ask, server: ScriptedServer) -> None:  # type: ignore[no-untyped-def]
    server.acts = [say("Let me think."), say(PERFECT)]
    done = ask()
    assert done.code == 0
    assert "Not usable: not_json" in done.out
    assert "1,000 + 50 tokens, $0.002)" in done.out
    assert "1. x 1, y 3 -> yellow key at (1, 3)" in done.out
    assert "Useful: it lies on a way to the goal, in order." in done.out
    assert "2 calls, " in done.out
    assert done.out.rstrip().endswith("$0.004")
    assert KEY not in done.out + done.err


def test_what_a_model_writes_is_printed_as_text(ask, server: ScriptedServer) -> None:  # type: ignore[no-untyped-def]
    server.acts = [say("\x1b[2J\x1b]0;title\x07[bold red]markup[/] \u202egnp.exe\r\x00")]
    done = ask()
    assert done.code == 1
    assert "[bold red]markup[/]" in done.out
    assert not {"\x1b", "\x07", "\r", "\x00", "\u202e"} & set(done.out)


def test_a_failure_is_told_without_a_lesson(ask, server: ScriptedServer) -> None:  # type: ignore[no-untyped-def]
    server.acts = [fail(500, "\x1b[31mout of memory")]
    done = ask()
    assert done.code == 1
    assert "http_5xx" in done.out
    assert "out of memory" in done.out
    assert "\x1b" not in done.out


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("{backend: scripted}", ["reply (scripted", "$0)", "Useful: it lies"]),
        ("{backend: noisy, accuracy: 0, seed: 1}", ["reply (noisy(scripted, accuracy 0)", "Not useful: subgoal"]),
        ("{backend: vote, n: 3, inner: {backend: scripted}}", ["reply (", "Useful: it lies"]),
        ("{backend: route, models: [{backend: noisy, missing: 1}, {backend: scripted}]}", ["out_of_bounds", "Useful"]),
    ],
)
def test_every_backend_that_needs_no_key_can_be_asked(ask, model: str, told: list[str]) -> None:  # type: ignore[no-untyped-def]
    done = ask(model)
    assert done.code == 0, done.out
    for words in told:
        assert words in done.out
