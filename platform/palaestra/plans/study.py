"""Runs a study of plans: every task, planner and seed once, kept as it is done, so that it can be gone on with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from palaestra_teachers.llm.build import build_model
from palaestra_teachers.llm.prices import PricedModel
from palaestra_teachers.planners.config import GhostConfig
from palaestra_worlds.overworld.controllers.learned import Policy
from palaestra_worlds.overworld.skills.goals import Skill

from palaestra.kept import RESULTS, keep, made, read_kept, working_in
from palaestra.ledger import StoreLedger
from palaestra.plans.controllers import Trained, controllers_identity, load_controllers
from palaestra.plans.playing import Played, Stopped, play
from palaestra.plans.tasks import PlanStudy, PlanTask
from palaestra.run import short_hash
from palaestra.store import Store

ACCOUNTS = "games"
MEMORIES = "memories"


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
        StoreError: calls cannot be kept.
    """
    controllers = load_controllers(study.controllers, study.world.settings)
    with working_in(made(folder, ACCOUNTS)):
        done = read_results(folder, study, tasks, controllers)
        open_cases = [case for case in wanted if case not in done]
        if not open_cases:
            return done
        solved = {(case.task, case.planner) for case, found in done.items() if found.success}
        with Store(folder / "run.sqlite") as store, (folder / RESULTS).open("a", encoding="utf-8") as file:
            for case in open_cases:
                if stop():
                    break
                if study.until_success and (case.task, case.planner) in solved:
                    continue
                try:
                    found, account = asyncio.run(_play(study, folder, tasks[case.task], case, store, stop, controllers))
                except Stopped:
                    break
                done[case] = found
                if found.success:
                    solved.add((case.task, case.planner))
                if not found.unanswered:
                    path = account_path(folder, case)
                    path.parent.mkdir(exist_ok=True)
                    path.write_text("\n".join([*account, found.why or "done", ""]), encoding="utf-8")
                    settings = {"settings": case_hash(study, case.planner, tasks[case.task], controllers)}
                    keep(file, asdict(case) | settings | asdict(found))
                tell(case, found)
        return done


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
    hashes = {
        (planner, name): case_hash(study, planner, task, controllers)
        for planner in study.planners
        for name, task in tasks.items()
    }

    def take(row: dict[str, Any]) -> tuple[Case, Played] | None:
        case = Case(**{name: row.pop(name) for name in ("task", "planner", "seed")})
        settings, found = row.pop("settings"), Played(**row)
        return (case, found) if settings == hashes.get((case.planner, case.task)) else None

    return read_kept(folder / RESULTS, take)


async def _play(
    study: PlanStudy,
    folder: Path,
    task: PlanTask,
    case: Case,
    store: Store,
    stop: Callable[[], bool],
    controllers: Mapping[Skill, Trained],
) -> tuple[Played, list[str]]:
    spec = study.planners[case.planner]
    config: Any = study.planner_config(case.planner)
    if isinstance(config, GhostConfig) and config.memory and config.memory_file is None:
        path = folder / MEMORIES / f"{case.planner}-{short_hash(spec.identity())}.json"
        config = config.model_copy(update={"memory_file": path})
    prices = spec.prices
    model = build_model(spec.model, (lambda one: PricedModel(one, prices)) if prices else (lambda one: one))
    ledger = StoreLedger(store, short_hash(spec.identity(), digits=12))
    policies: dict[Skill, Policy] = {skill: one.policy(case.seed) for skill, one in controllers.items()}
    return await play(study, case.planner, task, case.seed, model, ledger, config, stop, policies)
