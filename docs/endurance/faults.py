"""Tries faults of the surroundings amid runs, studies and sweeps: a full disk, a read-only folder, a clock set back.

    python docs/endurance/faults.py [NAME ...] [--faults full,read-only,clock] [--folder runs/endurance]

Needs Linux and root. As soon as something was kept, the disk (a tmpfs of its own) is filled, or all in the folder made
immutable (`chattr +i`), or the process's clock set back by a day (by libfaketime, where it is installed, or where
`--faketime` says). What the command then says is printed; the fault is mended, the same command goes on, and what comes
of it is compared with an undisturbed one's bit for bit, times left out. Lines of JSON in FOLDER/faults.jsonl.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from compare import differences
from kills import HERE, only

COMMANDS: dict[str, tuple[str, ...]] = {
    "environments-heist": ("run", "--resume", "--quiet", "--jobs", "1"),
    "plans-overworld": ("plan",),
    "motions-quadruped": ("motions", "--no-films"),
    "sweep-minigrid": ("sweep", "--jobs", "1", "--resume"),
}
KEPT = ("*/results.jsonl", "**/checkpoints/**/*.safetensors")
"""Where it shows that something was kept."""
MEGABYTES = 64
DAY = "-86400"


def words(name: str, runs: Path) -> list[str]:
    command, *options = COMMANDS[name]
    return [command, str(HERE / f"{name}.yaml"), *options, "--sweeps" if command == "sweep" else "--runs", str(runs)]


def start(name: str, runs: Path, log: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "palaestra", *words(name, runs)],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | environment,
        )


def wait_for_something(process: subprocess.Popen[bytes], runs: Path) -> None:
    """Until a result or a checkpoint was kept."""
    while process.poll() is None:
        if any(path.stat().st_size for pattern in KEPT for path in runs.glob(pattern)):
            return
        time.sleep(0.02)


def fill(runs: Path) -> None:
    """To the last byte."""
    with suppress(OSError), (runs / "filler").open("wb", buffering=0) as file:
        for size in (1 << 16, 1):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))


def immutable(runs: Path, is_so: bool) -> None:
    subprocess.run(["chattr", "-R", "+i" if is_so else "-i", str(runs)], check=True, stderr=subprocess.DEVNULL)


@contextmanager
def disk(runs: Path) -> Iterator[None]:
    """A small file system at a folder."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(runs)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(runs)], check=True)


def try_full(name: str, runs: Path, log: Path, whole: Path) -> dict[str, object]:
    with disk(runs):
        process = start(name, runs, log, {})
        wait_for_something(process, runs)
        fill(runs)
        code, said = process.wait(), last_line(log)
        again = start(name, runs, log, {}).wait()
        said_again = last_line(log)
        (runs / "filler").unlink()
        return {"code": code, "said": said, "again": [again, said_again], **gone_on(name, runs, log, whole)}


def try_read_only(name: str, runs: Path, log: Path, whole: Path) -> dict[str, object]:
    process = start(name, runs, log, {})
    wait_for_something(process, runs)
    immutable(runs, True)
    try:
        code, said = process.wait(), last_line(log)
        again = start(name, runs, log, {}).wait()
        said_again = last_line(log)
    finally:
        immutable(runs, False)
    return {"code": code, "said": said, "again": [again, said_again], **gone_on(name, runs, log, whole)}


def try_clock(name: str, runs: Path, log: Path, whole: Path, library: Path) -> dict[str, object]:
    offset = log.with_suffix(".clock")
    offset.write_text("+0")
    faked = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(offset.absolute()),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    process = start(name, runs, log, faked)
    wait_for_something(process, runs)
    offset.write_text(DAY)
    code, said = process.wait(), last_line(log)
    return {"code": code, "said": said, **gone_on(name, runs, log, whole, faked)}


def gone_on(
    name: str, runs: Path, log: Path, whole: Path, environment: dict[str, str] | None = None
) -> dict[str, object]:
    """What comes of the same command, once the fault is mended."""
    code = start(name, runs, log, environment or {}).wait()
    pairs = [(only(whole), only(runs))]
    if COMMANDS[name][0] == "sweep":
        (one, other), names = pairs[0], sorted(path.name for path in (only(whole) / "runs").iterdir())
        pairs = [(one / "runs" / run, other / "runs" / run) for run in names]
    return {"at last": code, "differences": [line for pair in pairs for line in differences(*pair)]}


def last_line(log: Path) -> str:
    """The last that the command said of itself, or else the last line."""
    lines = log.read_text(errors="replace").splitlines()
    return next((line for line in reversed(lines) if line.startswith("palaestra: ")), lines[-1] if lines else "")


def library_of(given: Path | None) -> Path | None:
    places = [given] if given else list(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    return next((place for place in places if place.is_file()), None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(COMMANDS), metavar="NAME", help=", ".join(COMMANDS))
    parser.add_argument("--faults", default="full,read-only,clock")
    parser.add_argument("--folder", type=Path, default=Path("runs/endurance"))
    parser.add_argument("--faketime", type=Path, help="libfaketime.so.1")
    options = parser.parse_args()
    library = library_of(options.faketime)
    for name in options.names:
        whole = options.folder / f"{name}.faults" / "whole"
        whole.mkdir(parents=True, exist_ok=True)
        if start(name, whole, whole.with_suffix(".log"), {}).wait() != 0:
            raise SystemExit(f"{name}: the undisturbed one failed; see {whole.with_suffix('.log')}")
        for fault in options.faults.split(","):
            runs = whole.with_name(fault)
            shutil.rmtree(runs, ignore_errors=True)
            runs.mkdir()
            log = runs.with_suffix(".log")
            if fault == "full":
                found = try_full(name, runs, log, whole)
            elif fault == "read-only":
                found = try_read_only(name, runs, log, whole)
            elif library is None:
                found = {"left out": "libfaketime is not installed"}
            else:
                found = try_clock(name, runs, log, whole, library)
            row = json.dumps({"case": name, "fault": fault, **found})
            with (options.folder / "faults.jsonl").open("a") as file:
                file.write(row + "\n")
            print(row, flush=True)


if __name__ == "__main__":
    main()
