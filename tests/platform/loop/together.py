"""Started by `torchrun` in two processes: does a run, in which process 1 is told to stop and, later, is killed.

Argument: the run's folder. Prints what process 0 has to say after each.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from palaestra.parallel import Leader, follow
from palaestra.progress import TrialProgress
from palaestra.run import open_run
from palaestra.trials import execute
from palaestra_agents.groups import Group, GroupError, end_process, started_group

STOPPED_AT, KILLED_AT = 3, 5
"""Iterations."""


def lead(group: Group, folder: Path, iteration: int, number: int) -> None:
    """Does the run, and sends a signal to process 1 after an iteration."""
    leader = Leader(group)
    group.join()
    pending = [int((folder / "process-1.pid").read_text())]

    def listen(message: object) -> None:
        if isinstance(message, TrialProgress) and message.iteration == iteration and pending:
            os.kill(pending.pop(), number)

    try:
        execution = execute(open_run(folder), progress=listen, leader=leader)
        print(f"said: interrupted {execution.interrupted}", flush=True)
    except GroupError as error:
        print(f"said: {error}", flush=True)
    leader.end()


def main(folder: Path) -> None:
    group = started_group()
    if group.rank == 0:
        lead(group, folder, STOPPED_AT, signal.SIGTERM)
        lead(group, folder, KILLED_AT, signal.SIGKILL)
        group.leave()
    else:
        (folder / "process-1.pid").write_text(str(os.getpid()))
        follow(group)
        follow(group)
    end_process()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
