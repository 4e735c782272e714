"""What both planners do alike: check what is asked for, fill in prompts, ask, and keep what belongs to one task."""

from __future__ import annotations

from typing import Any, TypeVar

from palaestra_worlds.base import World
from palaestra_worlds.structured import Knowledge, PlayerStatus
from pydantic import BaseModel

from palaestra_teachers.base import LanguageModel, Ledger, LessonRequest, LessonSource, Message
from palaestra_teachers.dialogue import Answer, Dialogue, Question
from palaestra_teachers.planners.config import PlannerConfig
from palaestra_teachers.planners.lesson import PlanRequest
from palaestra_teachers.planners.words import KnowledgeText, status_in_words
from palaestra_teachers.replies import parse_reply, refuse
from palaestra_teachers.subgoals.prompt import Prompt

PACKAGE = "palaestra_teachers.planners"
Reply = TypeVar("Reply", bound=BaseModel)


class PlanDialogue:
    """Asks a model about plans.

    Args:
        name: of the teacher.
        config: its settings.
        model: whom to ask.
        world: one that can be played by structured actions.
        ledger: keeps every call.
        prompts: names of prompts, or paths, by what they are for.

    Raises:
        ValueError: the world can't be played so, or a prompt is missing or fails.
    """

    def __init__(
        self,
        name: str,
        config: PlannerConfig,
        model: LanguageModel,
        world: World,
        ledger: Ledger,
        prompts: dict[str, str],
    ) -> None:
        knowledge = world.knowledge()
        if knowledge is None:
            raise ValueError(f"{world.id} takes no plans; worlds with structured actions do, e.g. Overworld")
        self.knowledge: Knowledge = knowledge
        self.task_space = world.task_space
        self._world = world
        self._levels: dict[int, PlayerStatus] = {}
        self._name = name
        self._config = config
        self._text = KnowledgeText(self.knowledge, config.knowledge)
        self._prompts = {kind: Prompt(prompt, PACKAGE) for kind, prompt in prompts.items()}
        self._dialogue = Dialogue(model, ledger, config.retries)

    def complete(self, request: LessonRequest) -> PlanRequest:
        """The request, with a goal that can be come by.

        One that says nothing of a player is about the first state of its level, and the goal of the settings.

        Raises:
            LessonRefused: "impossible_goal": it can't be come by, or is no item.
        """
        if not isinstance(request, PlanRequest):
            status = self._first_status(request.level_seed or 0)
            request = PlanRequest(**request.model_dump(), goal=self._config.goal, status=status)
        if not request.counts:
            request = request.model_copy(update={"counts": self.knowledge.named(request.goal)})
        if not request.counts:
            hint = self.knowledge.nearest(request.goal)
            raise refuse(
                "impossible_goal", f"no item is called '{request.goal}'" + (f"; did you mean '{hint}'?" if hint else "")
            )
        if not set(request.counts) & set(self.knowledge.items):
            raise refuse("impossible_goal", f"{request.goal} can't be come by in {request.world_id}")
        return request

    def _first_status(self, level_seed: int) -> PlayerStatus:
        """How the player of a level is at first."""
        if level_seed not in self._levels:
            self._world.reset(seed=[level_seed])
            player = self._world.player(0)
            assert player is not None, "a world with knowledge about its items has players"
            self._levels[level_seed] = player.status()
        return self._levels[level_seed]

    def known_about(self, *names: str) -> str:
        """What is known about items and what they are made of, as far as the budget goes."""
        return self._text.about(names)

    async def ask(
        self, kind: str, request: PlanRequest, about: str, model: type[Reply], **variables: Any
    ) -> Answer[Reply]:
        """A usable reply.

        Args:
            kind: which prompt.
            request: what the planner was told.
            about: what in particular it is for, as the ledger calls it.
            model: of the reply.
            variables: of the prompt, besides those that all have.

        Raises:
            LessonRefused: no reply was usable.
            TeacherUnavailable: the model gave no reply.
        """
        sampling = self._config.sampling
        if sampling.seed is None:
            sampling = sampling.model_copy(update={"seed": request.trial_seed})
        where = f"{request.world_id}/{request.goal}/level {request.level_seed}, seed {request.trial_seed}"
        question = Question(
            key=f"{where}/{about}",
            messages=self._messages(kind, request, model, variables),
            schema=model.model_json_schema(),
            sampling=sampling,
        )
        return await self._dialogue.ask(question, lambda text: parse_reply(text, model))

    def source(self, answer: Answer[Any], queries: int) -> LessonSource:
        """Where a plan comes from: the last answer, and how many questions it took."""
        return LessonSource(
            teacher=self._name, model=answer.model, request_hash=answer.request_hash, attempts=max(1, queries)
        )

    def _messages(
        self, kind: str, request: PlanRequest, model: type[BaseModel], variables: dict[str, Any]
    ) -> tuple[Message, ...]:
        return self._prompts[kind].messages(
            world_id=request.world_id,
            about=self._world.about,
            goal=goal_in_words(request),
            question=request.mission,
            description=status_in_words(request.status),
            schema=model.model_json_schema(),
            **variables,
        )


def goal_in_words(request: PlanRequest) -> str:
    """E.g. "1 planks (any of oak_planks, birch_planks)"."""
    others = f" (any of {', '.join(request.counts)})" if request.counts not in ((), (request.goal,)) else ""
    return f"{request.count} {request.goal}{others}"


def task_of(world_task: type[BaseModel], request: LessonRequest) -> Any:
    """The task that a plan is for: its level."""
    return world_task.model_validate({"level_seed": request.level_seed})


def episode_of(request: LessonRequest) -> str:
    """What tells the tasks apart that a planner works on at the same time."""
    goal = request.goal if isinstance(request, PlanRequest) else ""
    return f"{request.level_seed}/{request.trial_seed}/{goal}"
