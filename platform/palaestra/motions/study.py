"""Runs a study of motions: every task, interface and seed once, kept as it is done, so that it can be gone on with."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from palaestra_teachers.llm.build import build_model
from palaestra_teachers.llm.prices import PricedModel

from palaestra.checkpoint import write_atomically
from palaestra.kept import complete, working_in, writing
from palaestra.kept import read_results as kept_results
from palaestra.ledger import StoreLedger
from palaestra.motions.driving import Attempted, Reached, attempt
from palaestra.motions.tasks import Interface, MotionStudy
from palaestra.run import short_hash
from palaestra.store import Store

RECORDINGS = "recordings"


@dataclass(frozen=True)
class Case:
    """One attempt that is to be made."""

    task: str
    interface: Interface
    seed: int


def study_folder(study: MotionStudy, root: Path) -> Path:
    """Where its results are: the same for the same world and teacher, whatever the tasks, planners and seeds."""
    content = study.model_dump(mode="json", include={"name", "world", "teacher"})
    return root / f"{study.name}-{short_hash(content)}"


def task_hash(study: MotionStudy, name: str) -> str:
    """Of all that an attempt at a task depends on, beside world and teacher: results of another one do not count."""
    task = study.tasks[name]
    planner = (task.planner or study.planner).model_dump(mode="json", exclude={"threads"})
    late = {"latency": study.latency} if study.latency else {}
    content = task.model_dump(mode="json", exclude={"paper", "planner"})
    for check in content["success"]["checks"]:
        if not check["throughout"]:
            # Results from before this could be said still count.
            del check["throughout"]
    return short_hash([content, planner | late])


def recording_path(folder: Path, case: Case) -> Path:
    """Where the states are that the robot went through in an attempt: float32 (frames, nstate), as `films` draws."""
    return folder / RECORDINGS / f"{case.task}.{case.interface}.{case.seed}.npy"


def cases(study: MotionStudy, tasks: Sequence[str] = ()) -> Iterator[Case]:
    """What is to be tried, seed by seed, so that each is there for all tasks before the next begins."""
    for seed in range(max(study.seeds.values(), default=0)):
        for interface, count in study.seeds.items():
            if seed < count:
                yield from (Case(task, interface, seed) for task in study.tasks if not tasks or task in tasks)


def run_study(
    study: MotionStudy,
    folder: Path,
    wanted: Sequence[Case],
    stop: Callable[[], bool] = lambda: False,
    tell: Callable[[Case, Attempted], None] = lambda case, found: None,
) -> dict[Case, Attempted]:
    """Makes the attempts that `folder` has no result of, and gives all that it has.

    An attempt in which the model gave no reply is not kept: the next time it is made again.

    Args:
        study: what is to be run.
        folder: of its results and calls; made where it is missing.
        wanted: which attempts.
        stop: asked before each attempt.
        tell: is told of each one that was made.

    Raises:
        StudyError: the folder cannot be used, or another process is at it.
        ValueError: world, teacher or model cannot be made.
        StoreError: calls or results cannot be kept.
    """
    with working_in(folder, RECORDINGS), Store(folder / "run.sqlite") as store:

        def make(case: Case) -> Attempted:
            found, recording = asyncio.run(_attempt(study, case, store))
            if len(recording) and not found.unanswered:
                path, data = recording_path(folder, case), io.BytesIO()
                np.save(data, recording, allow_pickle=False)
                with writing(path):
                    write_atomically(path, data.getvalue())
            return found

        return complete(folder, wanted, read_results(folder, study), _settings(study), make, stop, tell)


def read_results(folder: Path, study: MotionStudy) -> dict[Case, Attempted]:
    """What was done so far of the study's tasks as they are now; a last line that was cut off is left away.

    Raises:
        StudyError: a line is no result.
    """
    return kept_results(folder, Case, _settings(study), _attempted)


def _settings(study: MotionStudy) -> Callable[[Case], str | None]:
    """`task_hash` of a case's task; None of one that the study does not have."""
    hashes = {name: task_hash(study, name) for name in study.tasks}
    return lambda case: hashes.get(case.task)


def _attempted(row: dict[str, Any]) -> Attempted:
    return Attempted(**{**row, "reached": [Reached(**one) for one in row["reached"]]})


async def _attempt(study: MotionStudy, case: Case, store: Store) -> tuple[Attempted, NDArray[np.float32]]:
    by_hand = case.interface == "by_hand"
    stages = "two" if by_hand else case.interface
    config = study.rewards.model_copy(update={"stages": stages, **({"revisions": 0} if by_hand else {})})
    settings = {"backend": "scripted"} if by_hand else study.teacher.model
    model = build_model(settings, lambda one: PricedModel(one, study.teacher.prices))
    ledger = StoreLedger(store, short_hash({"interface": case.interface, "model": settings}, digits=12))
    return await attempt(study, study.tasks[case.task], case.seed, model, ledger, config)
