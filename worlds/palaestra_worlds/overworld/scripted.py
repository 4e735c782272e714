"""A scripted planner that knows all recipes: plans, carries out, plans anew after each failure. No language model.

It shows what world and controllers allow; planners that are asked for plans are measured against it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from palaestra_worlds.structured import ActionFeedback, Knowledge, StructuredAction, StructuredPlayer

MOST_FAILURES = 12
"""Times the same action may fail in the same way before the game is given up."""


@dataclass(frozen=True)
class Game:
    """How a game went.

    Attributes:
        success: whether the goal was reached.
        ticks: of the episode's clock.
        feedback: of every action, in order.
        plans: how often a plan was made.
    """

    success: bool
    ticks: int
    feedback: tuple[ActionFeedback, ...]
    plans: int


def play(player: StructuredPlayer, knowledge: Knowledge, item: str, count: int) -> Game:
    """Plays until there are `count` of an item, or the episode is over, or nothing helps.

    Raises:
        ValueError: there is no such item, or it can't be come by.
    """
    began, plans, explored = player.ticks_left, 0, False
    done: list[ActionFeedback] = []
    failures: Counter[str] = Counter()
    while not player.is_over and (not failures or max(failures.values()) < MOST_FAILURES):
        status = player.status()
        plans += 1
        plan = knowledge.plan(item, count, status.inventory, near=status.seen)
        if not plan:
            break
        if any(step.object.endswith("_log") and step.object not in status.seen for step in plan) and not explored:
            # Which trees there are decides what everything is made of.
            explored = True
            done.append(player.perform(StructuredAction(name="explore", object="log")))
            continue
        for step in plan:
            feedback = [player.perform(action) for action in knowledge.actions(step, player.status())]
            done += feedback
            failed = next((one for one in feedback if not one.success), None)
            if failed is not None:
                failures[f"{failed.action} {failed.failure}"] += 1
                break
            if player.is_over:
                break
    return Game(player.has_succeeded, began - player.ticks_left, tuple(done), plans)
