"""A budget of tokens, money or time ends the asking, not the learning; the report says which."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from palaestra.report import write_report
from palaestra.trials import execute

from ...teachers.server import ScriptedServer, say

SPEC = """
world: {id: MiniGrid-DoorKey-5x5-v0, num_envs: 8, max_steps: 24}
agent: {network: {kind: mlp, hidden: [16]}, rollout_length: 16, epochs: 1, minibatch_size: 128}
teacher:
  kind: subgoals
  levels: 12
  concurrency: 1
  retries: 0
  prices: PRICES
  model: {backend: openai, base_url: 'URL', model: live-1, api_key_env: null}
budget: {steps: 256, LIMIT}
evaluation: {every: 100_000, episodes: 8}
"""
PRICES = "{'live-*': {input: 2, output: 10}}"
"""$0.0025 for each call of the server: 1000 tokens in, 50 out."""


@pytest.mark.parametrize(
    ("limit", "prices", "calls", "told"),
    [
        ("teacher_tokens: 3000", PRICES, 3, "the budget of 3,000 tokens is spent (3,150 so far)"),
        ("teacher_cost: 0.0099", PRICES, 4, "the budget of $0.0099 is spent ($0.0100 so far)"),
        ("teacher_cost: 1", "{}", 1, "a budget of $1 cannot be kept: the price of 1 call is unknown"),
        ("teacher_seconds: 0", PRICES, 0, "the budget of 0 seconds of calls is spent"),
    ],
)
def test_a_budget_ends_the_asking_for_the_whole_run(
    runs: Any, tmp_path: Path, server: ScriptedServer, limit: str, prices: str, calls: int, told: str
) -> None:
    server.acts = [say("no plan")]
    text = SPEC.replace("URL", server.url).replace("LIMIT", limit).replace("PRICES", prices)
    run = runs.make(text, tmp_path)
    assert execute(run, jobs=1).done
    assert execute(runs.open(run.folder), jobs=1).done
    assert len(server.bodies) == calls
    assert runs.outcome(run).steps == 256
    with run.open_store(read_only=True) as store:
        [(message,)] = store.query("SELECT message FROM events WHERE kind = 'teacher_budget'")
        found = store.query("SELECT origin, price FROM calls ORDER BY id")
    assert message.startswith(told)
    assert message.endswith("12 of 12 levels have no lesson")
    assert [origin for origin, _ in found] == ["live"] * calls + ["none"]
    prices_kept = {price for origin, price in found if origin == "live"}
    assert prices_kept <= {0.0025 if prices == PRICES else None}
    assert told.split(" (")[0] in write_report(run).read_text(encoding="utf-8")


def test_a_budget_within_the_model_is_counted_over_resumes_too(
    runs: Any, tmp_path: Path, server: ScriptedServer
) -> None:
    server.acts = [say("no plan")]
    endpoint = f"{{backend: openai, base_url: '{server.url}', model: live-1, api_key_env: null}}"
    limited = f"{{backend: route, models: [{{backend: budget, calls: 5, inner: {endpoint}}}, {{backend: scripted}}]}}"
    text = SPEC.replace("LIMIT", "teacher_calls: 1000").replace("PRICES", "{}")
    text = text.replace("{backend: openai, base_url: 'URL', model: live-1, api_key_env: null}", limited)
    run = runs.make(text, tmp_path)

    def interrupt(message: Any) -> None:
        if len(server.bodies) >= 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute(run, jobs=1, progress=interrupt)
    assert execute(runs.open(run.folder), jobs=1).done
    assert len(server.bodies) == 5
    assert {lesson[4] for lesson in runs.lessons(run)} == {"kept"}
