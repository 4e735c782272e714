"""Runs whose teacher's endpoint fails in every way: they end as usual, and as runs without the lessons that failed."""

from __future__ import annotations

import json
import ssl
from collections import Counter
from pathlib import Path

import palaestra_worlds
import pytest
from palaestra.report import write_report
from palaestra.run import Run, start_run
from palaestra.spec import RunSpec
from palaestra.trials import execute
from palaestra_worlds.registry import world_provider

from ..platform.loop.conftest import assert_same, events, lessons, outcome
from .server import (
    Handler,
    Play,
    ScriptedServer,
    completion,
    cut,
    fail,
    flood,
    hang,
    raw,
    say,
    serving,
    trickle,
    unused_url,
)

WORLD = "MiniGrid-DoorKey-8x8-v0"
GOOD = 4
"""Levels whose lessons arrive, before and after those that fail."""
HTML = b"<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>"
ATTACK = "<script>alert('owned')</script><img src=x onerror=alert(1)>"


def redirect(handler: Handler) -> None:
    handler.send(307, b"", {"location": handler.path})


def enormous(handler: Handler) -> None:
    """50 MB of what would be a good reply with much behind it."""
    body = completion("{}" + " " * 50_000_000)
    try:
        handler.send(200, body)
    except OSError:
        handler.close_connection = True


def slam(handler: Handler) -> None:
    """Hangs up without a word."""
    handler.close_connection = True


FAULTS: dict[str, tuple[Play, str]] = {
    "hangs": (hang, "timeout"),
    "drips bytes": (trickle, "timeout"),
    "closes in the middle of the body": (cut, "bad_response"),
    "closes without a word": (slam, "bad_response"),
    "429 with Retry-After": (fail(429, headers={"retry-after": "3600"}), "http_429"),
    "429 without": (fail(429), "http_429"),
    "429 with nonsense in Retry-After": (fail(429, headers={"retry-after": "soon"}), "http_429"),
    "500": (fail(500), "http_5xx"),
    "503": (fail(503, headers={"retry-after": "-1"}), "http_5xx"),
    "400": (fail(400), "http_4xx"),
    "no JSON": (raw(b'{"choices": [{'), "bad_response"),
    "JSON of the wrong shape": (raw(b'{"choices": {"message": []}}'), "bad_response"),
    "a list": (raw(b"[]"), "bad_response"),
    "50 MB": (enormous, "too_large"),
    "never stops": (flood, "too_large"),
    "invalid UTF-8": (raw(completion("{}").replace(b"{}", b"\xff\xfe\x80{}")), "bad_response"),
    "HTML error page": (raw(HTML, 502, {"content-type": "text/html"}), "http_5xx"),
    "HTML with status 200": (raw(HTML, 200, {"content-type": "text/html"}), "bad_response"),
    "redirects to itself": (redirect, "bad_response"),
    "compressed": (raw(b"\x1f\x8b\x08\x00", headers={"content-encoding": "gzip"}), "too_large"),
    "HTML and JavaScript": (say(ATTACK), "not_json"),
    "HTML as a value": (say(json.dumps({"subgoals": [{"form": ATTACK, "x": 1, "y": 1}]})), "wrong_schema"),
    "HTML as a key": (say(json.dumps({ATTACK: 1})), "wrong_schema"),
    "outside the grid": (say('{"subgoals": [{"x": 200, "y": 200}]}'), "impossible_task"),
}
"""What is played at each level after the first `GOOD` ones, and the kind of failure it counts as."""
LEVELS = GOOD + len(FAULTS) + GOOD

SPEC = """
name: faults
world: {{id: {world}, num_envs: 8, max_steps: 24}}
agent: {{network: {{kind: mlp, hidden: [16]}}, rollout_length: 16, epochs: 1, minibatch_size: 128}}
levels: {levels}
teacher:
  kind: subgoals
  retries: 0
  concurrency: 32
  sampling: {{timeout: 4}}
  model: {{backend: openai, model: faulty, base_url: "{url}", api_key_env: null, attempts: 2, longest_wait: 0}}
budget: {{steps: 256}}
evaluation: {{every: 128, episodes: 8}}
arms:
  faulty: {{}}
  fair: {{teacher: {{model: {{model: fair}}}}}}
  refused: {{teacher: {{shown: 0, model: {{base_url: "{unused}"}}}}}}
  self-signed: {{teacher: {{shown: 0, model: {{base_url: "{tls}"}}}}}}
  alone: {{teacher: null}}
"""


