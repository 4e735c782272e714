"""A run that was recorded with a live model is repeated to identical results, with no key and no network."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from palaestra.asking import LessonError
from palaestra.ledger import calls_spent, recorded_calls
from palaestra.lessons import NEWEST_LESSON
from palaestra.replay import ReplayError, with_replay
from palaestra.run import Run, start_run
from palaestra.spec import RunSpec
from palaestra.trials import execute
from palaestra_teachers.base import Message, Sampling
from palaestra_teachers.llm.scripted import ScriptedConfig, ScriptedModel

from ...teachers.server import Handler, ScriptedServer, completion, fail, say

SPEC = """
world: {id: MiniGrid-DoorKey-5x5-v0, num_envs: 8, max_steps: 24}
agent: {network: {kind: mlp, hidden: [16]}, rollout_length: 16, epochs: 1, minibatch_size: 128}
teacher: {kind: subgoals, levels: 12, concurrency: 3, retries: 1, model: MODEL}
budget: {steps: 256}
evaluation: {every: 100_000, episodes: 8}
"""
TURNS = """
world: {id: Heist, size: 5, doors: 1, num_envs: 8}
agent: {network: {kind: mlp, hidden: [16]}, rollout_length: 16, epochs: 1, minibatch_size: 128}
teacher:
  {kind: environments, environments: 2, cycles: 2, steps_in_environments: 128, steps_in_original: 128,
   model: {backend: noisy, accuracy: 0.7}}
