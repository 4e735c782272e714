"""Kills small runs and studies at random moments, goes on with each, and compares what comes of it.

    python docs/endurance/kills.py [NAME ...] [--kills 200] [--folder runs/endurance]

Each attempt is an ordinary `palaestra` command on a file of this folder: forked from this process, in which everything
is imported and compiled already, and every tenth a process of its own with two jobs. A fifth of the signals are SIGINT
or SIGTERM, all others SIGKILL. What came of a run is compared with an undisturbed one's bit for bit, times left out.
Lines of JSON in FOLDER/kills.jsonl tell of each kill and each comparison; stopped and started anew, it goes on.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from compare import differences

HERE = Path(__file__).parent
CASES: dict[str, tuple[str, ...]] = {
    "subgoals-minigrid": ("run",),
    "environments-crafter": ("run",),
    "environments-heist": ("run",),
    "rewards-quadruped": ("run",),
    "waypoints-agv": ("run",),
    "oni-minigrid": ("run",),
    "overworld": ("run",),
    "crafter-pictures": ("run",),
    "gymnasium-cartpole": ("run",),
    "plans-overworld": ("plan",),
    "motions-quadruped": ("motions", "--no-films"),
}
ALONE_EVERY = 10
SEED = 20_260


class Case:
    """One spec: an undisturbed run of it, and runs that are killed."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder / f"{name}.kills"
        self.rows = [row for row in read(folder) if row["case"] == name]
        self._results = folder
        self._random = random.Random(f"{SEED} {name} {len(self.rows)}")

    @property
    def kills(self) -> int:
        """Attempts that a signal has ended, whether they finished their iteration before or not."""
        return sum("signal" in row for row in self.rows)

    def _words(self, runs: Path, jobs: int = 1) -> list[str]:
        command, *options = CASES[self.name]
        if command == "run":
            options += ["--resume", "--quiet", "--jobs", str(jobs)]
        return [command, str(HERE / f"{self.name}.yaml"), *options, "--runs", str(runs)]

    def whole(self) -> float:
        """Does the undisturbed run, unless it is there; gives the seconds that it took."""
        for row in self.rows:
            if "whole" in row:
                return float(row["whole"])
        runs = self.folder / "whole"
        began = time.monotonic()
        code = ended(start(self._words(runs), self.folder / "whole.log"))
        if code != 0:
            raise SystemExit(f"{self.name}: the undisturbed run ended with {code}; see {self.folder / 'whole.log'}")
        self._keep({"whole": time.monotonic() - began})
        return self.whole()

    def kill_once(self) -> None:
        """Starts the run that is under way, or another, and ends it at a random moment; compares one that is done."""
        seconds, number = self.whole(), sum("differences" in row for row in self.rows)
        runs, log = self.folder / f"killed-{number}", self.folder / f"killed-{number}.log"
        alone = self.kills % ALONE_EVERY == ALONE_EVERY - 1
        which = signal.SIGKILL if self._random.random() < 0.8 else self._random.choice((signal.SIGINT, signal.SIGTERM))
        moment = self._random.uniform(0.0, seconds / 5) + 3 * alone
        child = start(self._words(runs, 2 if alone else 1), log, alone)
        time.sleep(moment)
        os.kill(child, which)
        code = ended(child)
        if code == 0:
            self._keep({"run": number, "differences": differences(only(self.folder / "whole"), only(runs))})
            return
        self._keep({"run": number, "signal": which.name, "moment": moment, "code": code, "alone": alone})
        if code not in (-which, 130):
            self._keep({"run": number, "unexpected": f"ended with {code} after {which.name}; see {log}"})

    def finish(self) -> None:
        """Lets the run that is under way come to its end, and compares it."""
        number = sum("differences" in row for row in self.rows)
        runs, log = self.folder / f"killed-{number}", self.folder / f"killed-{number}.log"
        if not any(row.get("run") == number for row in self.rows):
            return
        code = ended(start(self._words(runs), log))
        if code != 0:
            self._keep({"run": number, "unexpected": f"ended with {code} by itself; see {log}"})
        self._keep({"run": number, "differences": differences(only(self.folder / "whole"), only(runs))})

    def _keep(self, row: dict[str, Any]) -> None:
        row = {"case": self.name} | row
        self.rows.append(row)
        with (self._results / "kills.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row)[:600], flush=True)


def read(folder: Path) -> list[dict[str, Any]]:
    """All lines so far."""
    path = folder / "kills.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def only(runs: Path) -> Path:
    """The one folder in a folder of runs."""
    (found,) = [path for path in runs.iterdir() if path.is_dir()]
    return found


def start(words: list[str], log: Path, alone: bool = False) -> int:
    """Starts a command in a fork of this process, or in a process of its own; gives its id."""
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    with contextlib.suppress(BaseException):
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        for number in (1, 2):
            os.dup2(output, number)
        if alone:
            os.execv(sys.executable, [sys.executable, "-m", "palaestra", *words])
    os._exit(command(words))


def command(words: list[str]) -> int:
    """Runs a command in this process; gives its exit code."""
    from palaestra.cli import main as palaestra

    try:
        palaestra(words)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        import traceback

        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def ended(child: int) -> int:
    """Waits for a process; gives its exit code, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def warm_up(names: list[str], folder: Path) -> None:
    """Imports and compiles here what attempts need."""
    import palaestra.cli.running
    import palaestra.report
    import palaestra.trials  # noqa: F401
    from palaestra.build import make_agent, make_world
    from palaestra.spec import load_spec

    for name in names:
        if CASES[name][0] == "run":
            arm = load_spec(HERE / f"{name}.yaml").arm("main")
            world = make_world(arm)
            world.reset(seed=0)
            make_agent(arm, world)
            world.step(world.action_space.sample())
            world.close()


def turns(cases: list[Case], kills: int) -> Iterator[Case]:
    """Cases in turns, until there are so many kills; those that are done sooner are killed more often."""
    while sum(case.kills for case in cases) < kills:
        yield min(cases, key=lambda case: case.kills * math.sqrt(case.whole()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(CASES), metavar="NAME", help=", ".join(CASES))
    parser.add_argument("--kills", type=int, default=200, help="of all together, with those of earlier calls (200)")
    parser.add_argument("--folder", type=Path, default=Path("runs/endurance"))
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(CASES))
    if unknown:
        parser.error(f"nothing is called {', '.join(unknown)}; there are {', '.join(CASES)}")
    options.folder.mkdir(parents=True, exist_ok=True)
    warm_up(options.names, options.folder)
    cases = [Case(name, options.folder) for name in options.names]
    for case in turns(cases, options.kills):
        case.kill_once()
    for case in cases:
        case.finish()


if __name__ == "__main__":
    main()
