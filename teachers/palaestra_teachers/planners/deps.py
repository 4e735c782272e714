"""DEPS (arXiv 2302.01560): plans of steps that are explained and repaired when they fail."""

from __future__ import annotations

from typing import Any

from palaestra_worlds.base import World
from palaestra_worlds.plan_faults import first_fault
from palaestra_worlds.structured import PlanStep
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from palaestra_teachers.base import Feedback, Frozen, LanguageModel, Ledger, LessonRequest, Remark
from palaestra_teachers.dialogue import Answer
from palaestra_teachers.planners.asking import PlanDialogue, episode_of, task_of
from palaestra_teachers.planners.config import DepsConfig
from palaestra_teachers.planners.lesson import Plan, PlanRequest, numbered
from palaestra_teachers.planners.replies import Explanation, Steps, ThoughtSteps
from palaestra_teachers.planners.words import outcomes_in_words
from palaestra_teachers.replies import refuse


class Round(Frozen):
    """A plan that failed: the describer's part of a prompt."""

    plan: str
    failed_at: str
    """E.g. "3 of 8: craft 1 stick from 2 oak_planks"."""
    happened: str
    explanation: str = ""


class _Episode(BaseModel):
    """One task, from its first plan on."""

    model_config = ConfigDict(extra="forbid")
    rounds: list[Round] = Field(default_factory=list)
    steps: tuple[PlanStep, ...] = ()
    plans: int = 0
    failures: dict[str, int] = Field(default_factory=dict)
    """How often a plan failed at the same step with the same things at hand."""


class _State(BaseModel):
    model_config = ConfigDict(extra="forbid")
    episodes: dict[str, _Episode] = Field(default_factory=dict)


class DepsPlanner:
    """Has a language model list steps; when one fails, describes what happened, has it explained, and asks again.

    Requests are `PlanRequest`s; one without a player's status is about the first state of its level.

    Args:
        config: see `DepsConfig`.
        model: whom to ask.
        world: one that can be played by structured actions.
        ledger: keeps every call.

    Raises:
        ValueError: the world can't be played so, or a prompt is missing or fails.
    """

    Config = DepsConfig

    def __init__(self, config: DepsConfig, model: LanguageModel, world: World, ledger: Ledger) -> None:
        self._config = config
        self._dialogue = PlanDialogue(
            "deps", config, model, world, ledger, {"goals": config.planner, "explanation": config.explainer}
        )
        self._episodes: dict[str, _Episode] = {}

    async def propose(self, request: LessonRequest) -> Plan:
        """The first plan of a task (turn 0, or none), or one in place of that which failed.

        Raises:
            LessonRefused: of the kind impossible_goal, plan_failed (it plans once), out_of_queries, plan_loops, or
                that of the last unusable reply.
            TeacherUnavailable: the model gave no reply.
        """
        request = self._dialogue.complete(request)
        key = episode_of(request)
        if not request.turn:
            self._episodes[key] = _Episode()
        episode = self._episodes.setdefault(key, _Episode())
        queries = 0
        if episode.plans:
            queries += await self._look_back(request, episode)
        if episode.plans >= self._config.queries:
            raise refuse("out_of_queries", f"{episode.plans} plans did not lead to {request.goal}")
        knowledge = self._dialogue.known_about(request.goal)
        answer, fault, asked = await self._ask(request, episode, knowledge)
        reply = answer.value
        episode.steps = reply.goals
        episode.plans += 1
        return Plan(
            source=self._dialogue.source(answer, queries + asked),
            remarks=() if fault is None else (Remark(kind="faulty_plan", message=fault["why"]),),
            task=task_of(self._dialogue.task_space, request),
            goal=f"{request.count} {request.goal}",
            steps=reply.goals,
            explanation=episode.rounds[-1].explanation if episode.rounds else "",
            thoughts=reply.thoughts if isinstance(reply, ThoughtSteps) else "",
        )

    async def finish(self, request: PlanRequest) -> None:
        """At the end of a task: forgets it."""
        self._episodes.pop(episode_of(request), None)

    def observe(self, feedback: Feedback) -> None:
        """Does nothing: what became of a plan is told with the request for the next."""

    def state_dict(self) -> dict[str, Any]:
        return _State(episodes=self._episodes).model_dump(mode="json")

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Raises ValueError when `state` is none of this teacher's."""
        try:
            self._episodes = _State.model_validate(state).episodes
        except ValidationError as error:
            raise ValueError(f"this is no state of a DEPS planner: {error}") from error

    async def _look_back(self, request: PlanRequest, episode: _Episode) -> int:
        """Describes, and has explained, what became of the last plan; how many questions that took."""
        config = self._config
        if not config.replan:
            raise refuse("plan_failed", f"it plans once, and the plan failed: {_happened(request).splitlines()[-1]}")
        number = min(request.done + 1, len(episode.steps))
        step = episode.steps[number - 1]
        failed_at = f"{number} of {len(episode.steps)}: {step}"
        plan = numbered(episode.steps)
        same = f"{plan}\n{failed_at}\n{sorted(request.status.inventory.items())}"
        episode.failures[same] = episode.failures.get(same, 0) + 1
        if episode.failures[same] > config.same:
            raise refuse("plan_loops", f"the same plan failed {config.same + 1} times at goal {failed_at}")
        found = Round(plan=plan, failed_at=failed_at, happened=_happened(request))
        if config.explain:
            answer = await self._dialogue.ask(
                "explanation",
                request,
                f"explanation {episode.plans}",
                Explanation,
                round=found.model_dump(),
                knowledge=self._dialogue.known_about(step.object, request.goal),
            )
            found = found.model_copy(update={"explanation": answer.value.explanation})
        episode.rounds = [*episode.rounds, found][-config.rounds :]
        return int(config.explain)

    async def _ask(
        self, request: PlanRequest, episode: _Episode, knowledge: str
    ) -> tuple[Answer[Steps | ThoughtSteps], dict[str, Any] | None, int]:
        """A plan, the fault in it that is left where faults are looked for, and how many questions it took."""
        model: type[Steps | ThoughtSteps] = ThoughtSteps if self._config.thoughts else Steps
        fault: dict[str, Any] | None = None
        asked = 0
        while True:
            answer = await self._dialogue.ask(
                "goals",
                request,
                f"plan {episode.plans + 1}" + (f", fault {asked}" if asked else ""),
                model,
                rounds=[one.model_dump() for one in episode.rounds],
                attempt=episode.plans,
                knowledge=knowledge,
                fault=fault,
                thoughts=self._config.thoughts,
            )
            asked += 1
            fault = self._fault(request, answer.value.goals) if self._config.check else None
            if fault is None or asked > self._config.retries:
                return answer, fault, asked

    def _fault(self, request: PlanRequest, steps: tuple[PlanStep, ...]) -> dict[str, Any] | None:
        """What is wrong with a plan by the recipes, as the prompt tells it."""
        known = self._dialogue.knowledge
        item = request.counts[0] if len(request.counts) == 1 else request.goal
        goal = {item: request.count} if set(known.named(item)) <= set(request.counts) else None
        found = first_fault(known, steps, request.status.inventory, goal)
        if found is None:
            return None
        at = f"step {found.step + 1}" if found.step < len(steps) else "the end"
        return {"plan": numbered(steps), "at": at, "why": found.why}


def _happened(request: PlanRequest) -> str:
    """What became of the last plan's actions, in words."""
    return outcomes_in_words(request.outcomes) or request.feedback or "nothing was done"
