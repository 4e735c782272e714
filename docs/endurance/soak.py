"""Lets small curricula run for an hour or more, and samples what they take: memory, files, threads, steps, disk.

    python docs/endurance/soak.py [NAME ...] [--minutes 60] [--every 20] [--folder runs/endurance]

Each curriculum is an ordinary `palaestra` command on a file of this folder, with a budget that it never comes to the
end of. Samples are lines of JSON in FOLDER/NAME.soak.jsonl; stopped and started anew, the soak goes on where it was. At
the end each run is told to stop by SIGINT, and has to say that everything is saved. Linux only (it reads /proc).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ENDLESS = "budget.steps=1000000000000"
CURRICULA: dict[str, tuple[str, ...]] = {
    "subgoals-minigrid": ("run", "--set", ENDLESS),
    "subgoals-live": ("run", "--set", ENDLESS),
    "environments-crafter": ("run", "--set", ENDLESS, "--set", "teacher.cycles=1000"),
    "environments-heist": ("run", "--set", ENDLESS, "--set", "teacher.cycles=1000"),
    "rewards-quadruped": ("run", "--set", ENDLESS),
    "waypoints-agv": ("run", "--set", ENDLESS),
    "oni-minigrid": ("run", "--set", ENDLESS),
    "plans-overworld": ("plan", "--set", "seeds=1000"),
    "motions-quadruped": ("motions", "--no-films", "--set", "seeds.two=1000", "--set", "seeds.primitives=1000"),
}
"""What is started for each, besides its file and the folder of its runs."""
INTERRUPTED = 130


class Soaked:
    """One curriculum on its way."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.path = folder / f"{name}.soak.jsonl"
        self.runs = folder / f"{name}.runs"
        self.runs.mkdir(parents=True, exist_ok=True)
        command, *options = CURRICULA[name]
        if command == "run":
            options += ["--resume", "--jobs", "1", "--quiet"]
        words = [sys.executable, "-m", "palaestra", command, str(HERE / f"{name}.yaml"), *options]
        self._log = (folder / f"{name}.log").open("a")
        self.before = seconds_so_far(self.path)
        self.began = time.monotonic()
        self.process = subprocess.Popen([*words, "--runs", str(self.runs)], stdout=self._log, stderr=self._log)

    def sample(self) -> None:
        """Adds a line of what it takes now."""
        row: dict[str, Any] = {"seconds": round(self.before + time.monotonic() - self.began, 1)}
        row |= taken(self.process.pid) | {"done": how_far(self.runs), "disk": size_of(self.runs), "load": load()}
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")

    def stop(self) -> str:
        """Stops it as Ctrl-C does; gives how it ended."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(timeout=600)
        self._log.close()
        return "saved" if code == INTERRUPTED else f"ended with code {code}"


def load() -> float:
    """How many processes wanted a processor, over the last minute."""
    return round(os.getloadavg()[0], 2)


def seconds_so_far(path: Path) -> float:
    """How long earlier soaks into the same file took."""
    lines = path.read_text().splitlines() if path.is_file() else []
    return float(json.loads(lines[-1])["seconds"]) if lines else 0.0


def taken(pid: int) -> dict[str, Any]:
    """Processes, memory in bytes, open files, threads and processor seconds of a process and its children."""
    found = {"pid": pid, "processes": 0, "memory": 0, "own_memory": 0, "files": 0, "threads": 0, "cpu": 0.0}
    for one in family(pid):
        # One that has just ended has no memory any more.
        with contextlib.suppress(OSError, IndexError, KeyError):
            status = dict(
                line.split(":", 1) for line in Path(f"/proc/{one}/status").read_text().splitlines() if ":" in line
            )
            stat = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            found["memory"] += 1024 * int(status["VmRSS"].split()[0])
            found["own_memory"] += 1024 * int(status["RssAnon"].split()[0])
            found["threads"] += int(status["Threads"])
            found["files"] += len(os.listdir(f"/proc/{one}/fd"))
            # Its own, and those of children that it has waited for.
            found["cpu"] += sum(map(int, stat[11:15])) / os.sysconf("SC_CLK_TCK")
            found["processes"] += 1
    return found


def family(pid: int) -> Iterator[int]:
    """A process, and those that it or its children have started."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in children.read_text().split():
                yield from family(int(child))


def how_far(runs: Path) -> int:
    """Environment steps of a run; results of a study."""
    steps = 0
    for path in runs.rglob("results.jsonl"):
        steps += path.read_bytes().count(b"\n")
    for path in runs.rglob("run.sqlite"):
        with (
            contextlib.suppress(sqlite3.OperationalError),
            contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as store,
        ):
            steps += store.execute("SELECT COALESCE(MAX(step), 0) FROM metrics").fetchone()[0]
    return steps


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.stat().st_size if path.is_file() else 0
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(CURRICULA), metavar="NAME", help=", ".join(CURRICULA))
    parser.add_argument("--minutes", type=float, default=60.0, help="of each, with those of earlier soaks (60)")
    parser.add_argument("--every", type=float, default=20.0, help="seconds between samples (20)")
    parser.add_argument("--folder", type=Path, default=Path("runs/endurance"))
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(CURRICULA))
    if unknown:
        parser.error(f"no curriculum is called {', '.join(unknown)}; there are {', '.join(CURRICULA)}")
    going = [Soaked(name, options.folder) for name in options.names]
    try:
        while any(one.process.poll() is None for one in going):
            time.sleep(options.every)
            for one in [one for one in going if one.process.poll() is None]:
                one.sample()
            if all(seconds_so_far(one.path) >= 60 * options.minutes for one in going if one.process.poll() is None):
                break
    except KeyboardInterrupt:
        print("stopped; the same command goes on")
    for one in going:
        how = one.stop() if one.process.poll() is None else f"ended by itself with code {one.process.returncode}"
        print(f"{one.name}: {how}")


if __name__ == "__main__":
    main()
