"""The tables of a study of plans: success by group and planner, stages, what failed, what it cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from palaestra.bench.results import BenchResults, BenchTable
from palaestra.plans.playing import Played
from palaestra.plans.study import Case
from palaestra.plans.tasks import PlanStudy, PlanTask
from palaestra.statistics import wilson


def study_results(
    study: PlanStudy, tasks: Mapping[str, PlanTask], found: Mapping[Case, Played], knowledge_size: int = 0
) -> BenchResults:
    """All tables.

    Args:
        study: what was run.
        tasks: by name.
        found: games that were played.
        knowledge_size: items that can be come by in the world; 0: say nothing about how many of them were.
    """
    tables = [*_once(study, tasks, found)] if study.until_success else [_success(study, tasks, found)]
    if study.stages:
        tables.append(_stages(study, found))
    tables.append(_costs(study, found, knowledge_size))
    endings = _endings(study, found)
    tables += [endings] if endings.rows else []
    figures = {
        "world": study.world.model_dump(mode="json"),
        "planners": {name: spec.identity() for name, spec in study.planners.items()},
        "games": [asdict(case) | asdict(one) for case, one in found.items()],
    }
    return BenchResults(tuple(tables), figures, (_world_line(study),))


def _world_line(study: PlanStudy) -> str:
    rules = study.world.settings.get("rules")
    rules = f", rules: {rules}" if rules else ""
    many = "until a task is done in one" if study.until_success else "one game each"
    which = f"World: {study.world.id}{rules}. Worlds 0 to {study.seeds - 1}, {many}"
    return f"{which}; a game ends when the player dies."


def games(found: Mapping[Case, Played], planner: str, tasks: Sequence[str] | None = None) -> list[Played]:
    """A planner's games, of these tasks or all."""
    return [one for case, one in found.items() if case.planner == planner and (tasks is None or case.task in tasks)]


def rate_in_words(done: int, tried: int) -> str:
    """E.g. "95 % [88, 98]": a share of games and its 95 % interval (Wilson)."""
    if not tried:
        return "-"
    interval = wilson(done, tried)
    return f"{100 * done / tried:.0f} % [{100 * interval.low:.0f}, {100 * interval.high:.0f}]"


def _success(study: PlanStudy, tasks: Mapping[str, PlanTask], found: Mapping[Case, Played]) -> BenchTable:
    by_group: dict[str, list[str]] = {}
    for name, task in tasks.items():
        by_group.setdefault(task.group or task.object, []).append(name)
    papers = _papers(study, by_group)
    rows = []
    for group, names in by_group.items():
        cells = [_rate(games(found, planner, names)) for planner in study.planners]
        rows.append((group, str(len(names)), *cells, *(_figure(figures.get(group)) for figures in papers.values())))
    if len(by_group) > 1:
        rows.append(
            (
                "all",
                str(len(tasks)),
                *(_rate(games(found, planner)) for planner in study.planners),
                *("" for _ in papers),
            )
        )
    note = "Games in which the task was done, with the 95 % interval."
    note += f" In other words: {_planners_in_words(study)}" if study.planners else ""
    return BenchTable(f"{study.name}: success", ("tasks", "how many", *study.planners, *papers), tuple(rows), note)


def _once(study: PlanStudy, tasks: Mapping[str, PlanTask], found: Mapping[Case, Played]) -> list[BenchTable]:
    """How many tasks were done at least once, and which of them took more than the first game."""
    rows, late = [], []
    for planner in study.planners:
        by_task: dict[str, list[Played]] = {name: [] for name in tasks}
        for case in sorted((case for case in found if case.planner == planner), key=lambda case: case.seed):
            by_task[case.task].append(found[case])
        played = {name: tries for name, tries in by_task.items() if tries}
        done = sum(any(one.success for one in tries) for tries in played.values())
        first = rate_in_words(sum(tries[0].success for tries in played.values()), len(played))
        games_of_all = sum(len(tries) for tries in played.values())
        rows.append((planner, str(len(tasks)), str(len(played)), str(done), first, str(games_of_all)))
        for name, tries in played.items():
            failed = next((number for number, one in enumerate(tries) if one.success), len(tries))
            if failed:
                outcome = f"in game {failed + 1}" if failed < len(tries) else f"not in {failed}"
                why = _counted(Counter(one.why.partition(":")[0] for one in tries[:failed]))
                late.append((planner, name, outcome, why))
    note = (
        f"A task that was done is played in no other world, one that was not in up to {study.seeds}: tasks that were "
        "done at least once are no rate of success. That of the first game is one, with the 95 % interval."
    )
    note += f" In other words: {_planners_in_words(study)}" if study.planners else ""
    columns = ("planner", "tasks", "played", "done at least once", "done in the first game", "games")
    tables = [BenchTable(f"{study.name}: tasks done at least once", columns, tuple(rows), note)]
    if late:
        columns = ("planner", "task", "done", "games that failed")
        tables.append(BenchTable(f"{study.name}: tasks not done in the first game", columns, tuple(late)))
    return tables