budget: {steps: 768}
evaluation: {every: 100_000, episodes: 8}
arms: {envgen: {}, random: {teacher: {source: random}}}
"""
KEY, VARIABLE = "sk-recorded-0123456789", "PALAESTRA_REPLAY_KEY"


def solve(handler: Handler) -> None:
    """Answers as the scripted teacher does."""
    messages = [Message.model_validate(message) for message in handler.body["messages"]]
    schema = handler.body["response_format"]["json_schema"]["schema"]
    reply = asyncio.run(ScriptedModel(ScriptedConfig()).complete(messages, schema, Sampling()))
    handler.send(200, completion(reply.text))


ACTS: tuple[Callable[[Handler], None], ...] = (
    solve, say("I would go to the key."), solve, fail(404), solve, say('{"subgoals": [{"x": 0, "y": 0}]}'), say(""),
    solve,
)  # fmt: skip


@pytest.fixture(autouse=True)
def prepared(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, KEY)
    server.acts = [*ACTS, *ACTS, *ACTS, *ACTS, solve]


def endpoint(server: ScriptedServer) -> str:
    price = "price: {input: 2, output: 10}"
    return f"{{backend: openai, base_url: '{server.url}', model: live, api_key_env: {VARIABLE}, attempts: 1, {price}}}"


def replay(run: Run, folder: Path, **changed: Any) -> Run:
    spec = with_replay(run.spec, run.folder)
    return start_run(spec.model_copy(update=changed), folder)


def calls(run: Run) -> list[dict[str, Any]]:
    """All that was said, in no order."""
    with run.open_store(read_only=True) as store:
        found = recorded_calls(store)
    said = [call.model_dump(mode="json", exclude={"time", "origin", "seconds"}) for call in found]
    return sorted(said, key=lambda call: json.dumps(call, sort_keys=True))


def origins(run: Run) -> set[str]:
    """Where answers came from, but for those to questions that the same run had asked before."""
    with run.open_store(read_only=True) as store:
        return {call.origin for call in recorded_calls(store)} - {"cache"}


def outcomes(runs: Any, run: Run) -> list[Any]:
    """What became of each level; without the hash that the store knows the teacher by."""
    return [lesson[1:] for lesson in runs.lessons(run)]


def record(runs: Any, server: ScriptedServer, folder: Path, model: str = "", text: str = SPEC) -> Run:
    run = runs.make(text.replace("MODEL", model or endpoint(server)), folder)
    assert execute(run, jobs=1).done
    return run


def test_a_run_with_a_live_endpoint_is_repeated_without_it(
    runs: Any, tmp_path: Path, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = record(runs, server, tmp_path / "live")
    states = {lesson[4] for lesson in runs.lessons(run)}
    assert states == {"kept", "dropped"}
    asked = len(server.bodies)
    monkeypatch.delenv(VARIABLE)
    server.acts = [fail(500)]
    again = replay(run, tmp_path / "again")
    assert execute(again, jobs=1).done
    assert len(server.bodies) == asked
    runs.assert_same(runs.outcome(run), runs.outcome(again))
    assert outcomes(runs, run) == outcomes(runs, again)
    assert calls(run) == calls(again)
    assert (origins(run), origins(again)) == ({"live"}, {"replay"})
    assert runs.events(run) == runs.events(again)
    with again.open_store(read_only=True) as store:
        assert store.query("SELECT sum(calls), sum(cost) FROM spent") == [(None, None)]
    # A replay can itself be replayed.
    third = replay(again, tmp_path / "third")
    assert execute(third, jobs=1).done
    assert outcomes(runs, run) == outcomes(runs, third)


@pytest.mark.parametrize(
    "model",
    [
        "{backend: noisy, accuracy: 0.6, missing: 0.2}",
        "{backend: vote, n: 3, inner: ENDPOINT}",
        "{backend: route, models: [ENDPOINT, {backend: noisy, accuracy: 0.7}]}",
        "{backend: cache, folder: 'CACHE', inner: ENDPOINT}",
    ],
)
def test_every_call_of_a_wrapper_is_repeated(
    runs: Any, tmp_path: Path, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    model = model.replace("ENDPOINT", endpoint(server)).replace("CACHE", str(tmp_path / "answers"))
    run = record(runs, server, tmp_path / "live", model)
    monkeypatch.delenv(VARIABLE)
    again = replay(run, tmp_path / "again")
    assert execute(again, jobs=1).done
    runs.assert_same(runs.outcome(run), runs.outcome(again))
    assert outcomes(runs, run) == outcomes(runs, again)
    assert calls(run) == calls(again)


def test_a_run_that_spent_its_budget_is_repeated_with_the_levels_that_it_left_out(
    runs: Any, tmp_path: Path, server: ScriptedServer
) -> None:
    run = record(runs, server, tmp_path / "live", text=SPEC.replace("budget: {", "budget: {teacher_calls: 8, "))
    assert runs.events(run)["teacher_budget"] == 1
    again = replay(run, tmp_path / "again")
    assert execute(again, jobs=1).done
    assert outcomes(runs, run) == outcomes(runs, again)
    assert runs.events(run) == runs.events(again)
    runs.assert_same(runs.outcome(run), runs.outcome(again))
    with run.open_store(read_only=True) as store:
        assert sum(calls_spent(store, teacher) for (teacher,) in store.query("SELECT teacher FROM spent")) == 8


def test_an_interrupted_asking_that_was_taken_up_again_is_repeated_as_it_ended(
    runs: Any, tmp_path: Path, server: ScriptedServer
) -> None:
    # One after another: levels that are alike are not asked about twice, and an answer ends the model's silence.
    text = SPEC.replace("levels: 12, concurrency: 3", "levels: 40, concurrency: 1")
    server.acts = [solve, fail(404)]
    run = runs.make(text.replace("MODEL", endpoint(server)), tmp_path / "live")

    def interrupt(message: Any) -> None:
        if getattr(message, "message", "") == "unavailable":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute(run, jobs=1, progress=interrupt)
    server.acts = [solve]
    assert execute(runs.open(run.folder), jobs=1).done
    assert {lesson[4] for lesson in runs.lessons(run)} == {"kept"}
    again = replay(run, tmp_path / "again")
    assert execute(again, jobs=1).done
    assert outcomes(runs, run) == outcomes(runs, again)


@pytest.mark.parametrize("late", ["mode: live", "wait: 0"])
def test_lessons_that_came_while_it_learned_come_again_before_the_same_iterations(
    runs: Any, tmp_path: Path, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, late: str
) -> None:
    evaluated = SPEC.replace("every: 100_000", "every: 128")
    run = record(runs, server, tmp_path / "live", f"{endpoint(server)}, {late}", evaluated)
    newest = [value for _, _, name, value in runs.outcome(run).metrics if name == NEWEST_LESSON]
    assert len(newest) == 1 + 2, "one before the first iteration"
    asked = len(server.bodies)
    monkeypatch.delenv(VARIABLE)
    again = replay(run, tmp_path / "again")
    assert execute(again, jobs=1).done
    assert len(server.bodies) == asked
    runs.assert_same(runs.outcome(run), runs.outcome(again))
    assert outcomes(runs, run) == outcomes(runs, again)
    assert calls(run) == calls(again)
    assert origins(again) <= {"replay"}


def test_teachers_that_are_asked_in_turns_are_replayed_and_those_that_ask_no_model_teach_anew(
    runs: Any, tmp_path: Path
) -> None:
    run = runs.make(TURNS, tmp_path / "live")
    assert execute(run, jobs=1).done
    again = replay(run, tmp_path / "again")
    assert execute(again, jobs=1).done
    for arm in ("envgen", "random"):
        runs.assert_same(runs.outcome(run, arm), runs.outcome(again, arm))
    assert (origins(run), origins(again)) == ({"live"}, {"replay"})


def test_a_replay_of_late_lessons_needs_to_know_when_they_came(runs: Any, tmp_path: Path) -> None:
    live = runs.make(SPEC.replace("MODEL", "{backend: scripted}, mode: live"), tmp_path / "live")
    assert execute(live, jobs=1).done
    with live.open_store() as store, store.transaction() as connection:
        connection.execute("DELETE FROM metrics WHERE name = ?", (NEWEST_LESSON,))
    again = replay(live, tmp_path / "again")
    assert not execute(again, jobs=1).done
    with again.open_store(read_only=True) as store:
        assert "does not say when its lessons came in" in store.trial("main", 0).message


def test_a_request_that_was_not_recorded_is_shown_beside_the_nearest(
    runs: Any, tmp_path: Path, server: ScriptedServer
) -> None:
    run = record(runs, server, tmp_path / "live")
    warmer = SPEC.replace("retries: 1", "retries: 1, sampling: {temperature: 0.5}").replace("MODEL", endpoint(server))
    again = start_run(with_replay(RunSpec.from_yaml(warmer, "spec.yaml"), run.folder), tmp_path / "again")
    with pytest.raises(LessonError) as caught:
        execute(again, jobs=1)
    message = str(caught.value)
    assert "has no call with this request (for MiniGrid-DoorKey-5x5-v0/" in message
    assert '-sampling: {"temperature": 0.0' in message
    assert '+sampling: {"temperature": 0.5' in message
    assert message.count("\n") < 12, "what is alike is left out"


def test_what_cannot_be_replayed_is_said(runs: Any, tmp_path: Path) -> None:
    untaught = runs.make(SPEC.replace("MODEL", "{backend: scripted}") + "arms: {alone: {teacher: null}}", tmp_path)
    taught = runs.make(SPEC.replace("MODEL", "{backend: scripted}"), tmp_path)
    with pytest.raises(ReplayError, match="no arm 'main' with a teacher to replay"):
        with_replay(taught.spec, untaught.folder)
    with pytest.raises(ReplayError, match=r"is no run folder"):
        with_replay(taught.spec, tmp_path / "nowhere")
    never = start_run(with_replay(taught.spec, taught.folder), tmp_path)
    with pytest.raises(LessonError, match="was never asked, so there is nothing to replay"):
        execute(never, jobs=1)
