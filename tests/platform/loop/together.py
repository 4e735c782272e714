"""Started by `torchrun` in two processes: does a run until, at an iteration, something happens to process 1.

Arguments: the run's folder, "stop" or "kill", and the iteration. Prints what process 0 has to say in the end.
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
from palaestra_agents.groups import GroupError, started_group

SIGNALS = {"stop": signal.SIGTERM, "kill": signal.SIGKILL}


def main(folder: str, act: str, iteration: str) -> None:
    group = started_group()
    pid = Path(folder) / "process-1.pid"
    if group.rank > 0:
        pid.write_text(str(os.getpid()))
        follow(group)
        return
    leader = Leader(group)
    leader.join()
    pending = [int(pid.read_text())]

    def listen(message: object) -> None:
        if isinstance(message, TrialProgress) and message.iteration == int(iteration) and pending:
            os.kill(pending.pop(), SIGNALS[act])

    try:
        execution = execute(open_run(Path(folder)), progress=listen, leader=leader)
    except GroupError as error:
        print(f"said: {error}", flush=True)
        return
    print(f"said: interrupted {execution.interrupted}", flush=True)
    leader.end()


if __name__ == "__main__":
    main(*sys.argv[1:])
