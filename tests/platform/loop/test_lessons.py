"""Lessons are asked for once, shared, limited by the budget; failures are counted, and learning goes on."""

from __future__ import annotations

import json
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from palaestra.asking import LessonError, TeacherSettingsError
from palaestra.progress import LessonProgress, TrialProgress
from palaestra.trials import execute

from ...installing import install

SPEC = """
world: {id: MiniGrid-DoorKey-8x8-v0, num_envs: 8, max_steps: 24}
agent: {network: {kind: mlp, hidden: [16]}, rollout_length: 16, epochs: 1, minibatch_size: 128}
teacher: {kind: subgoals, levels: 24, concurrency: 3, retries: 1, model: MODEL}
budget: {steps: 256}
evaluation: {every: 100_000, episodes: 8}
"""
SCRIPTED = "{backend: scripted}"

MOODY = '''
"""A language model that fails in the ways it is told to, in turn."""
from __future__ import annotations
import json
from pathlib import Path
from typing import Any, Literal
from palaestra_teachers.base import Completion, TeacherUnavailable
from pydantic import BaseModel, ConfigDict, Field

REPLIES = {
    "empty": "",
    "prose": "I would go to the key first.",
    "cut": '{"subgoals": [{"form": "position", "x": 1',
    "wrong": '{"subgoals": [{"form": "position", "x": "left"}]}',
    "bounds": '{"subgoals": [{"form": "position", "x": 200, "y": 200}]}',
    "huge": "[" * 5_000_000,
    "number": "17",
}

class MoodyConfig(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    backend: Literal["moody"] = "moody"
    moods: tuple[str, ...] = Field(default=("good",), min_length=1)
    diary: str = Field(description="File with one line for each request.")
    inner: dict[str, Any] = Field(default_factory=lambda: {"backend": "scripted"})

class Moody:
    Config = MoodyConfig

    def __init__(self, config, inner):
        self.config, self.inner, self.calls = config, inner, 0
        self.name = self.identity = "moody"

    async def complete(self, messages, schema, settings):
        mood = self.config.moods[self.calls % len(self.config.moods)]
        if Path(self.config.diary).with_name("recovered").exists():
            mood = "good"
        self.calls += 1
        with open(self.config.diary, "a") as diary:
            diary.write(json.dumps([message.content for message in messages]) + "\\n")
        if mood == "good":
            return await self.inner.complete(messages, schema, settings)
        if mood == "fault":
            raise ZeroDivisionError("division by zero")
        if mood in REPLIES:
            return Completion(text=REPLIES[mood], model="moody", backend="moody")
        raise TeacherUnavailable(mood, f"the endpoint is in the mood of {mood}")
'''


