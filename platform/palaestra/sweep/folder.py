"""The folder of a sweep: its trials' run folders, what teachers answered, and which trials were stopped early."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from palaestra.asking import teacher_hash
from palaestra.checkpoint import write_atomically
from palaestra.lessons import Preparation
from palaestra.progress import Listener
from palaestra.run import Run, RunError, canonical, open_run, run_folder, start_run_in
from palaestra.store import TrialRow
from palaestra.sweep.population import MEMBER, Choices, Population
from palaestra.sweep.ranges import Range
from palaestra.sweep.spec import EarlyStopping, Measure, SweepSpec, Variant

STOPPED_EARLY = "stopped early"


@dataclass(frozen=True)
class FoundTrial:
    """A trial of a sweep and how far it is.

    Attributes:
        variant, arm, seed: what it tries.
        run: its run folder.
        row: its one trial in there.
        stopped_early: whether a scheduler ended it because others did better.
    """

    variant: Variant
    arm: str
    seed: int
    run: Run
    row: TrialRow
    stopped_early: bool = False

    @property
    def status(self) -> str:
        """One of the store's statuses, or "stopped early"."""
        return STOPPED_EARLY if self.stopped_early else self.row.status

    @property
    def name(self) -> str:
        return f"{self.arm}, seed {self.seed}, {self.variant.name}"

    @property
    def first_values(self) -> dict[str, Any]:
        """Of a member of a population: the settings that it began with."""
        return {key: value for key, value in self.variant.values.items() if key != MEMBER}


class Sweep:
    """A sweep folder.

    Attributes:
        folder: `<root>/<name>-<hash>`; the same sweep has the same.
        population: None where trials have nothing to do with each other.
        choices: of a population, what each parameter may be.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            content = json.loads((folder / "sweep.json").read_text(encoding="utf-8"))
            self.name: str = content["name"]
            self.description: str = content["description"]
            self.measure: Measure = content["measure"]
            stopping = content["early_stopping"]
            self.early_stopping = None if stopping is None else EarlyStopping(**stopping)
            population = content.get("population")
            self.population = None if population is None else Population(**population)
            self.choices: Choices = {
                key: Range(**choice) if isinstance(choice, dict) else choice
                for key, choice in content.get("choices", {}).items()
            }
            self._trials = [
                (Variant(entry["values"]), str(entry["arm"]), int(entry["seed"]), str(entry["run"]))
                for entry in content["trials"]
            ]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(f"{folder} is no sweep folder: sweep.json cannot be used ({error})") from error

    def trials(self) -> list[FoundTrial]:
        """All trials and how far they are.

        Raises:
            RunError, StoreError, SpecError: one of the run folders cannot be used.
        """
        stopped = self._stopped()
        found = []
        for variant, arm, seed, name in self._trials:
            run = open_run(self.folder / "runs" / name)
            found.append(FoundTrial(variant, arm, seed, run, run.trials()[0], name in stopped))
        return found

    def populations(self, trials: Sequence[FoundTrial]) -> dict[tuple[str, int], list[FoundTrial]]:
        """These of its trials by the arm and seed of their population; none where the sweep has no populations."""
        groups: dict[tuple[str, int], list[FoundTrial]] = {}
        if self.population is not None:
            for trial in trials:
                groups.setdefault((trial.arm, trial.seed // self.population.members), []).append(trial)
        return groups

    def unfinished(self) -> list[FoundTrial]:
        """Trials that still have something to do."""
        return [trial for trial in self.trials() if trial.status not in ("done", STOPPED_EARLY)]

    def stop_early(self, runs: Sequence[Run]) -> None:
        """Keeps in mind that a scheduler ended these trials."""
        names = sorted(self._stopped() | {run.folder.name for run in runs})
        write_atomically(self.folder / "stopped_early.json", json.dumps(names, indent=1).encode())

    def _stopped(self) -> set[str]:
        try:
            return set(json.loads((self.folder / "stopped_early.json").read_text(encoding="utf-8")))
        except FileNotFoundError:
            return set()
        except (OSError, ValueError) as error:
            raise RunError(f"{self.folder / 'stopped_early.json'} cannot be used: {error}; remove it") from error

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Holds the sweep for this process.

        Raises:
            RunError: another process holds it.
        """
        with _Locked(self.folder).lock("sweep"):
            yield


class _Locked(Run):
    """A folder that is locked as runs are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder


def start_sweep(spec: SweepSpec, root: Path) -> Sweep:
    """Makes the folder of a sweep with the run folders of its trials, or opens it where it exists.

    Raises:
        RunError, StoreError: something cannot be written.
    """
    described = "\n".join(trial.spec.to_yaml() for trial in spec.trials)
    population = {}
    if spec.population is not None:
        choices = {
            key: choice.model_dump() if isinstance(choice, Range) else list(choice)
            for key, choice in spec.choices.items()
        }
        population = {"population": spec.population.model_dump(mode="json"), "choices": choices}
        described += canonical(population)
    digest = hashlib.sha256(described.encode()).hexdigest()[:8]
    folder = root / f"{spec.name}-{digest}"
    if (folder / "sweep.json").exists():
        return Sweep(folder)
    entries = []
    for trial in spec.trials:
        run = run_folder(trial.spec, folder / "runs")
        arm = trial.spec.arm(trial.arm)
        if arm.teacher is not None and arm.teacher.cache is None:
            # What one trial's teacher answered need not be asked, and paid for, again by the others.
            teacher = arm.teacher.model_copy(update={"cache": (folder / "answers").absolute()})
            arm = arm.model_copy(update={"teacher": teacher})
        start_run_in(run, trial.spec.model_copy(update={"arms": {trial.arm: arm}}))
        entries.append({"values": dict(trial.variant.values), "arm": trial.arm, "seed": trial.seed, "run": run.name})
    stopping = spec.early_stopping
    content = {
        "name": spec.name,
        "description": spec.description,
        "measure": spec.measure,
        "early_stopping": None if stopping is None else stopping.model_dump(),
        "trials": entries,
        **population,
    }
    write_atomically(folder / "sweep.json", json.dumps(content, indent=1).encode())
    return Sweep(folder)


def ask_teachers(trials: Sequence[FoundTrial], tell: Listener, stop: Event) -> None:
    """Has every teacher that is asked ahead of training asked once; the trials then find its answers.

    Raises:
        LessonError, StoreError: asking failed.
    """
    asked = set[str]()
    for trial in trials:
        arm = trial.run.spec.arm(trial.arm)
        if stop.is_set() or arm.teacher is None or arm.teacher.wait is not None or teacher_hash(arm) in asked:
            continue
        asked.add(teacher_hash(arm))
        with trial.run.lock(), Preparation(trial.run, [trial.arm], stop) as preparation:
            preparation.finish(tell)