def _stages(study: PlanStudy, found: Mapping[Case, Played]) -> BenchTable:
    """In how many games each item of the stages was come by."""
    rows = []
    papers = _papers(study, study.stages)
    for stage in study.stages:
        cells = []
        for planner in study.planners:
            played = games(found, planner)
            cells.append(rate_in_words(sum(stage in one.obtained for one in played), len(played)))
        rows.append((stage, *cells, *(_figure(figures.get(stage)) for figures in papers.values())))
    note = "Games in which the item was at hand at some time."
    return BenchTable(f"{study.name}: stages", ("stage", *study.planners, *papers), tuple(rows), note)


def _papers(study: PlanStudy, names: Sequence[str] | Mapping[str, list[str]]) -> dict[str, dict[str, float]]:
    """The figures of papers that say something of these groups or stages."""
    return {paper: figures for paper, figures in study.paper.items() if set(figures) & set(names)}


def _costs(study: PlanStudy, found: Mapping[Case, Played], items: int) -> BenchTable:
    columns = [
        "planner", "games", "plans", "calls", "from the ledger", "refused", "tokens", "US dollars", "ticks", "seconds",
        "repaired", "items",
    ]  # fmt: skip
    rows = []
    for planner in study.planners:
        played = games(found, planner)
        number = max(1, len(played))
        replanned = [one for one in played if one.failures]
        obtained = {item for one in played for item in one.obtained}
        rows.append(
            (
                planner,
                str(len(played)),
                f"{sum(one.plans for one in played) / number:.1f}",
                f"{sum(one.calls for one in played) / number:.1f}",
                f"{sum(one.remembered for one in played) / number:.1f}",
                f"{sum(sum(one.refused.values()) for one in played) / number:.2f}",
                f"{sum(one.tokens for one in played) / number:,.0f}",
                f"{sum(one.price for one in played) / number:.4f}",
                f"{sum(one.ticks for one in played) / number:,.0f}",
                f"{sum(one.processor for one in played) / number:.2f}",
                f"{sum(one.success for one in replanned)} of {len(replanned)}",
                f"{len(obtained)}" + (f" of {items}" if items else ""),
            )
        )
    note = (
        "Means of a game; seconds are of the processor. Repaired: of the games in which an action failed, those that "
        "succeeded all the same. Items: that were at hand in some game."
    )
    return BenchTable(f"{study.name}: what it took", tuple(columns), tuple(rows), note)


def _endings(study: PlanStudy, found: Mapping[Case, Played]) -> BenchTable:
    """Why games failed, and which actions did, most often first."""
    rows = []
    for planner in study.planners:
        played = games(found, planner)
        endings = Counter(one.why.partition(":")[0] for one in played if one.why)
        failures: Counter[str] = Counter()
        for one in played:
            failures.update(one.failures)
        if endings or failures:
            rows.append((planner, _counted(endings) or "-", _counted(failures) or "-"))
    title = f"{study.name}: what went wrong"
    return BenchTable(title, ("planner", "games that failed", "actions that failed"), tuple(rows))


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.most_common())


def _rate(played: list[Played]) -> str:
    return rate_in_words(sum(one.success for one in played), len(played))


def _figure(percent: float | None) -> str:
    return "" if percent is None else f"{percent:g} %"


def _planners_in_words(study: PlanStudy) -> str:
    parts = []
    for name in study.planners:
        config = study.planner_config(name)
        model = study.planners[name].model.get("backend", "")
        check = ", plans checked by the recipes" if config.check else ""
        parts.append(f"{name}: {config.in_words()}{check} ({study.planners[name].kind}, model {model})")
    return "; ".join(parts) + "."
