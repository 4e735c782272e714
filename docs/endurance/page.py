"""Writes docs/results/endurance.md from what soak.py and kills.py have kept.

    python docs/endurance/page.py [--folder runs/endurance ...] [--commit HASH]

Runs that were killed are compared anew. Of several folders, the kills are shown one after another.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

from compare import differences
from kills import CASES, only, read
from soak import CURRICULA

PAGE = Path(__file__).parents[1] / "results" / "endurance.md"
INTRODUCTION = """# Endurance

Small curricula that run for a long time, and others that are killed again and again. No language model takes part:
teachers are scripted. {machine}, beside other programs. The specs are in docs/endurance.

```sh
python docs/endurance/soak.py
python docs/endurance/kills.py
python docs/endurance/page.py
```

## The soak

Each curriculum in one process with one thread, all at once, at low priority (`nice -n 10`), told to stop by SIGINT at
the end. {load:.0f} processes (median) wanted the machine's two processors, so more than an hour was two minutes of
processor time for each. That is the measure of how much was done, and it is little: what leaks slowly is not seen by
this. *Own memory* is what the process does not share with files. The first half, by processor time, is left out:
imports, compilation, buffers that fill. Figures are of its end and of the end of the soak; *pace* is what was done in a
second of processor time.

| Curriculum | Minutes | Processor | Done | Own memory, MB | Files | Threads | Pace, quarters 3 and 4 | On disk |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
"""
KILLS = """
## Kills

Small runs of each kind, each attempt ended at a random moment, then gone on with by the same command until it is done.
A fifth of the signals are SIGINT or SIGTERM, the others SIGKILL; every tenth attempt is a process of its own with two
jobs, the others are forks of one in which everything is compiled. *Alike*: metrics, evaluations, lessons and how far
they were followed, calls and replies, the newest checkpoint with worlds, random states and optimiser (of studies:
results, accounts, recordings, memories) are the same to the last bit as those of an undisturbed run, times left out.

| | Kills | SIGKILL | SIGINT, SIGTERM | Runs that came to their end | Alike |
| --- | ---: | ---: | ---: | ---: | ---: |
"""
AGAIN = """
### {commit}

| | Kills | SIGKILL | SIGINT, SIGTERM | Runs that came to their end | Alike |
| --- | ---: | ---: | ---: | ---: | ---: |
"""


def samples(folder: Path, name: str) -> list[dict[str, Any]]:
    """What was sampled of a curriculum."""
    path = folder / f"{name}.soak.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def soak_row(name: str, rows: list[dict[str, Any]]) -> str:
    """A line of the table."""
    rows = [row for row in rows if row["processes"]]
    last = rows[-1]
    half = next(row for row in rows if row["cpu"] >= last["cpu"] / 2)
    quarter = next(row for row in rows if row["cpu"] >= 3 * last["cpu"] / 4)
    paces = [
        (end["done"] - begin["done"]) / max(end["cpu"] - begin["cpu"], 1e-9)
        for begin, end in ((half, quarter), (quarter, last))
    ]
    what = "results" if CURRICULA[name][0] != "run" else "steps"
    digits = 0 if what == "steps" else 2
    return (
        f"| {name} | {last['seconds'] / 60:.0f} | {last['cpu']:.0f} s | {last['done']:,} {what} | "
        f"{half['own_memory'] / 1e6:.0f} to {last['own_memory'] / 1e6:.0f} | "
        f"{half['files']} to {last['files']} | {half['threads']} to {last['threads']} | "
        f"{paces[0]:,.{digits}f}, {paces[1]:,.{digits}f} | {last['disk'] / 1e6:.0f} MB |\n"
    )


def kill_rows(folder: Path, found: list[str]) -> str:
    """Lines of the table; what differs is added to `found`."""
    rows, lines, totals = read(folder), "", Counter[str]()
    for name in CASES:
        mine = [row for row in rows if row["case"] == name]
        signals = Counter(row["signal"] for row in mine if "signal" in row)
        if not signals:
            continue
        done = [row["run"] for row in mine if "differences" in row]
        alike = 0
        for number in done:
            here = folder / f"{name}.kills"
            apart = differences(only(here / "whole"), only(here / f"killed-{number}"))
            alike += not apart
            found += [f"{name}, run {number}: {line}" for line in apart]
        found += [f"{name}: {row['unexpected']}" for row in mine if "unexpected" in row]
        kinds = Counter(kills=signals.total(), kill=signals["SIGKILL"], done=len(done), alike=alike)
        totals += kinds
        lines += kill_row(name, kinds)
    return lines + kill_row("all", totals)


def kill_row(name: str, kinds: Counter[str]) -> str:
    others = kinds["kills"] - kinds["kill"]
    return f"| {name} | {kinds['kills']} | {kinds['kill']} | {others} | {kinds['done']} | {kinds['alike']} |\n"


def machine() -> str:
    """In words."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    cores = sum(line.startswith("processor") for line in lines)
    return f"{cores} cores of an {model}, Python {platform.python_version()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--folder", type=Path, action="append", help="repeatable, of further kills; default: runs/endurance"
    )
    parser.add_argument("--commit", default="", help="that was measured, where it is not the one at hand")
    parser.add_argument("--notes", type=Path, help="a file that is put behind the tables")
    options = parser.parse_args()
    folders = options.folder or [Path("runs/endurance")]
    git = ["git", "rev-parse", "--short", "HEAD"]
    commit = options.commit or subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    soaked = {name: rows for name in CURRICULA if (rows := samples(folders[0], name))}
    load = statistics.median(row["load"] for rows in soaked.values() for row in rows)
    text = INTRODUCTION.format(machine=f"Commit {commit}; {machine()}", load=load)
    text += "".join(soak_row(name, rows) for name, rows in soaked.items())
    found: list[str] = []
    for number, folder in enumerate(folder for folder in folders if read(folder)):
        text += (KILLS if not number else AGAIN.format(commit=folder.name)) + kill_rows(folder, found)
    text += "".join(f"\n- {line[:140]}" for line in found) + "\n"
    if options.notes:
        text += options.notes.read_text()
    PAGE.write_text(text)
    print(f"Written: {PAGE}")


if __name__ == "__main__":
    main()
