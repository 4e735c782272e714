"""Populations: what is refused, that a take-over is one, and that Ray Tune's exchanges can be repeated and resumed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from palaestra import checkpoint
from palaestra.checkpoint import CheckpointError
from palaestra.run import header_of
from palaestra.spec import SpecError
from palaestra.sweep.folder import Sweep, start_sweep
from palaestra.sweep.history import read_histories
from palaestra.sweep.member import TOOK_OVER, Interval, Member
from palaestra.sweep.spec import SweepSpec, load_sweep

RUN = """
name: empty
world: {id: MiniGrid-Empty-5x5-v0, num_envs: 8}
agent: {kind: ppo, rollout_length: 16, minibatch_size: 64, network: {kind: mlp, hidden: [16]}}
teacher: {kind: subgoals, levels: 4}
budget: {steps: 768}
evaluation: {every: 256, episodes: 8}
checkpoint: {iterations: 1}
"""
SWEEP = """
run: run.yaml
measure: return_mean
parameters: {agent.learning_rate: [1.0e-12, 1.0e-11], teacher.shown: {low: 0.2, high: 0.8}}
population: {members: 2, interval: 256, seed: 3}
"""


def load_in(folder: Path, sweep: str = SWEEP, run: str = RUN) -> SweepSpec:
    (folder / "run.yaml").write_text(run)
    (folder / "sweep.yaml").write_text(sweep)
    return load_sweep(folder / "sweep.yaml", Path)


def members(sweep: Sweep) -> list[Member]:
    return [Member(trial.run.folder) for trial in sweep.trials()]


def end_of(member: Member, interval: int) -> tuple[checkpoint.CheckpointHeader, dict[str, torch.Tensor]]:
    """Header and weights of a member at the end of an interval."""
    header, state = checkpoint.load(member.run.folder / "population" / f"interval-{interval:04d}.safetensors")
    return header, state["agent"]["policy"]


@pytest.mark.timeout(600)
def test_on_ray_members_take_over_others_alike_each_time_and_after_an_interruption(
    cli: Callable[..., Any], tmp_path: Path
) -> None:
    pytest.importorskip("ray", reason="needs Ray: pip install 'palaestra[ray]'")
    spec = load_in(tmp_path)
    done = cli("sweep", tmp_path / "sweep.yaml", "--sweeps", tmp_path / "sweeps", "--ray", "local")
    assert done.code == 0, done
    whole = Sweep(next((tmp_path / "sweeps").iterdir()))
    (history,) = read_histories(whole, whole.trials())
    exchanges = history.take_overs()
    assert [one.step for one in exchanges] == [256, 512], "the worse of two takes over the better at each exchange"
    by_number = dict(enumerate(members(whole), start=1))
    for one in exchanges:
        assert (one.score or 0) <= (one.source_score or 0)
        interval = one.step // 256
        assert history.members[one.member][interval].source == by_number[one.source].name
        if interval == 2:
            # Of an agent that as good as does not learn the weights stay what was taken over.
            theirs, ours = end_of(by_number[one.source], 2), end_of(by_number[one.member], 3)
            assert ours[0].seed == by_number[one.member].seed != theirs[0].seed
            for name, weights in theirs[1].items():
                torch.testing.assert_close(ours[1][name], weights, rtol=0, atol=1e-7)
        with by_number[one.member].run.open_store(read_only=True) as store:
            told = store.query(
                "SELECT message FROM events WHERE kind = ? AND iteration = ?", (TOOK_OVER, one.step // 128)
            )
        assert by_number[one.source].name in told[0][0]
    for name in ("report.html", "report.md"):
        page = (whole.folder / name).read_text()
        for heading in ("Who took over whom", "the best, came about", "Settings over time"):
            assert heading in page, name

    # As if Ray and its driver had been killed when all had ended the first interval, and one had begun the second.
    killed = start_sweep(spec, tmp_path / "again")
    assert killed.folder.name == whole.folder.name
    for member, trial in zip(members(killed), killed.trials(), strict=True):
        member.do(1, trial.first_values, None, 256, "return_mean")
    taker = members(killed)[exchanges[0].member - 1]
    taker.do(2, exchanges[0].changed, by_number[exchanges[0].source].name, 512, "return_mean")
    resumed = cli("sweep", tmp_path / "sweep.yaml", "--sweeps", tmp_path / "again", "--ray", "local", "--resume")
    assert resumed.code == 0, resumed
    assert [member.intervals() for member in members(killed)] == [member.intervals() for member in members(whole)]
