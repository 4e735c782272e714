"""One game: a planner plans, a player carries it out, and what happened goes into the next question."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import palaestra_worlds
from palaestra_teachers.base import (
    CallRecord,
    LanguageModel,
    Ledger,
    LessonRefused,
    TeacherUnavailable,
)
from palaestra_teachers.planners.config import DepsConfig
from palaestra_teachers.planners.lesson import Plan, PlanRequest, held
from palaestra_teachers.planners.selector import Estimate, choose, estimate_of
from palaestra_worlds.overworld.controllers.learned import Policies
from palaestra_worlds.overworld.structured_player import OverworldPlayer
from palaestra_worlds.registry import TEACHERS
from palaestra_worlds.structured import ActionFeedback, Knowledge, PlanStep, StructuredPlayer

from palaestra.plans.tasks import PlanStudy, PlanTask

MOST_LINES = 4000
"""Of a game's account."""


@dataclass
class Played:
    """One game.

    Attributes:
        success: whether the task was done.
        why: why not: a kind and a message; "" for a success.
        obtained: items that were at hand after some action, in the order in which they came.
        ticks: of the game's clock.
        plans: that were made.
        failures: actions that failed, by kind.
        calls: of the model, those answered from the ledger included; `remembered` of them were.
        tokens: of prompts and replies, where they are known.
        price: US dollars, of calls whose price is known.
        refused: replies that could not be used, by kind.
        seconds: by the clock.
        processor: processor seconds.
        unanswered: whether it ended because the model gave no reply, which says nothing about the planner.
    """

    success: bool = False
    why: str = ""
    obtained: list[str] = field(default_factory=list)
    ticks: int = 0
    plans: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    calls: int = 0
    remembered: int = 0
    tokens: int = 0
    price: float = 0.0
    refused: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    processor: float = 0.0
    unanswered: bool = False


class Stopped(Exception):
    """A game was stopped in the middle, and is to be played again."""


class CountingLedger:
    """A ledger that counts what passes through it.

    Args:
        inner: keeps the calls.
        found: is counted into.
    """

    def __init__(self, inner: Ledger, found: Played) -> None:
        self._inner = inner
        self._found = found

    def record(self, call: CallRecord) -> None:
        """Keeps a call."""
        found = self._found
        found.calls += 1
        found.remembered += call.origin == "cache"
        found.tokens += (call.tokens_in or 0) + (call.tokens_out or 0)
        found.price += call.price or 0.0
        if call.error_kind is not None:
            found.refused[call.error_kind] = found.refused.get(call.error_kind, 0) + 1
        self._inner.record(call)

    def answered(self, request_hash: str) -> CallRecord | None:
        """See `Ledger`."""
        return self._inner.answered(request_hash)


class Game:
    """A world in which one task is played.

    Args:
        study: says which world.
        task: what is to be come by.
        seed: of the level.
        policies: learned controllers, by what they do.

    Raises:
        ValueError: the world cannot be made, takes no plans, or its players no learned controllers.
    """

    def __init__(self, study: PlanStudy, task: PlanTask, seed: int, policies: Policies | None = None) -> None:
        settings = {**study.world.settings, "max_steps": task.steps}
        self.world = palaestra_worlds.make(study.world.id, 1, **settings)
        knowledge = self.world.knowledge()
        if knowledge is None:
            raise ValueError(f"{study.world.id} takes no plans; worlds with structured actions do, e.g. Overworld")
        self.knowledge: Knowledge = knowledge
        self.world.assign([self.world.task_space.model_validate(_task_fields(self.world, task, seed))])
        self.world.reset(seed=[seed])
        player = self.world.player(0)
        assert player is not None, "a world with knowledge about its items has players"
        self.player: StructuredPlayer = player
        if policies:
            if not isinstance(player, OverworldPlayer):
                raise ValueError(f"players of {study.world.id} take no learned controllers; those of Overworld do")
            player.use(policies)
        self.task = task
        self.seed = seed
        self.has_succeeded = False
        self.account: list[str] = []
        self.counts = task.counts or self.knowledge.named(task.object)
        self.obtained: dict[str, None] = {}
        self._look(self.player.status().inventory)

    def request(self, study: PlanStudy, turn: int, outcomes: tuple[ActionFeedback, ...], at: int) -> PlanRequest:
        """What the planner is told now."""
        task = self.task
        return PlanRequest(
            world_id=study.world.id,
            level_seed=self.seed,
            turn=turn,
            trial_seed=self.seed,
            mission=task.question,
            goal=task.object,
            count=task.count,
            counts=self.counts,
            status=self.player.status(),
            outcomes=outcomes,
            done=at,
            failed=bool(outcomes) and not outcomes[-1].success,
        )

    def carry_out(
        self, plan: Plan, estimate: Estimate | None, stop: Callable[[], bool]
    ) -> tuple[tuple[ActionFeedback, ...], int]:
        """Does what a plan says until something fails, or the game is over; of steps that could be done now the one
        that `estimate` says is nearest, or the first.

        Returns:
            What became of each action, and at which step or action, counted from 0, it stopped.

        Raises:
            Stopped: `stop` said so.
        """
        self._note(f"plan {plan.goal}" + (f", sub-goal {plan.subgoal}" if plan.subgoal else ""))
        for line in plan.in_words().splitlines():
            self._note(f"  {line}")
        outcomes: list[ActionFeedback] = []
        if plan.actions:
            for number, action in enumerate(plan.actions):
                outcomes.append(self._perform(action.action, stop))
                if self.is_over or not outcomes[-1].success:
                    return tuple(outcomes), number
            return tuple(outcomes), len(plan.actions)
        left = list(enumerate(plan.steps))
        while left:
            steps = [step for _, step in left]
            chosen = 0 if estimate is None else choose(steps, self.player.status(), self.knowledge, estimate)
            number, step = left.pop(chosen)
            outcomes += self._do(step, stop)
            if self.is_over or not (outcomes and outcomes[-1].success):
                return tuple(outcomes), number
        return tuple(outcomes), len(plan.steps)

    def _do(self, step: PlanStep, stop: Callable[[], bool]) -> list[ActionFeedback]:
        """Carries out a step by the structured actions that it takes."""
        outcomes: list[ActionFeedback] = []
        for action in self.knowledge.actions(step, self.player.status()):
            outcomes.append(self._perform(action, stop))
            if self.is_over or not outcomes[-1].success:
                break
        return outcomes

    def _perform(self, action: Any, stop: Callable[[], bool]) -> ActionFeedback:
        feedback = self.player.perform(action, stop=stop)
        if feedback.failure == "stopped":
            raise Stopped
        self._look(feedback.status.inventory)
        outcome = "done" if feedback.success else f"failed ({feedback.failure})"
        self._note(f"  {action}: {outcome}: {feedback.message} [{feedback.ticks} ticks]")
        return feedback

    def _look(self, inventory: Mapping[str, int]) -> None:
        """Takes note of what is at hand, and whether that is enough."""
        self.obtained |= dict.fromkeys(inventory)
        self.has_succeeded |= held(inventory, self.counts) >= self.task.count

    @property
    def is_over(self) -> bool:
        return self.has_succeeded or self.player.is_over

    def _note(self, line: str) -> None:
        if len(self.account) < MOST_LINES:
            self.account.append(line)

    def close(self) -> None:
        self.world.close()


