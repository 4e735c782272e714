"""What the trained selector learns from: how long the scripted player takes for each of some goals, from one state.

Every goal is a result that is kept; worlds from `FIRST_HELD_OUT` on are for measuring alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import palaestra_worlds
from numpy.typing import NDArray
from palaestra_teachers.planners.horizon import Horizon, features, rank_correlation, train_horizon
from palaestra_teachers.planners.selector import distance
from palaestra_worlds.structured import Knowledge, PlanStep, PlayerStatus, StructuredPlayer

from palaestra.bench.results import BenchResults, BenchTable
from palaestra.kept import RESULTS, keep, read_kept, working_in

WORLD = "Overworld"
FIRST_HELD_OUT = 1_000_000
GOALS: Mapping[str, int] = {
    "oak_log": 2,
    "birch_log": 2,
    "spruce_log": 2,
    "dirt": 3,
    "sand": 3,
    "cobblestone": 3,
    "coal": 1,
    "white_wool": 1,
    "beef": 1,
    "porkchop": 1,
    "chicken": 1,
}
"""Things to come by, and how many of each at most."""
TOOLS = ("wooden_pickaxe", "stone_axe", "stone_sword")
MOST_TICKS = 1000
"""After which a goal counts as taking so long."""


@dataclass(frozen=True)
class Sample:
    """One goal that was tried: how the player was, and what it took."""

    world: int
    item: str
    step: PlanStep
    status: PlayerStatus
    ticks: int
    success: bool


def collect(
    folder: Path,
    worlds: Sequence[int],
    settings: Mapping[str, Any],
    stop: Callable[[], bool] = lambda: False,
    tell: Callable[[Sample], None] = lambda sample: None,
) -> list[Sample]:
    """Tries every goal in every world, but for those that `folder` has, and gives all samples of these worlds.

    Args:
        folder: of the results; made where it is missing.
        worlds: seeds.
        settings: of the world.
        stop: asked before and during each action.
        tell: is told of each that was tried.

    Raises:
        StudyError: the folder cannot be used, or another process is at it.
        StoreError: a result cannot be kept.
    """
    with working_in(folder):
        known = read_kept(folder / RESULTS, lambda row: _taken(row, settings))
        for world in worlds:
            missing = [item for item in GOALS if (world, item) not in known]
            if not missing or stop():
                continue
            for sample in _try_all(world, missing, settings, stop):
                known[world, sample.item] = sample
                keep(folder / RESULTS, _row(sample, settings))
                tell(sample)
    return [sample for (world, _), sample in known.items() if world in set(worlds)]


def _row(sample: Sample, settings: Mapping[str, Any]) -> dict[str, Any]:
    models = {"step": sample.step.model_dump(mode="json"), "status": sample.status.model_dump(mode="json")}
    return {**vars(sample), **models, "settings": dict(settings)}


def _taken(row: dict[str, Any], settings: Mapping[str, Any]) -> tuple[tuple[int, str], Sample] | None:
    if row.pop("settings") != dict(settings):
        return None
    step, status = PlanStep.model_validate(row.pop("step")), PlayerStatus.model_validate(row.pop("status"))
    sample = Sample(step=step, status=status, **row)
    return (sample.world, sample.item), sample


def _try_all(seed: int, items: Sequence[str], settings: Mapping[str, Any], stop: Callable[[], bool]) -> Any:
    """Samples of some goals from a world's first state."""
    world: Any = palaestra_worlds.make(WORLD, 1, **settings)
    try:
        tools = [{"item": item} for item in TOOLS]
        goal = {"item": "diamond", "count": 64}
        world.assign([world.task_space.model_validate({"level_seed": seed, "inventory": tools, "goal": goal})])
        world.reset(seed=[seed])
        player, knowledge = world.player(0), world.knowledge()
        began, random = player.snapshot(), np.random.default_rng(seed)
        counts = {item: int(random.integers(1, most + 1)) for item, most in GOALS.items()}
        for item in items:
            player.restore(began)
            sample = _try(seed, item, counts[item], player, knowledge, stop)
            if stop():
                return
            if sample is not None:
                yield sample
    finally:
        world.close()