@pytest.fixture
def moody(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Settings of a model whose package is installed for the test, and the prompts that it was asked."""
    site = tmp_path_factory.mktemp("site")
    points = "[palaestra.language_models]\nmoody = moody_model:Moody\n"
    install(site, "moody-model", points, {"moody_model.py": MOODY})
    monkeypatch.syspath_prepend(site)
    diary = site / "diary"

    class Settings:
        @staticmethod
        def yaml(*moods: str) -> str:
            return f"{{backend: moody, moods: {json.dumps(moods)}, diary: {diary}}}"

        @staticmethod
        def asked() -> list[str]:
            return diary.read_text().splitlines() if diary.exists() else []

        @staticmethod
        def recover() -> None:
            """Lets the model answer well from now on."""
            (site / "recovered").touch()

    yield Settings
    sys.modules.pop("moody_model", None)


def interrupt_when(holds: Callable[[Any], bool]) -> Callable[[Any], None]:
    """A listener that presses Ctrl-C, once."""
    pressed: list[bool] = []

    def listen(message: Any) -> None:
        if not pressed and holds(message):
            pressed.append(True)
            signal.raise_signal(signal.SIGINT)

    return listen


def spec(model: str, **changes: str) -> str:
    text = SPEC.replace("MODEL", model)
    for old, new in changes.items():
        text += f"{old}: {new}\n"
    return text


def states(runs: Any, run: Any) -> list[str]:
    return [lesson[4] for lesson in runs.lessons(run)]


def test_every_level_has_its_lesson_before_training(runs: Any, tmp_path: Path) -> None:
    run = runs.make(spec(SCRIPTED), tmp_path)
    told: list[object] = []
    assert execute(run, jobs=1, progress=told.append).done
    assert [lesson[1] for lesson in runs.lessons(run)] == list(range(24))
    assert states(runs, run) == ["kept"] * 24
    first = next(index for index, message in enumerate(told) if isinstance(message, TrialProgress))
    before = [message for message in told[:first] if isinstance(message, LessonProgress)]
    assert (before[-1].kept, before[-1].dropped, before[-1].levels, before[-1].calls) == (24, 0, 24, 24)
    assert before[-1].arms == ("main",)
    assert not any(isinstance(message, LessonProgress) for message in told[first:])
    outcome = runs.outcome(run)
    in_bank = [value for _, _, name, value in outcome.metrics if name == "lessons/in_bank"]
    assert in_bank == [24.0, 24.0]
    assert [evaluation[2] for evaluation in outcome.evaluations] == ["alone", "taught", "alone", "taught"]
    assert runs.events(run) == {}


def test_no_level_is_asked_about_twice(runs: Any, tmp_path: Path, moody: Any) -> None:
    run = runs.make(spec(moody.yaml("good")), tmp_path)
    execution = execute(run, jobs=1, progress=interrupt_when(lambda message: True))
    assert execution.interrupted
    assert execution.trials[0].status == "waiting"
    assert execute(runs.open(run.folder), jobs=1).done
    assert execute(runs.open(run.folder), jobs=1).done
    asked = moody.asked()
    assert len(asked) == len(set(asked)) == 24
    assert states(runs, run) == ["kept"] * 24
    with run.open_store(read_only=True) as store:
        assert store.query("SELECT origin, count(*) FROM calls GROUP BY origin") == [("live", 24)]


def test_arms_with_the_same_teacher_share_its_lessons(runs: Any, tmp_path: Path, moody: Any) -> None:
    arms = "{one: {}, other: {agent: {gamma: 0.9}}, fewer: {teacher: {levels: 5}}, untaught: {teacher: null}}"
    run = runs.make(spec(moody.yaml("good"), arms=arms, seeds="2"), tmp_path)
    assert execute(run, jobs=1).done
    assert len(moody.asked()) == 24
    assert len(runs.lessons(run)) == 24
    for arm, levels in (("one", 24), ("other", 24), ("fewer", 5), ("untaught", 0)):
        metrics = runs.outcome(run, arm, seed=1).metrics
        assert {value for _, _, name, value in metrics if name == "lessons/in_bank"} == {float(levels)}


def test_answers_are_remembered_between_runs(runs: Any, tmp_path: Path, moody: Any) -> None:
    text = spec(moody.yaml("good")).replace("retries: 1", f"cache: {tmp_path / 'answers'}")
    first = runs.make(text, tmp_path / "first")
    assert execute(first, jobs=1).done
    second = runs.make(text.replace("num_envs: 8", "num_envs: 4"), tmp_path / "second")
    assert execute(second, jobs=1).done
    assert len(moody.asked()) == 24
    assert [lesson[3] is None for lesson in runs.lessons(second)] == [False] * 24
    with second.open_store(read_only=True) as store:
        assert store.query("SELECT origin, count(*) FROM calls GROUP BY origin") == [("cache", 24)]


FAILURES = ("refused", "timeout", "http_429", "http_5xx", "bad_response", "too_large")
BAD_REPLIES = ("empty", "prose", "cut", "wrong", "bounds", "huge", "number")


@pytest.mark.parametrize("mode", ["ahead", "live"])
@pytest.mark.parametrize("mood", [*FAILURES, *BAD_REPLIES])
def test_training_goes_on_whatever_the_teacher_does(
    runs: Any, tmp_path: Path, moody: Any, mood: str, mode: str
) -> None:
    text = spec(moody.yaml(mood)).replace("levels: 24", f"levels: 2, mode: {mode}").replace("retries: 1", "retries: 0")
    run = runs.make(text, tmp_path)
    execution = execute(run, jobs=1)
    assert execution.done
    assert runs.outcome(run).steps == 256
    counted = runs.events(run)
    if mode == "ahead":
        assert states(runs, run) == ["dropped", "dropped"]
        assert sum(counted.values()) == 2
    assert set(states(runs, run)) <= {"dropped"}
    if mood in FAILURES:
        assert set(counted) <= {mood}
    else:
        assert set(counted).isdisjoint(set(FAILURES) - {"too_large"})


def test_a_level_that_fails_is_told_why_and_the_others_have_their_lessons(
    runs: Any, tmp_path: Path, moody: Any
) -> None:
    run = runs.make(spec(moody.yaml("prose", "good", "timeout", "empty", "wrong", "good", "good")), tmp_path)
    told: list[object] = []
    assert execute(run, jobs=1, progress=told.append).done
    found = states(runs, run)
    assert len(found) == 24
    assert found.count("kept") > 12
    last = [message for message in told if isinstance(message, LessonProgress)][-1]
    assert (last.kept, last.dropped) == (found.count("kept"), found.count("dropped"))
    assert sum(last.failures.values()) == last.dropped == sum(runs.events(run).values())
    with run.open_store(read_only=True) as store:
        reasons = [reason for (reason,) in store.query("SELECT reason FROM lessons WHERE state = 'dropped'")]
        attempts = {number for (number,) in store.query("SELECT attempts FROM lessons WHERE state = 'kept'")}
    assert all(reasons)
    assert attempts == {1, 2}


def test_an_endpoint_that_refuses_is_not_asked_for_ever(runs: Any, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    model = f"{{backend: openai, base_url: 'http://127.0.0.1:{port}/v1', model: m, api_key_env: null, attempts: 1}}"
    run = runs.make(spec(model), tmp_path)
    assert execute(run, jobs=1).done
    counted = runs.events(run)
    assert 8 <= counted["refused"] < 24
    assert counted["teacher_unavailable"] == 1
    assert set(counted) == {"refused", "teacher_unavailable"}


def gave_up(message: Any) -> bool:
    return isinstance(message, LessonProgress) and message.message == "unavailable"


def first_failed(message: Any) -> bool:
    return isinstance(message, LessonProgress) and message.dropped > 0


@pytest.mark.parametrize("moment", [first_failed, gave_up])
def test_a_model_that_answers_again_is_asked_again_before_anything_was_learned(
    runs: Any, tmp_path: Path, moody: Any, moment: Callable[[Any], bool]
) -> None:
    run = runs.make(spec(moody.yaml("refused")), tmp_path)
    execution = execute(run, jobs=1, progress=interrupt_when(moment))
    assert execution.interrupted
    assert set(states(runs, run)) == {"dropped"}
    moody.recover()
    assert execute(runs.open(run.folder), jobs=1).done
    assert states(runs, run) == ["kept"] * 24


@pytest.mark.parametrize("mode", ["ahead", "live"])
def test_the_budget_of_calls_is_kept(runs: Any, tmp_path: Path, moody: Any, mode: str) -> None:
    text = spec(moody.yaml("good", "prose")).replace("levels: 24", f"levels: 24, mode: {mode}")
    run = runs.make(text.replace("budget: {", "budget: {teacher_calls: 7, "), tmp_path)
    assert execute(run, jobs=1).done
    assert execute(run, jobs=1).done
    assert len(moody.asked()) <= 7
    if mode == "ahead":
        assert len(moody.asked()) == 7
        assert 0 < states(runs, run).count("kept") < 7
        assert runs.events(run)["teacher_budget"] == 1
        with run.open_store(read_only=True) as store:
            message = store.query("SELECT message FROM events WHERE kind = 'teacher_budget'")[0][0]
        assert message.startswith("the budget of 7 calls of the language model is spent: ")


def test_a_budget_of_nothing_asks_nothing(runs: Any, tmp_path: Path, moody: Any) -> None:
    run = runs.make(spec(moody.yaml("good")).replace("budget: {", "budget: {teacher_calls: 0, "), tmp_path)
    assert execute(run, jobs=1).done
    assert moody.asked() == []
    assert runs.events(run)["teacher_budget"] == 1


def test_a_fault_in_a_model_is_named(runs: Any, tmp_path: Path, moody: Any) -> None:
    run = runs.make(spec(moody.yaml("fault")), tmp_path)
    with pytest.raises(LessonError, match="teacher 'subgoals' has a fault: ZeroDivisionError: division by zero"):
        execute(run, jobs=1)
    live = runs.make(spec(moody.yaml("fault")).replace("levels: 24", "levels: 24, mode: live"), tmp_path)
    assert execute(live, jobs=1).done
    assert set(runs.events(live)) <= {"teacher_stopped"}


def test_a_teacher_that_cannot_be_built_is_named(runs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    text = spec("{backend: openai, model: m, api_key_env: NO_SUCH_KEY}")
    for changed in (text, text.replace("levels: 24", "levels: 24, mode: live")):
        run = runs.make(changed, tmp_path)
        with pytest.raises(TeacherSettingsError, match=r"the teacher of arm 'main' cannot be built: .*NO_SUCH_KEY"):
            execute(run, jobs=2)
        assert {trial.status for trial in run.trials()} == {"waiting"}


def test_live_lessons_come_in_while_training_goes_on_and_survive_a_stop(runs: Any, tmp_path: Path, moody: Any) -> None:
    text = spec(moody.yaml("good")).replace("levels: 24", "levels: 24, mode: live")
    run = runs.make(text.replace("steps: 256", "steps: 1_000_000_000"), tmp_path)
    seen: list[int] = []

    def all_there(message: Any) -> bool:
        if isinstance(message, TrialProgress):
            seen.append(message.lessons)
        return seen.count(24) == 3

    assert execute(run, jobs=1, progress=interrupt_when(all_there)).interrupted
    assert seen == sorted(seen)
    assert len(set(moody.asked())) == len(moody.asked()) == 24
    newest = runs.newest(run)
    assert newest["newest_lesson"] == 24
    assert newest["supply"] is not None
    seen.clear()
    assert execute(runs.open(run.folder), jobs=1, progress=interrupt_when(all_there)).interrupted
    assert set(seen) == {24}
    assert len(moody.asked()) == 24
