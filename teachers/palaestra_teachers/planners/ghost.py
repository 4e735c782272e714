"""Ghost in the Minecraft (arXiv 2305.17144): decompose, plan structured actions, remember what worked."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from palaestra_worlds.base import World
from palaestra_worlds.plan_faults import first_fault
from palaestra_worlds.structured import MEANINGS, PlanStep
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from palaestra_teachers.base import (
    Feedback,
    LanguageModel,
    Ledger,
    LessonRefused,
    LessonRequest,
    TeacherUnavailable,
)
from palaestra_teachers.planners.asking import PlanDialogue, episode_of, task_of
from palaestra_teachers.planners.config import GhostConfig
from palaestra_teachers.planners.lesson import Plan, PlanRequest, held
from palaestra_teachers.planners.memory import PlanMemory
from palaestra_teachers.planners.replies import Actions, Needs, Summary
from palaestra_teachers.planners.tree import Decomposition, SubGoal, as_step, with_fewer_trips
from palaestra_teachers.planners.words import outcomes_in_words
from palaestra_teachers.replies import refuse

MANY = 99
"""Tools of a kind, of which none wears out."""


class _Episode(BaseModel):
    """One task, from its first plan on.

    Attributes:
        subgoals: to be reached one after the other; empty: the goal is planned for at once.
        number: of the one that is being worked on.
        had: of its object, how many were at hand when it began.
        queries: questions about it so far.
        worked: actions that were carried out for it.
        failures: how often the same actions failed with the same things at hand.
        planned: all plans of this task.
    """

    model_config = ConfigDict(extra="forbid")
    subgoals: tuple[SubGoal, ...] = ()
    number: int = 0
    had: int = 0
    queries: int = 0
    worked: list[dict[str, Any]] = Field(default_factory=list)
    failures: dict[str, int] = Field(default_factory=dict)
    planned: int = 0

    @property
    def subgoal(self) -> SubGoal | None:
        return self.subgoals[self.number] if self.number < len(self.subgoals) else None


class _State(BaseModel):
    model_config = ConfigDict(extra="forbid")
    episodes: dict[str, _Episode] = Field(default_factory=dict)
    memory: dict[str, Any]


class GhostPlanner:
    """Has a language model break a goal down into sub-goals, and plan structured actions for one after the other.

    Requests are `PlanRequest`s; one without a player's status is about the first state of its level.

    Args:
        config: see `GhostConfig`.
        model: whom to ask.
        world: one that can be played by structured actions.
        ledger: keeps every call.

    Raises:
        ValueError: the world can't be played so, a prompt is missing or fails, or the memory can't be used.
    """

    Config = GhostConfig

    def __init__(self, config: GhostConfig, model: LanguageModel, world: World, ledger: Ledger) -> None:
        self._config = config
        prompts = {"needs": config.decomposer, "actions": config.planner, "summary": config.summariser}
        self._dialogue = PlanDialogue("ghost", config, model, world, ledger, prompts)
        self._memory = PlanMemory(world.id, config.memory_file if config.memory else None)
        self._episodes: dict[str, _Episode] = {}

    async def propose(self, request: LessonRequest) -> Plan:
        """Actions for the sub-goal that is next; see `PlanRequest` for what is told of those before.

        Raises:
            LessonRefused: of the kind impossible_goal, plan_loops, out_of_queries, or that of the last unusable reply.
            TeacherUnavailable: the model gave no reply.
        """
        request = self._dialogue.complete(request)
        key = episode_of(request)
        if not request.turn:
            self._episodes[key] = _Episode()
        episode = self._episodes.setdefault(key, _Episode())
        asked = await self._move_on(request, episode)
        if episode.subgoal is None and self._config.decompose:
            asked += await self._decompose(request, episode)
        subgoal = episode.subgoal
        if episode.queries >= self._config.queries:
            what = subgoal.step if subgoal else request.goal
            raise refuse("out_of_queries", f"{episode.queries} questions did not lead to: {what}")
        step = _what_is_left(subgoal, episode, request) if subgoal else None
        names = (step.object, request.goal) if step else (request.goal,)
        answer = await self._dialogue.ask(
            "actions",
            request,
            f"actions {episode.planned + 1}",
            Actions,
            subgoal=subgoal.model_dump() if subgoal else None,
            step=str(step) if step else "",
            meanings=MEANINGS,
            happened=outcomes_in_words(request.outcomes) if self._config.feedback else "",
            attempt=episode.queries,
            references=self._references(subgoal),
            knowledge=self._dialogue.known_about(*names),
        )
        episode.queries += 1
        episode.planned += 1
        return Plan(
            source=self._dialogue.source(answer, asked + 1),
            task=task_of(self._dialogue.task_space, request),
            goal=f"{request.count} {request.goal}",
            actions=answer.value.actions,
            subgoal=step,
            explanation=answer.value.explanation,
            thoughts=answer.value.thoughts,
        )

    async def finish(self, request: PlanRequest) -> None:
        """At the end of a task: takes in what became of the last actions, and writes the memory.

        Raises:
            PlanMemoryError: it can't be written.
        """
        request = self._dialogue.complete(request)
        episode = self._episodes.pop(episode_of(request), _Episode())
        subgoal = episode.subgoal
        if episode.planned and subgoal is not None:
            self._note_success(request, episode)
            if _is_reached(subgoal, episode, request):
                await self._remember(request, subgoal, episode)
        if self._config.memory:
            self._memory.save()

    def observe(self, feedback: Feedback) -> None:
        """Does nothing: what became of a plan is told with the request for the next."""

    def state_dict(self) -> dict[str, Any]:
        return _State(episodes=self._episodes, memory=self._memory.state_dict()).model_dump(mode="json")

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Raises ValueError when `state` is none of this teacher's."""
        try:
            loaded = _State.model_validate(state)
        except ValidationError as error:
            raise ValueError(f"this is no state of a Ghost planner: {error}") from error
        self._memory.load_state_dict(loaded.memory)
        self._episodes = loaded.episodes

    # ------------------------------------------------------------------------------------------ sub-goals

    async def _move_on(self, request: PlanRequest, episode: _Episode) -> int:
        """Takes in what became of the last actions, and goes on to the next sub-goal where this one is reached."""
        if not episode.planned:
            return 0
        self._note_success(request, episode)
        subgoal = episode.subgoal
        if subgoal is None or not _is_reached(subgoal, episode, request):
            self._note_failure(request, episode)
            return 0
        asked = await self._remember(request, subgoal, episode)
        episode.number += 1
        self._begin(request, episode)
        return asked

    def _begin(self, request: PlanRequest, episode: _Episode) -> None:
        following = episode.subgoal
        episode.had = request.status.inventory.get(following.step.object, 0) if following else 0
        episode.queries, episode.worked, episode.failures = 0, [], {}

    def _note_success(self, request: PlanRequest, episode: _Episode) -> None:
        episode.worked += [one.action.model_dump(mode="json") for one in request.outcomes if one.success]

    def _note_failure(self, request: PlanRequest, episode: _Episode) -> None:
        """Raises LessonRefused when the same has failed too often."""
        last = request.outcomes[-1] if request.outcomes else None
        at_hand = sorted(request.status.inventory.items())
        same = f"{episode.number} {last.action if last else ''} {at_hand}"
        episode.failures[same] = episode.failures.get(same, 0) + 1
        if episode.failures[same] > self._config.same:
            what = last.action if last else "nothing"
            raise refuse("plan_loops", f"the same action failed {self._config.same + 1} times: {what}")

    async def _decompose(self, request: PlanRequest, episode: _Episode) -> int:
        """Finds the sub-goals from what is at hand; how many questions that took."""
        asked = 0

        async def needs(item: str, count: int) -> Needs:
            nonlocal asked
            fault, faults = "", 0
            while True:
                asked += 1
                answer = await self._dialogue.ask(
                    "needs",
                    request,
                    f"needs {count} {item}" + (f", fault {faults}" if faults else ""),
                    Needs,
                    item=item,
                    count=count,
                    fault=fault,
                    knowledge=self._dialogue.known_about(item),
                )
                fault = self._fault(answer.value, item, count) if self._config.check else ""
                if not fault or faults == self._config.retries:
                    return answer.value
                faults += 1

        lacking = max(1, request.count - held(request.status.inventory, request.counts))
        tree = Decomposition(needs, request.status.inventory, self._config.depth)
        await tree.get(self._item(request), lacking)
        episode.subgoals, episode.number = tuple(with_fewer_trips(tree.order)), 0
        self._begin(request, episode)
        return asked

    def _item(self, request: PlanRequest) -> str:
        """Of the items that count, the easiest, of the kind that has been seen where a name stands for several."""
        known = self._dialogue.knowledge
        if set(request.counts) == set(known.named(request.goal)):
            goal = known.decompose(request.goal, 1, {}, near=request.status.seen)
            if goal is not None:
                return goal.step.object
        return next(item for item in known.items if item in request.counts)

    def _fault(self, needs: Needs, item: str, count: int) -> str:
        """What is wrong by the recipes with what an item is said to take; "" for nothing."""
        step = as_step(needs, item, count)
        at_hand = Counter(needs.material) + Counter(needs.fuel)
        known = {name: amount for name, amount in at_hand.items() if self._dialogue.knowledge.named(name)}
        if self._dialogue.knowledge.named(needs.tool):
            # Whether one lasts is no question here.
            known[needs.tool] = MANY
        fault = first_fault(self._dialogue.knowledge, [step], known, {item: count})
        return f"{fault.why} (the reply was: {needs})" if fault else ""

    # ------------------------------------------------------------------------------------------ memory

    def _references(self, subgoal: SubGoal | None) -> list[str]:
        if subgoal is None or not self._config.memory:
            return []
        return [json.dumps(actions) for actions in self._memory.recall(memory_key(subgoal.step)).references]

    async def _remember(self, request: PlanRequest, subgoal: SubGoal, episode: _Episode) -> int:
        """Keeps what worked, and has it summed up where there is enough of it; how many questions that took."""
        if not self._config.memory:
            return 0
        key = memory_key(subgoal.step)
        if not self._memory.add(key, tuple(_short(action) for action in episode.worked)):
            return 0
        lists = self._memory.recall(key).lists
        try:
            answer = await self._dialogue.ask(
                "summary",
                request,
                f"summary of {key}",
                Summary,
                step=str(subgoal.step),
                lists=[json.dumps(actions) for actions in lists],
                meanings=MEANINGS,
            )
        except (LessonRefused, TeacherUnavailable):
            # The ledger has it. The lists stay, and are to be summed up with the next success.
            return 1
        actions = [action.model_dump(mode="json", exclude_defaults=True) for action in answer.value.actions]
        self._memory.summarise(key, tuple(actions))
        return 1


def memory_key(step: PlanStep) -> str:
    """What a sub-goal is remembered by, however many are wanted."""
    return f"{step.how} {step.object}"


def _what_is_left(subgoal: SubGoal, episode: _Episode, request: PlanRequest) -> PlanStep:
    """The step, without what of it was found before something failed."""
    step = subgoal.step
    if step.how in ("craft", "smelt"):
        return step
    gained = request.status.inventory.get(step.object, 0) - episode.had
    return step.model_copy(update={"count": max(1, step.count - max(0, gained))})


def _is_reached(subgoal: SubGoal, episode: _Episode, request: PlanRequest) -> bool:
    return request.status.inventory.get(subgoal.step.object, 0) >= episode.had + subgoal.step.count


def _short(action: dict[str, Any]) -> dict[str, Any]:
    """An action without what says nothing."""
    return {name: value for name, value in action.items() if value not in ("", None, {}, [])}
