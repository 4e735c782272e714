"""The run folder: where a run's spec, store, checkpoints and event files lie, and who is working in it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from palaestra.checkpoint import CheckpointHeader, write_atomically
from palaestra.holding import Held, holding
from palaestra.store import Store, StoreError, TrialRow

if TYPE_CHECKING:
    from palaestra.spec import ArmSpec, RunSpec

# What the platform uses of a spec (spec.py):
#   RunSpec: name: str; arm_names: list[str]; seed_list: list[int]; arm(name) -> ArmSpec;
#            to_yaml() -> str (fully resolved), RunSpec.from_yaml(text, file name) -> RunSpec
#   ArmSpec: name: str; world: id: str, num_envs: int, settings: dict (what `palaestra_worlds.make` takes besides);
#            agent: kind: str, config: the kind's validated Config;
#            teacher: None or kind: str, config: the kind's validated Config, model: dict (backend and its settings),
#                     levels: int, mode: "ahead" | "live", concurrency: int, cache: Path | None;
#            levels: int | None: training levels (seeds 0..levels-1) of all arms, also of those without a teacher;
#                    None: the world's own endless ones;
#            budget: steps: int, teacher_calls: int | None, until_success: float | None, held: int;
#            evaluation: every: int (steps), episodes: int, greedy: bool;
#            checkpoint: seconds: float, iterations: int | None


class RunError(RuntimeError):
    """A run folder cannot be used; the message says which, why, and what to do."""


def canonical(value: Any) -> str:
    """JSON text that is the same for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)


def short_hash(value: Any, digits: int = 8) -> str:
    """Hexadecimal digits of the SHA-256 of a JSON-able value."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:digits]


def header_of(arm: ArmSpec, seed: int) -> CheckpointHeader:
    """What a checkpoint of an arm's trial must be of; its iteration and step are 0."""
    return CheckpointHeader(
        world_id=arm.world.id,
        agent_kind=arm.agent.kind,
        arm=arm.name,
        seed=seed,
        iteration=0,
        step=0,
        config_hash=short_hash(arm.identity()),
    )


class Run:
    """A run folder.

    Attributes:
        folder: `runs/<name>-<hash>`.
        spec: what is to run.
    """

    def __init__(self, folder: Path, spec: RunSpec) -> None:
        self.folder = Path(folder)
        self.spec = spec

    @property
    def store_path(self) -> Path:
        return self.folder / "run.sqlite"

    def open_store(self, read_only: bool = False) -> Store:
        """A connection to the store; close it, or use it in `with`.

        Raises:
            StoreError: it cannot be opened.
        """
        return Store(self.store_path, read_only)

    def trials(self) -> list[TrialRow]:
        """The trials and how far they are."""
        with self.open_store(read_only=True) as store:
            return store.trials()

    def checkpoint_folder(self, arm: str, seed: int) -> Path:
        return self.folder / "checkpoints" / f"{arm}-seed{seed}"

    def events_folder(self, arm: str, seed: int) -> Path:
        return self.folder / "tensorboard" / f"{arm}-seed{seed}"

    @contextmanager
    def lock(self, name: str = "run", wait: float = 0.0) -> Iterator[None]:
        """Holds the run, or one trial of it, for this process; let go of when the process ends, however it does.

        Raises:
            RunError: another process holds it, and still does after `wait` seconds.
        """
        path = self.folder / f".{name}.lock"
        with ExitStack() as stack:
            try:
                stack.enter_context(holding(path, wait))
            except OSError as error:
                raise RunError(f"{path} cannot be opened: {error.strerror}; check that you may write there") from error
            except Held as holder:
                what = "run" if name == "run" else f"trial {name} of the run"
                raise RunError(
                    f"the {what} in {self.folder} is being worked on by process {holder}; wait for it or end it"
                ) from None
            yield


def run_folder(spec: RunSpec, root: Path) -> Path:
    """Where the run of a spec lies: the same spec, the same folder."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", spec.name).strip("-.") or "run"
    return Path(root) / f"{name}-{hashlib.sha256(spec.to_yaml().encode()).hexdigest()[:8]}"


def start_run(spec: RunSpec, root: Path) -> Run:
    """Makes the run folder of a spec, or opens it where it exists; nothing is trained yet.

    Raises:
        RunError: the folder cannot be made.
        StoreError: its store cannot be used.
    """
    return start_run_in(run_folder(spec, root), spec)


def start_run_in(folder: Path, spec: RunSpec) -> Run:
    """The same in a folder of one's own choice.

    Raises:
        RunError: the folder cannot be made.
        StoreError: its store cannot be used.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "spec.yaml").exists():
            write_atomically(folder / "spec.yaml", spec.to_yaml().encode())
    except OSError as error:
        raise RunError(f"{folder} cannot be written: {error.strerror or error}; choose another folder") from error
    run = Run(folder, spec)
    with run.open_store() as store:
        store.add_trials([(arm, seed) for seed in spec.seed_list for arm in spec.arm_names])
        if "machine" not in store.info():
            for key, value in surroundings().items():
                store.set_info(key, value)
    return run


def open_run(folder: Path) -> Run:
    """A run folder that exists.

    Raises:
        RunError: it is none.
        SpecError: its spec.yaml cannot be read.
    """
    from palaestra.spec import RunSpec

    path = Path(folder) / "spec.yaml"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise RunError(f"{folder} is no run folder: {path.name} cannot be read ({error.strerror})") from error
    return Run(Path(folder), RunSpec.from_yaml(text, str(path)))


def surroundings() -> dict[str, Any]:
    """What a result depends on besides the spec: machine, versions, command, commit."""
    import platform
    import subprocess
    from importlib.metadata import PackageNotFoundError, version

    versions = {"python": platform.python_version()}
    for package in ("palaestra", "torch", "numpy", "numba", "gymnasium", "minigrid"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "none"
    found = subprocess.run(
        ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12"],
        capture_output=True,
        text=True,
        check=False,
    )
    return {
        "versions": versions,
        "command": " ".join(["palaestra", *sys.argv[1:]]),
        "commit": found.stdout.strip() if found.returncode == 0 else "",
        "machine": {
            "system": f"{platform.system()} {platform.machine()}",
            "processor": _processor(),
            "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        },
    }


def _processor() -> str:
    import platform

    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor()


__all__ = ["Run", "RunError", "StoreError", "open_run", "run_folder", "short_hash", "start_run"]
