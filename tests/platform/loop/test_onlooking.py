"""Teachers that look on: reward in every step, questions answered beside learning, exact resumes and replays."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from palaestra import answering
from palaestra.asking import TeacherSettingsError
from palaestra.parallel import Leader
from palaestra.progress import TrialProgress
from palaestra.replay import with_replay
from palaestra.run import start_run
from palaestra.spec import RunSpec, SpecError
from palaestra.trials import execute
from palaestra_agents.groups import Group

from ...installing import install

TOYS = '''
"""A teacher that pays what it is told, and models that tell it, or do not."""
from __future__ import annotations
import asyncio
from typing import Any, ClassVar, Literal
import numpy as np
from palaestra_teachers.base import (
    Completion, Frozen, Lesson, LessonSource, Onlooking, Remark, TeacherUnavailable,
)
from palaestra_teachers.dialogue import Dialogue, Question
from palaestra_teachers.base import Message, Sampling
from palaestra_teachers.replies import parse_reply
from pydantic import BaseModel, Field


class Pay(BaseModel):
    """What a step is worth."""

    pay: float = Field(ge=0, le=1)


class Paid(Lesson):
    kind: ClassVar[str] = "paid"
    pay: float

    def tasks(self):
        return ()

    def content(self):
        return {"pay": self.pay}


class TipConfig(Frozen):
    lag: int | None = 1
    open: int = 4
    at_a_time: int = 2
    breaks: bool = False

    def onlooking(self):
        return Onlooking(lag=self.lag, open=self.open)


class Tip:
    """Pays the last answer in every step in which nobody's episode ended."""

    Config = TipConfig

    def __init__(self, config, model, world, ledger):
        self.config, self.dialogue = config, Dialogue(model, ledger, 0)
        self.pay, self.asked, self.steps, self.unanswered = np.zeros(1), 0, 0, 0

    async def propose(self, request):
        if self.config.breaks:
            raise RuntimeError("this teacher is broken")
        question = Question(
            key=f"{request.world_id}/trial seed {request.trial_seed}/question {request.turn}",
            messages=(Message(role="user", content=request.description),), schema=None, sampling=Sampling(),
        )
        answer = await self.dialogue.ask(question, lambda reply: parse_reply(reply, Pay))
        source = LessonSource(teacher="tip", model=answer.model, request_hash=answer.request_hash)
        remarks = (Remark(kind="generous", message="all of it"),) if answer.value.pay == 1 else ()
        return Paid(source=source, pay=answer.value.pay, remarks=remarks)

    def observe(self, feedback):
        self.measured = feedback.step

    def begin(self, world, seed):
        self.world, self.seed = world, seed

    def see(self, observations, infos, ended):
        assert len(observations["direction"]) == len(ended) == self.world.num_envs
        self.steps += 1
        return np.where(ended, 0, self.pay[0]).astype(np.float32)

    def questions(self, most):
        about = f"How good are steps up to {self.steps} of trial {self.seed}"
        new = [f"{about}, {k}?" for k in range(self.config.at_a_time)]
        self.asked += len(new[:most])
        return new

    def take(self, question, content):
        if content is None:
            self.unanswered += 1
        else:
            self.pay = np.array([content["pay"]])

    def metrics(self):
        return {"tip/pay": float(self.pay[0]), "tip/asked": float(self.asked), "tip/unanswered": float(self.unanswered)}

    def state_dict(self):
        return {"pay": self.pay, "asked": self.asked, "steps": self.steps, "unanswered": self.unanswered}

    def load_state_dict(self, state):
        self.pay, self.asked = np.array(state["pay"]), state["asked"]
        self.steps, self.unanswered = state["steps"], state["unanswered"]


class Blind:
    """Is said to look on, and cannot."""

    Config = TipConfig

    def __init__(self, config, model, world, ledger):
        pass

    async def propose(self, request):
        raise NotImplementedError

    def observe(self, feedback):
        pass

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass


class NumberConfig(Frozen):
    backend: Literal["number"] = "number"
    fails: tuple[int, ...] = ()


class Number:
    """Answers with a number that it makes of the question; fails where the question's length says so."""

    Config = NumberConfig

    def __init__(self, config):
        self.config, self.name, self.identity = config, "number", f"number {config.fails}"

    async def complete(self, messages, schema, settings):
        text = messages[0].content
        kind = sum(text.encode()) % 4
        if kind in self.config.fails and kind == 0:
            raise TeacherUnavailable("timeout", "no reply in 60 s")
        said = "as good as they get" if kind in self.config.fails else f'{{"pay": {sum(text.encode()) % 11 / 10}}}'
        return Completion(text=said, model=self.name, backend="number", tokens_in=10, tokens_out=5, price=0.001)