async def play(
    study: PlanStudy,
    planner_name: str,
    task: PlanTask,
    seed: int,
    model: LanguageModel,
    ledger: Ledger,
    config: Any,
    stop: Callable[[], bool] = lambda: False,
    policies: Policies | None = None,
) -> tuple[Played, list[str]]:
    """Plays one game.

    Args:
        study: says which world.
        planner_name: which of its planners.
        task: what is to be come by.
        seed: of the level, and of the model's sampling.
        model: whom the planner asks.
        ledger: keeps the calls.
        config: the planner's settings.
        stop: asked before and during each action.
        policies: learned controllers, by what they do.

    Returns:
        What became of it, and an account of it, line by line.

    Raises:
        Stopped: `stop` said so.
        ValueError: world or planner cannot be made.
        StoreError: the ledger cannot keep a call.
    """
    began, busy = time.perf_counter(), time.process_time()
    found = Played()
    game = Game(study, task, seed, policies)
    failures: Counter[str] = Counter()
    try:
        kind = TEACHERS.load(study.planners[planner_name].kind)
        planner = kind(config, model, game.world, CountingLedger(ledger, found))
        estimate = estimate_of(config, study.world.id) if isinstance(config, DepsConfig) else None
        outcomes: tuple[ActionFeedback, ...] = ()
        at = 0
        while not game.is_over:
            plan = await planner.propose(game.request(study, found.plans, outcomes, at))
            found.plans += 1
            outcomes, at = game.carry_out(plan, estimate, stop)
            failures.update(one.failure or "unknown" for one in outcomes if not one.success)
        found.success = game.has_succeeded or game.player.has_succeeded
        await planner.finish(game.request(study, found.plans, outcomes, at))
        if not found.success:
            last = outcomes[-1] if outcomes else None
            kind_of_end = "died" if last is not None and last.failure == "died" else "out_of_time"
            found.why = f"{kind_of_end}: {last.message if last else 'the game ended'}"
    except LessonRefused as error:
        found.why = f"{error.kind}: {error}"
    except TeacherUnavailable as error:
        found.why, found.unanswered = f"no reply: {error.kind}: {error}", True
    finally:
        game.close()
    found.obtained = list(game.obtained)
    found.failures = dict(failures)
    found.ticks = task.steps - game.player.ticks_left
    found.seconds, found.processor = time.perf_counter() - began, time.process_time() - busy
    return found, game.account


def _task_fields(world: Any, task: PlanTask, seed: int) -> dict[str, Any]:
    """What the world's tasks can say of it."""
    fields = {
        "level_seed": seed,
        "biome": task.biome,
        "inventory": [{"item": item, "count": count} for item, count in task.inventory.items()],
        # Where other items than the name's own count, the world ends the game for the first of them, and we for all.
        "goal": {"item": task.counts[0] if task.counts else task.object, "count": task.count},
    }
    return {name: value for name, value in fields.items() if name in world.task_space.model_fields}
