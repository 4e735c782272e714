"""`teacher.wait`: training waits for a slow teacher no longer than it is told to, and learns from what comes later."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from palaestra.progress import LessonProgress, TrialProgress
from palaestra.serve import TeacherServer
from palaestra.trials import execute
from palaestra_teachers.base import Completion, Message, Sampling
from palaestra_teachers.llm.build import build_model

SPEC = """\
name: waiting
world: {{id: MiniGrid-DoorKey-5x5-v0, num_envs: 8, max_steps: 30}}
agent: {{rollout_length: 16}}
teacher:
  kind: subgoals
  levels: 2
  wait: 0
  model: {{backend: openai, base_url: "{url}", model: scripted, api_key_env: null}}
budget: {{steps: 512}}
evaluation: {{every: 512, episodes: 8}}
arms: {{main: {{}}}}
"""


class Slow:
    """A scripted model that answers nobody until it is let."""

    def __init__(self) -> None:
        self._inner = build_model({"backend": "scripted"})
        self.Config, self.name, self.identity = self._inner.Config, self._inner.name, self._inner.identity
        self.may_answer = threading.Event()

    async def complete(
        self, messages: Sequence[Message], schema: dict[str, Any] | None, settings: Sampling
    ) -> Completion:
        while not self.may_answer.is_set():
            await asyncio.sleep(0.005)
        return await self._inner.complete(messages, schema, settings)


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def url(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with TeacherServer(slow, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server.url
        server.shutdown()
        thread.join()


def in_bank(run: Any) -> list[float]:
    """Lessons that were there in each iteration."""
    with run.open_store(read_only=True) as store:
        rows = store.query("SELECT value FROM metrics WHERE name = 'lessons/in_bank' ORDER BY iteration")
    return [row[0] for row in rows]


def test_a_teacher_that_never_answers_is_not_waited_for(runs: Any, url: str, tmp_path: Path) -> None:
    run = runs.make(SPEC.format(url=url), tmp_path)
    assert execute(run, jobs=1).done
    assert in_bank(run) == [0.0] * 4
    assert runs.lessons(run) == []


def test_lessons_that_come_late_are_learned_from(runs: Any, slow: Slow, url: str, tmp_path: Path) -> None:
    run = runs.make(SPEC.format(url=url), tmp_path)

    def progress(message: TrialProgress | LessonProgress) -> None:
        """Has the teacher answer after the first iteration, and the second begin when it has."""
        if isinstance(message, TrialProgress) and message.iteration == 1:
            slow.may_answer.set()
            while len(runs.lessons(run)) < 2:
                threading.Event().wait(0.01)

    assert execute(run, jobs=1, progress=progress).done
    assert in_bank(run) == [0.0, 2.0, 2.0, 2.0]


def test_without_a_limit_training_begins_when_all_lessons_are_there(
    runs: Any, slow: Slow, url: str, tmp_path: Path
) -> None:
    run = runs.make(SPEC.format(url=url).replace("  wait: 0\n", ""), tmp_path)
    slow.may_answer.set()
    assert execute(run, jobs=1).done
    assert in_bank(run) == [2.0] * 4