def level_by_description() -> dict[str, tuple[int, str]]:
    """Seed and perfect answer of each level, by what a prompt says of it."""
    world = palaestra_worlds.make(WORLD, max_steps=24)
    found = {}
    for seed in range(LEVELS):
        world.reset(seed=[seed])
        answer = world_provider(WORLD).oracle(world.describe(0), None)
        found[world.describe(0)] = seed, json.dumps(answer)
    assert len(found) == LEVELS, "levels are told apart by their description"
    return found


def play_by_level(levels: dict[str, tuple[int, str]]) -> Play:
    """Faults for the model "faulty"; the model "fair" says that it has no answer where that one fails."""
    faults = [act for act, _ in FAULTS.values()]

    def act(handler: Handler) -> None:
        prompt = handler.body["messages"][1]["content"]
        seed, answer = next(known for description, known in levels.items() if description in prompt)
        if not GOOD <= seed < GOOD + len(FAULTS):
            say(f"Sure! {ATTACK}\n{answer}" if seed == 0 else answer)(handler)
        elif handler.body["model"] == "fair":
            say('{"no_answer": "none"}')(handler)
        else:
            faults[seed - GOOD](handler)

    return act


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of all arms, trained to its end."""
    http, tls = ScriptedServer(), ScriptedServer()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(__file__).with_name("self_signed.pem"))
    tls.socket = context.wrap_socket(tls.socket, server_side=True)
    tls.acts = [say("unheard")]
    http.acts = [play_by_level(level_by_description())]
    with serving(http), serving(tls):
        text = SPEC.format(
            world=WORLD, levels=LEVELS, url=http.url, unused=unused_url(), tls=tls.url.replace("http:", "https:")
        )
        run = start_run(RunSpec.from_yaml(text, "faults.yaml"), tmp_path_factory.mktemp("runs"))
        execution = execute(run, jobs=1)
    assert execution.done
    assert tls.bodies == [], "a certificate that nobody vouches for ends it before anything is sent"
    return run


def reasons(run: Run, arm: str) -> dict[int, str]:
    """Why each level of an arm has no lesson."""
    from palaestra.asking import teacher_hash

    mine = teacher_hash(run.spec.arm(arm))
    return {
        seed: reason for teacher, seed, _, _, state, reason in lessons(run) if teacher == mine and state == "dropped"
    }


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_counted_by_its_kind(run: Run, name: str) -> None:
    seed = GOOD + list(FAULTS).index(name)
    kind = FAULTS[name][1]
    assert reasons(run, "faulty")[seed].removeprefix("unavailable: ").startswith(f"{kind}: ")


def test_only_the_levels_that_failed_have_no_lesson(run: Run) -> None:
    assert list(reasons(run, "faulty")) == list(range(GOOD, GOOD + len(FAULTS)))
    told = Counter(kind for _, kind in FAULTS.values())
    assert {kind: events(run)[kind] for kind in told} == told


def test_the_agent_learns_what_it_learns_without_the_failed_lessons(run: Run) -> None:
    assert list(reasons(run, "fair")) == list(reasons(run, "faulty"))
    assert_same(outcome(run, "faulty"), outcome(run, "fair"))


@pytest.mark.parametrize("arm", ["refused", "self-signed"])
def test_without_any_lesson_the_agent_learns_what_it_learns_alone(run: Run, arm: str) -> None:
    assert {reason.split(": ")[1] for reason in reasons(run, arm).values()} == {"refused"}
    assert_same(outcome(run, arm), outcome(run, "alone"))


def test_replies_stand_escaped_in_the_report(run: Run) -> None:
    page = write_report(run).read_text(encoding="utf-8")
    assert "alert(" in page, "the replies are shown"
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    for kind in {kind for _, kind in FAULTS.values()}:
        assert kind in page
