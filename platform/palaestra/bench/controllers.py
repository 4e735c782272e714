"""Learned controllers beside scripted ones: the same held-out starts, skill by skill and goal by goal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import palaestra_worlds
from palaestra_worlds.overworld.skills.goals import DRAWN, TICKS, GoalName, Skill
from palaestra_worlds.overworld.skills.tasks import SkillTask
from palaestra_worlds.structured import StructuredAction

from palaestra.bench.results import BenchResults, BenchTable
from palaestra.build import make_agent
from palaestra.evaluation import FIRST_EVALUATION_LEVEL, play
from palaestra.plans.controllers import Trained
from palaestra.plans.table import rate_in_words
from palaestra.worker import torch_threads

NAMES: dict[str, str] = {"stone": "cobblestone", "coal_ore": "coal", "diamond_ore": "diamond"}
"""What structured actions call the item that a goal leaves."""


@dataclass
class Row:
    """Attempts at one goal: how many, and how many each controller did."""

    goal: str
    starts: int
    learned: int
    untrained: int
    scripted: int


def bench_controllers(
    trained: dict[Skill, Trained], starts: int, tell: Callable[[str], None] = lambda line: None
) -> BenchResults:
    """Measures learned controllers beside the scripted ones.

    Args:
        trained: by skill.
        starts: of each goal: held-out levels.
        tell: gets a line for each goal.
    """
    tables, figures = [], {}
    for skill, one in trained.items():
        rows = []
        for goal in DRAWN[skill]:
            rows.append(_measure(skill, one, goal, starts))
            tell(f"{skill} {goal}: learned {rows[-1].learned}, scripted {rows[-1].scripted} of {starts}")
        tables.append(_table(skill, one, rows))
        figures[skill] = {"steps": one.steps, "rows": [vars(row) for row in rows]}
    note = (
        "Share of the starts from which it was done within the ticks, and its 95 % interval (Wilson). Worlds were not "
        "trained on. Untrained: the same network with its first weights, which acts nearly at random. A scripted "
        "controller counts as successful if the world or it itself says so."
    )
    return BenchResults(tuple(tables), figures, (note,))


def _table(skill: Skill, one: Trained, rows: list[Row]) -> BenchTable:
    def in_words(row: Row) -> tuple[str, ...]:
        rates = (rate_in_words(done, row.starts) for done in (row.learned, row.untrained, row.scripted))
        return row.goal, *rates, str(row.starts)

    sums = (sum(getattr(row, name) for row in rows) for name in ("starts", "learned", "untrained", "scripted"))
    total = Row("all", *sums)
    return BenchTable(
        title=f"{skill}, within {TICKS[skill]} ticks",
        columns=("goal", "learned", "untrained", "scripted", "starts"),
        rows=tuple(in_words(row) for row in (*rows, total)),
        note=f"Learned for {one.steps:,} steps.",
    )


def _measure(skill: Skill, one: Trained, goal: GoalName, starts: int) -> Row:
    settings = one.arm.world.settings
    tasks = [SkillTask(level_seed=FIRST_EVALUATION_LEVEL + k, target=goal) for k in range(starts)]
    world = palaestra_worlds.make(one.arm.world.id, min(starts, 32), **settings)
    try:
        with torch_threads(1):
            learned, untrained = (
                int(play(agent, world, tasks, greedy=one.arm.evaluation.greedy).successes.sum())
                for agent in (one.agent, make_agent(one.arm, world))
            )
    finally:
        world.close()
    return Row(goal, starts, learned, untrained, sum(_by_script(skill, one, task) for task in tasks))


def _by_script(skill: Skill, one: Trained, task: SkillTask) -> bool:
    """Whether the scripted controller does it from the same start."""
    assert task.target is not None
    world: Any = palaestra_worlds.make(one.arm.world.id, 1, **one.arm.world.settings)
    try:
        world.assign([task])
        world.reset(seed=[task.level_seed])
        player = world.player(0)
        name = NAMES.get(task.target, task.target) if skill == "mine" else task.target
        began, feedback = player.ticks_left, None
        # What is to be approached must have been seen; a scripted player looks for it first.
        for action in ("explore", "approach") if skill == "approach" else (skill,):
            left = TICKS[skill] - (began - player.ticks_left)
            feedback = player.perform(StructuredAction(name=action, object=name), ticks=max(1, left))
            if player.has_succeeded or not feedback.success:
                break
        return player.has_succeeded or bool(feedback and feedback.success)
    finally:
        world.close()
