"""The subgoal teacher of Words as Beacons (arXiv 2410.08632)."""

from __future__ import annotations

from typing import Any

from palaestra_worlds.base import Task, TaskError, World
from pydantic import BaseModel

from palaestra_teachers.base import (
    Feedback,
    LanguageModel,
    Ledger,
    LessonRequest,
    LessonSource,
    Message,
    Subgoals,
)
from palaestra_teachers.dialogue import Dialogue, Question
from palaestra_teachers.replies import parse_reply, refuse
from palaestra_teachers.subgoals.config import SubgoalConfig
from palaestra_teachers.subgoals.feedback import LessonsGiven
from palaestra_teachers.subgoals.prompt import Prompt
from palaestra_teachers.subgoals.schema import in_words, reply_model, shape
from palaestra_teachers.subgoals.sentences import require

MANY = 16
"""Subgoals that a prompt asks for at most, where the world sets no limit."""


class SubgoalTeacher:
    """Has a language model break each level's mission down into an ordered list of subgoals.

    A reply is used only if it follows the schema and the world can carry it out in that level; the model is told what
    is wrong with one that cannot be used.

    Args:
        config: see `SubgoalConfig`.
        model: whom to ask.
        world: a small one in which tasks are tried; its `task_space` needs a field `subgoals`.
        ledger: keeps every call.

    Raises:
        ValueError: the world takes no such subgoals, there is no such prompt, or the encoder is not installed.
    """

    Config = SubgoalConfig

    def __init__(self, config: SubgoalConfig, model: LanguageModel, world: World, ledger: Ledger) -> None:
        if config.encoder == "sentence":
            # Now, rather than when the agent is built, hours of asking later.
            require()
        self._config = config
        self._world = world
        self._reply_model = reply_model(world.task_space, config.form)
        self._schema = self._reply_model.model_json_schema()
        self._prompt = Prompt(config.prompt)
        self._rules = {
            "form": config.form,
            "form_in_words": in_words(self._reply_model),
            "rules": _last_paragraph(world.task_space),
            "max_subgoals": self._schema["properties"]["subgoals"].get("maxItems", MANY),
            "shape": shape(self._reply_model),
            "schema": self._schema,
        }
        self._given = LessonsGiven()
        # A prompt that fails fails now.
        self._messages(LessonRequest(world_id=""))
        self._dialogue = Dialogue(model, ledger, config.retries)

    async def propose(self, request: LessonRequest) -> Subgoals:
        """The lesson for one level.

        Raises:
            LessonRefused: no reply was usable after the configured retries.
            TeacherUnavailable: the model gave no reply.
        """
        question = Question(
            key=f"{request.world_id}/{request.level_seed}",
            messages=self._messages(request),
            schema=self._schema,
            sampling=self._config.sampling,
        )
        answer = await self._dialogue.ask(question, lambda text: self._read(text, request.level_seed))
        self._given.add(request.level_seed, len(_subgoals(answer.value)))
        source = LessonSource(
            teacher="subgoals", model=answer.model, request_hash=answer.request_hash, attempts=answer.attempts
        )
        return Subgoals(source=source, task=answer.value)

    def observe(self, feedback: Feedback) -> None:
        """Tells it in later prompts."""
        self._given.observe(feedback)

    def state_dict(self) -> dict[str, Any]:
        return self._given.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Raises ValueError when `state` is none of this teacher's."""
        self._given = LessonsGiven.from_state(state)

    def _messages(self, request: LessonRequest) -> tuple[Message, ...]:
        return self._prompt.messages(
            world_id=request.world_id,
            mission=request.mission,
            description=request.description,
            feedback=request.feedback or self._given.in_words(),
            **self._rules,
        )

    def _read(self, text: str, level_seed: int | None) -> Task:
        """The task in a reply, tried out in its level."""
        reply = parse_reply(text, self._reply_model)
        task = self._world.task_space.model_validate({"level_seed": level_seed, "subgoals": _subgoals(reply)})
        try:
            self._world.draw_from([task])
        except TaskError as error:
            raise refuse("impossible_task", str(error)) from error
        finally:
            # The caller describes further levels with this world, and they must be its own.
            self._world.draw_from(None)
        return task


def _subgoals(value: BaseModel) -> tuple[BaseModel, ...]:
    return value.subgoals  # type: ignore[attr-defined]


def _last_paragraph(model: type[BaseModel]) -> str:
    """Of a world's description of its tasks: it says when a subgoal is reached."""
    description = model.model_json_schema().get("description", "")
    return " ".join(description.split("\n\n")[-1].split())