class SilentConfig(Frozen):
    backend: Literal["silent"] = "silent"


class Silent:
    """Never answers."""

    Config = SilentConfig

    def __init__(self, config):
        self.name = self.identity = "silent"

    async def complete(self, messages, schema, settings):
        await asyncio.Event().wait()
'''
ENTRY_POINTS = """
[palaestra.teachers]
tip = onlooking_toys:Tip
blind = onlooking_toys:Blind

[palaestra.language_models]
number = onlooking_toys:Number
silent = onlooking_toys:Silent
"""
SPEC = """
world: {id: MiniGrid-DoorKey-5x5-v0, num_envs: 8, max_steps: 24}
agent: {network: {kind: mlp, hidden: [16]}, rollout_length: 16, epochs: 1, minibatch_size: 128}
teacher: {kind: tip, CHANGES}
budget: {steps: 1_024, LIMITS}
evaluation: {every: 100_000, episodes: 8}
checkpoint: {iterations: 1}
"""


@pytest.fixture(autouse=True)
def toys(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path_factory.mktemp("site")
    install(site, "onlooking-toys", ENTRY_POINTS, {"onlooking_toys.py": TOYS})
    monkeypatch.syspath_prepend(site)


def spec(changes: str = "lag: 1", limits: str = "") -> str:
    model = "" if "model:" in changes else "model: {backend: number}, "
    return SPEC.replace("CHANGES", model + changes).replace("LIMITS", limits)


def series(outcome: Any, name: str) -> list[float]:
    """A metric's values in the order of iterations."""
    return [value for _, _, found, value in outcome.metrics if found == name]


def calls(run: Any) -> list[tuple[Any, ...]]:
    with run.open_store(read_only=True) as store:
        return store.query("SELECT lesson_key, reply, error_kind, price, origin FROM calls ORDER BY id")


def test_reward_is_paid_and_every_question_is_answered_after_its_lag(runs: Any, tmp_path: Path) -> None:
    run = runs.make(spec("lag: 2"), tmp_path)
    assert execute(run, jobs=1).done
    outcome = runs.outcome(run)
    # Two are asked before each iteration, at most four are open, and answers wait for two iterations.
    assert series(outcome, "tip/asked") == [2, 4, 6, 8, 10, 12, 14, 16]
    assert series(outcome, "lessons/open") == [2, 4, 4, 4, 4, 4, 4, 4]
    pays = series(outcome, "tip/pay")
    assert pays[:2] == [0, 0]
    assert len(set(pays)) > 2
    rewards = series(outcome, "train/lesson_reward")
    assert all((reward > 0) == (pay > 0) for reward, pay in zip(rewards, pays, strict=False))
    assert len(runs.lessons(run)) == 16
    assert [row[0] for row in calls(run)][:2] == [
        f"MiniGrid-DoorKey-5x5-v0/trial seed 0/question {number}" for number in (0, 1)
    ]
    assert {row[3:] for row in calls(run)} == {(0.001, "live")}


def test_a_trial_that_is_interrupted_after_every_iteration_ends_the_same(runs: Any, tmp_path: Path) -> None:
    text = spec("model: {backend: number, fails: [0, 1]}, lag: 2", "teacher_calls: 11")
    whole = runs.make(text, tmp_path / "whole")
    assert execute(whole, jobs=1).done
    run = runs.make(text, tmp_path / "interrupted")
    for iteration in range(1, 8):
        pending = [iteration]

        def press(message: object, pending: list[int] = pending) -> None:
            if isinstance(message, TrialProgress) and [message.iteration] == pending:
                pending.clear()
                signal.raise_signal(signal.SIGINT)

        assert execute(runs.open(run.folder), jobs=1, progress=press).interrupted
    assert execute(runs.open(run.folder), jobs=1).done
    runs.assert_same(runs.outcome(run), runs.outcome(whole))
    assert runs.lessons(run) == runs.lessons(whole)
    assert runs.newest(run)["supply"] == runs.newest(whole)["supply"]
    assert runs.events(run) == runs.events(whole)
    assert calls(run) == calls(whole)


def test_what_comes_to_nothing_is_counted_and_learning_goes_on(runs: Any, tmp_path: Path) -> None:
    run = runs.make(spec("model: {backend: number, fails: [0, 1, 2]}"), tmp_path)
    assert execute(run, jobs=1).done
    outcome, events = runs.outcome(run), runs.events(run)
    taken = [lesson[4] for lesson in runs.lessons(run)][: int(series(outcome, "tip/asked")[-2])]
    assert 0 < taken.count("kept") < len(taken)
    assert events["timeout"] + events["not_json"] == taken.count("dropped")
    assert series(outcome, "tip/unanswered")[-1] == taken.count("dropped")


def test_when_the_budget_is_spent_nothing_more_is_asked(runs: Any, tmp_path: Path) -> None:
    run = runs.make(spec(limits="teacher_calls: 5"), tmp_path)
    assert execute(run, jobs=1).done
    assert runs.events(run)["teacher_budget"] == 1
    with run.open_store(read_only=True) as store:
        assert store.query("SELECT calls, round(cost, 3) FROM spent") == [(5, 0.005)]
    outcome = runs.outcome(run)
    assert series(outcome, "tip/asked") == [2, 4, 6, 6, 6, 6, 6, 6]
    assert outcome.steps == 1024


def test_a_fault_of_the_teacher_is_counted(runs: Any, tmp_path: Path) -> None:
    run = runs.make(spec("breaks: true"), tmp_path)
    assert execute(run, jobs=1).done
    assert runs.events(run) == {"teacher_fault": 14}


def test_nobody_waits_for_a_model_that_never_answers(
    runs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "SECONDS_FOR_CALLS_UNDER_WAY", 0.01)
    run = runs.make(spec("lag: null, model: {backend: silent}"), tmp_path)
    assert execute(run, jobs=1).done
    outcome = runs.outcome(run)
    assert series(outcome, "lessons/newest") == [0] * 9
    assert series(outcome, "lessons/open")[-1] == 4
    assert series(outcome, "tip/pay") == [0] * 8


def test_answers_that_came_in_by_the_clock_come_in_again_before_the_same_iterations(runs: Any, tmp_path: Path) -> None:
    run = runs.make(spec("lag: null, model: {backend: number, fails: [0, 1]}"), tmp_path / "live")
    assert execute(run, jobs=1).done
    again = start_run(with_replay(run.spec, run.folder), tmp_path / "again")
    assert execute(again, jobs=1).done
    one, other = runs.outcome(run), runs.outcome(again)
    assert series(one, "lessons/newest")[-1] > 0
    runs.assert_same(one, other)
    assert runs.events(run) == runs.events(again)
    assert {row[4] for row in calls(again)} == {"replay"}


@pytest.mark.parametrize("changes", ["lag: 1, model: {backend: number, fails: [0, 1]}"])
def test_a_run_is_replayed_without_its_model(runs: Any, tmp_path: Path, changes: str) -> None:
    run = runs.make(spec(changes), tmp_path / "live")
    assert execute(run, jobs=1).done
    again = start_run(with_replay(run.spec, run.folder), tmp_path / "again")
    assert execute(again, jobs=1).done
    runs.assert_same(runs.outcome(run), runs.outcome(again))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ("mode: live", r"teacher\.mode: has no meaning for teacher 'tip', which looks on"),
        ("wait: 5", r"teacher\.wait: has no meaning"),
        ("levels: 5", r"teacher\.levels: has no meaning"),
    ],
)
def test_what_is_for_teachers_that_are_asked_about_levels_is_refused(changes: str, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        RunSpec.from_yaml(spec(changes), "spec.yaml")


def test_a_teacher_that_cannot_look_on_is_refused_before_anything_begins(runs: Any, tmp_path: Path) -> None:
    run = runs.make(spec().replace("kind: tip", "kind: blind"), tmp_path)
    with pytest.raises(TeacherSettingsError, match="'blind' is to look on, and lacks something"):
        execute(run, jobs=1)


def test_ask_shows_what_it_would_be_asked(cli: Any, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(spec())
    done = cli("ask", tmp_path / "spec.yaml", "--level", 3)
    assert "How good are steps up to 1 of trial 3, 0?" in done.out
    assert '{"pay": 0.' in done.out


def test_processes_that_learn_together_have_no_one_to_look_on() -> None:
    with pytest.raises(SpecError, match=r"teacher 'tip' looks on.* run it without torchrun$"):
        Leader(Group(0, 2)).check(RunSpec.from_yaml(spec(), "spec.yaml"))
