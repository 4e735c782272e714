"""Two processes that share the environments learn what one learns that has them all."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from gymnasium.spaces import Box, Discrete
from palaestra_agents.base import AgentInterface
from palaestra_agents.groups import ALONE, Group, GroupError, Share, started_group
from palaestra_agents.ppo import PPO

SCRIPT = Path(__file__).with_name("learning_together.py")


def test_two_processes_learn_what_one_learns() -> None:
    """Gloo on one machine: PPO with and without memory and intrinsic rewards, saved and restored in the middle."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(SCRIPT)]
    done = subprocess.run(torchrun, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = {line["kind"]: line for line in map(json.loads, filter(is_result, done.stdout.splitlines()))}
    assert len(found) == 10
    for kind, line in found.items():
        assert line["between processes"] == 0, kind
        assert line["state"] < 1e-4, kind
        assert line["metrics"] < 1e-4, kind


def is_result(line: str) -> bool:
    return line.startswith("{")


def test_shares_are_rows_of_the_whole_batch() -> None:
    rows = torch.tensor([0, 5, 7, 6, 1, 10, 11])
    shares = [Group(rank, 2).share(4) for rank in range(2)]
    assert shares == [Share(0, 2, 4), Share(2, 2, 4)]
    assert [share.own(rows).tolist() for share in shares] == [[0, 3, 1], [3, 2, 4, 5]]
    assert ALONE.share(4).own(rows) is rows


@pytest.mark.parametrize(("total", "nearest"), [(10, "9 or 12"), (2, "3")])
def test_environments_that_cannot_be_shared_are_refused(total: int, nearest: str) -> None:
    with pytest.raises(GroupError, match=rf"^world.num_envs is {total}, which 3 .* evenly; make it {nearest}$"):
        Group(1, 3).share(total)


def test_a_group_is_what_torchrun_says() -> None:
    started = started_group({"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1"})
    assert (started.rank, started.size, started.local_rank) == (5, 8, 1)
    for alone in ({}, {"WORLD_SIZE": "8"}, {"RANK": "0", "WORLD_SIZE": "1"}):
        assert started_group(alone) is ALONE


def test_one_process_is_alone() -> None:
    ALONE.join()
    numbers = torch.ones(2)
    assert ALONE.sum_(numbers) is numbers
    assert ALONE.broadcast(b"said") == b"said"
    assert ALONE.collect(b"said") == [b"said"]


def test_what_cannot_be_shared_says_so() -> None:
    def why(**config: Any) -> str:
        return PPO.why_alone(PPO.Config.model_validate(config))

    assert why() == why(intrinsic="counts", memory="gru") == ""
    assert why(compile=True) == "agent.compile would compile anew for every share of a minibatch; set it to false"


def test_each_process_needs_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    interface = AgentInterface(Box(-1.0, 1.0, (3,), "float32"), Discrete(4), 4, group=Group(1, 2, 1))  # pyright: ignore
    with pytest.raises(
        GroupError, match="process 1 of this machine has no GPU of its own, torch finds 1; give --nproc"
    ):
        PPO(PPO.Config(device="cuda"), interface)
