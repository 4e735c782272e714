"""Kills a run at random moments and resumes it each time; also does the same run undisturbed.

    python killed_runs.py FOLDER KILLS [SPEC]

SPEC is a YAML file of a run with the one arm "main"; without it a teacher of subgoals is used.
Prints the run folders as JSON: {"whole": ..., "killed": [...], "kills": ...}. Everything is imported once, here, and
each attempt is a fork. An attempt that finishes before it is killed is followed by another run of the same spec.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from palaestra.build import make_agent, make_world
from palaestra.run import Run, open_run, start_run
from palaestra.spec import RunSpec
from palaestra.trials import execute

SPEC = """
name: killed
world: {id: MiniGrid-DoorKey-5x5-v0, num_envs: 8, max_steps: 24}
agent: {network: {kind: mlp, hidden: [16]}, rollout_length: 16, epochs: 1, minibatch_size: 128, intrinsic: rnd}
teacher: {kind: subgoals, levels: 12, concurrency: 2, model: {backend: noisy, accuracy: 0.7}}
budget: {steps: 7_680}
evaluation: {every: 1_280, episodes: 8}
checkpoint: {iterations: 1}
"""
SEED = 20260


def main(folder: Path, kills: int, text: str = SPEC) -> None:
    spec = RunSpec.from_yaml(text, "killed.yaml")
    _warm_up(spec)
    whole = start_run(spec, folder / "whole")
    began = time.monotonic()
    _wait(_start(lambda: execute(whole, jobs=1)))
    seconds = time.monotonic() - began
    moments = random.Random(SEED)
    killed: list[Run] = []
    done = 0
    while done < kills:
        run = start_run(spec, folder / f"killed-{len(killed)}")
        killed.append(run)
        finished = False
        while done < kills and not finished:
            child = _start(lambda folder=run.folder: execute(open_run(folder), jobs=1))
            time.sleep(moments.uniform(0.0, seconds / 3))
            os.kill(child, signal.SIGKILL)
            finished = not os.WIFSIGNALED(os.waitpid(child, 0)[1])
            done += not finished
        _wait(_start(lambda folder=run.folder: execute(open_run(folder), jobs=1)))
    print(json.dumps({"whole": str(whole.folder), "killed": [str(run.folder) for run in killed], "kills": done}))


def _warm_up(spec: RunSpec) -> None:
    """What attempts need is imported and compiled before they are forked."""
    arm = spec.arm("main")
    world = make_world(arm)
    make_agent(arm, world)
    world.close()


def _start(work: Callable[[], object]) -> int:
    child = os.fork()
    if child:
        return child
    try:
        work()
        os._exit(0)
    except BaseException:
        import traceback

        traceback.print_exc()
    os._exit(1)


def _wait(child: int) -> None:
    status = os.waitpid(child, 0)[1]
    if status != 0:
        raise SystemExit(f"an attempt that was not killed ended with {os.waitstatus_to_exitcode(status)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), *(Path(file).read_text() for file in sys.argv[3:4]))