def _try(
    seed: int, item: str, count: int, player: StructuredPlayer, knowledge: Knowledge, stop: Callable[[], bool]
) -> Sample | None:
    """What a goal takes; None where something else has to come first."""
    status = player.status()
    step = knowledge.plan(item, count, status.inventory, near=status.seen)[0]
    if step.object != item:
        return None
    left, success = status.ticks_left, True
    for action in knowledge.actions(step, status):
        success = player.perform(action, ticks=max(1, MOST_TICKS - (left - player.ticks_left)), stop=stop).success
        if not success:
            break
    took = left - player.ticks_left
    return Sample(seed, item, step, status, min(MOST_TICKS, took) if success else MOST_TICKS, success)


def train(samples: Sequence[Sample], seed: int = 0) -> Horizon:
    """The predictor fitted to samples.

    Raises:
        ValueError: there are none.
    """
    rows = np.stack([features(one.step, one.status) for one in samples]) if samples else np.zeros((0, 1), np.float32)
    return train_horizon(rows, np.array([one.ticks for one in samples], np.float64), seed)


def measure(network: Horizon, learned: Sequence[Sample], held_out: Sequence[Sample]) -> BenchResults:
    """How well the predictor foretells what goals take in worlds that it did not learn from, beside the distance rule.

    Args:
        network: the predictor.
        learned: samples that it learned from.
        held_out: samples of other worlds.
    """
    took = np.array([one.ticks for one in held_out], np.float64)
    usual = np.median([one.ticks for one in learned])
    by_item = {item: np.median([one.ticks for one in learned if one.item == item] or [usual]) for item in GOALS}
    rules: dict[str, Callable[[Sample], float]] = {
        "trained": lambda one: network.ticks(one.step, one.status),
        "distance": lambda one: min(1e6, distance(one.step, one.status)),
        "each goal's median": lambda one: float(by_item[one.item]),
    }
    rows, figures = [], {}
    for name, rule in rules.items():
        told = np.array([rule(one) for one in held_out])
        errors = ("-", "-") if name == "distance" else _errors(told, took)
        taus, regrets = _in_each_world(held_out, told)
        figures[name] = {"tau": taus, "regret": regrets}
        tau = f"{np.mean(taus):.2f}" if taus else "-"
        rows.append((name, *errors, tau, f"{np.mean(regrets):.0f}" if regrets else "-"))
    columns = ("rule", "mean error, ticks", "median error, ticks", "rank correlation", "ticks lost by its choice")
    failed = sum(not one.success for one in held_out)
    table = BenchTable(
        title="Steps to go in held-out worlds",
        columns=columns,
        rows=tuple(rows),
        note=f"Learned from {len(learned)} goals, measured on {len(held_out)}, of which {failed} were not done within "
        f"{MOST_TICKS:,} ticks and count as that. Rank correlation: Kendall's tau-b over the goals of one world, mean "
        "over worlds. Ticks lost: what the goal that it puts first takes, less what the quickest takes, mean over "
        "worlds; what has not been seen is farthest by the distance rule, the first of equals is chosen.",
    )
    return BenchResults((table,), figures)


def _errors(told: Any, took: Any) -> tuple[str, str]:
    return f"{np.abs(told - took).mean():.0f}", f"{np.median(np.abs(told - took)):.0f}"


def _in_each_world(samples: Sequence[Sample], told: NDArray[np.float64]) -> tuple[list[float], list[float]]:
    """Rank correlation, and ticks lost, in each world; `told` is what a rule says of each sample."""
    taus, regrets = [], []
    for world in dict.fromkeys(one.world for one in samples):
        own = [k for k, one in enumerate(samples) if one.world == world]
        foretold, took = told[own].tolist(), [float(samples[k].ticks) for k in own]
        tau = rank_correlation(foretold, took)
        # A rule that says the same of all has put nothing in order.
        if len(set(took)) > 1:
            taus.append(tau or 0.0)
        regrets.append(took[int(np.argmin(foretold))] - min(took))
    return taus, regrets
