"""Runs a study of plans: every task, planner and seed once, kept as it is done, so that it can be gone on with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from palaestra_teachers.llm.build import build_model
from palaestra_teachers.llm.prices import PricedModel
from palaestra_worlds.overworld.controllers.learned import Policy
from palaestra_worlds.overworld.skills.goals import Skill

from palaestra.checkpoint import write_atomically
from palaestra.kept import complete, working_in, writing
from palaestra.kept import read_results as kept_results
from palaestra.ledger import StoreLedger
from palaestra.plans.controllers import Trained, controllers_identity, load_controllers
from palaestra.plans.memories import Memories, game_name
from palaestra.plans.playing import Played, Stopped, play
from palaestra.plans.tasks import PlanStudy, PlanTask
from palaestra.run import short_hash
from palaestra.store import Store

ACCOUNTS = "games"


@dataclass(frozen=True)
class Case:
    """One game that is to be played."""

    task: str
    planner: str
    seed: int


def study_folder(study: PlanStudy, root: Path) -> Path:
    """Where its results are: the same for the same world, whatever the tasks, planners and seeds."""
    return root / f"{study.name}-{short_hash(study.world.model_dump(mode='json'))}"


def case_hash(
    study: PlanStudy, planner: str, task: PlanTask, controllers: Mapping[Skill, Trained] | None = None
) -> str:
    """Of all that a game depends on, beside world and seed: results of another one do not count."""
    parts: list[Any] = [study.planners[planner].identity(), task.model_dump(mode="json", exclude={"name", "group"})]
    return short_hash([*parts, controllers_identity(controllers)] if controllers else parts)


def account_path(folder: Path, case: Case) -> Path:
    """Where it stands what happened in a game."""
    return folder / ACCOUNTS / case.planner / f"{case.task}.{case.seed}.txt"


def cases(study: PlanStudy, tasks: Mapping[str, PlanTask]) -> Iterator[Case]:
    """What is to be played, seed by seed, so that each is there for all planners before the next begins."""
    for seed in range(study.seeds):
        for task in tasks:
            yield from (Case(task, planner, seed) for planner in study.planners)


def run_study(
    study: PlanStudy,
    folder: Path,
    tasks: Mapping[str, PlanTask],
    wanted: Sequence[Case],
    stop: Callable[[], bool] = lambda: False,
    tell: Callable[[Case, Played], None] = lambda case, found: None,
) -> dict[Case, Played]:
    """Plays the games that `folder` has no result of, and gives all that it has.

    A game in which the model gave no reply, or that was stopped, is not kept: the next time it is played again. With
    `until_success` a task that was done in some world is played in no other.

    Args:
        study: what is to be run.
        folder: of its results and calls; made where it is missing.
        tasks: by name.
        wanted: which games.
        stop: asked before each game, and again and again in each action.
        tell: is told of each one that was played.

    Raises:
        StudyError: the folder cannot be used, another process is at it, or a learned controller cannot be used.
        ValueError: world, planner or model cannot be made, or a memory is damaged.
        StoreError: calls or results cannot be kept.
    """
    controllers = load_controllers(study.controllers, study.world.settings)
    settings = _settings(study, tasks, controllers)
    memories = Memories(study, folder)
    with working_in(folder, ACCOUNTS), Store(folder / "run.sqlite") as store:
        done = read_results(folder, study, tasks, controllers)
        memories.recover()
        solved = {(case.task, case.planner) for case, found in done.items() if found.success}
        # Looked at as they are done, by when others may have been solved.
        still = (case for case in wanted if not study.until_success or (case.task, case.planner) not in solved)

        def make(case: Case) -> Played | None:
            memory = memories.begin(case.planner, game_name(case.task, case.seed, settings(case)))
            try:
                found, account = asyncio.run(_play(study, tasks[case.task], case, store, stop, controllers, memory))
            except Stopped:
                return None
            if not found.unanswered:
                path = account_path(folder, case)
                with writing(path):
                    path.parent.mkdir(exist_ok=True)
                    write_atomically(path, "\n".join([*account, found.why or "done", ""]).encode())
            return found

        def kept(case: Case, found: Played) -> None:
            if found.success:
                solved.add((case.task, case.planner))
            if not found.unanswered:
                memories.take_in(case.planner, game_name(case.task, case.seed, settings(case)))
            tell(case, found)

        return complete(folder, still, done, settings, make, stop, kept)


def read_results(
    folder: Path,
    study: PlanStudy,
    tasks: Mapping[str, PlanTask],
    controllers: Mapping[Skill, Trained] | None = None,
) -> dict[Case, Played]:
    """What was done so far of the study's planners and tasks as they are now; a last line cut off is left away.

    Raises:
        StudyError: a line is no result.
    """
    return kept_results(folder, Case, _settings(study, tasks, controllers), lambda row: Played(**row))


def _settings(
    study: PlanStudy, tasks: Mapping[str, PlanTask], controllers: Mapping[Skill, Trained] | None
) -> Callable[[Case], str | None]:
    """`case_hash` of a case; None of one that is not of the study."""
    hashes = {
        (planner, name): case_hash(study, planner, task, controllers)
        for planner in study.planners
        for name, task in tasks.items()
    }
    return lambda case: hashes.get((case.planner, case.task))


async def _play(
    study: PlanStudy,
    task: PlanTask,
    case: Case,
    store: Store,
    stop: Callable[[], bool],
    controllers: Mapping[Skill, Trained],
    memory: Path | None,
) -> tuple[Played, list[str]]:
    spec = study.planners[case.planner]
    config: Any = study.planner_config(case.planner)
    if memory is not None:
        config = config.model_copy(update={"memory_file": memory})
    model = build_model(spec.model, lambda one: PricedModel(one, spec.prices))
    ledger = StoreLedger(store, short_hash(spec.identity(), digits=12))
    policies: dict[Skill, Policy] = {skill: one.policy(case.seed) for skill, one in controllers.items()}
    return await play(study, case.planner, task, case.seed, model, ledger, config, stop, policies)
