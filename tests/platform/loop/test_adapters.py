"""Agents train in other libraries' environments, from a spec, and go on after an interruption as far as these allow."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from palaestra.progress import TrialProgress
from palaestra.trials import execute

SPEC = """
world: {id: ID, num_envs: 8}
agent: {network: {kind: mlp, hidden: [16]}, rollout_length: 32, epochs: 2, minibatch_size: 128MEMORY}
budget: {steps: 1_536}
evaluation: {every: 768, episodes: 8}
arms: {main: {}}
"""


def spec(id: str, memory: str = "") -> str:
    return SPEC.replace("ID", id).replace("MEMORY", memory)


def interrupted_at(iteration: int) -> Any:
    """A listener that interrupts once, when a trial has done so many iterations."""
    pending = [signal.SIGINT]

    def listen(message: object) -> None:
        if isinstance(message, TrialProgress) and message.iteration == iteration and pending:
            signal.raise_signal(pending.pop())

    return listen


def test_a_run_in_gymnasiums_environment_resumes_exactly(runs: Any, tmp_path: Path) -> None:
    whole = runs.make(spec("gymnasium:CartPole-v1"), tmp_path / "whole")
    assert execute(whole, jobs=1).done
    stopped = runs.make(spec("gymnasium:CartPole-v1"), tmp_path / "stopped")
    assert execute(stopped, jobs=1, progress=interrupted_at(3)).interrupted
    assert execute(runs.open(stopped.folder), jobs=1).done
    runs.assert_same(runs.outcome(stopped), runs.outcome(whole))
    assert runs.events(stopped) == {}


@pytest.mark.parametrize("memory", ["", ", memory: {kind: gru, size: 8, steps: 8}"])
def test_a_run_in_envpools_environment_goes_on_with_new_episodes_and_says_so(
    runs: Any, tmp_path: Path, memory: str
) -> None:
    pytest.importorskip("envpool")
    run = runs.make(spec("envpool:CartPole-v1", memory), tmp_path)
    assert execute(run, jobs=1, progress=interrupted_at(3)).interrupted
    assert execute(runs.open(run.folder), jobs=1).done
    found = runs.outcome(run)
    assert (found.status, found.steps) == ("done", 1536)
    assert runs.events(run) == {"episodes_restarted": 1}
    returns = [value for *_, name, value in found.metrics if name == "train/episode_return"]
    assert len(returns) >= 5
    assert len(found.evaluations) == 3
