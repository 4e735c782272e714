"""The environment teacher of EnvGen (arXiv 2403.12014)."""

from __future__ import annotations

import inspect
from typing import Any

from palaestra_worlds.base import World

from palaestra_teachers.base import (
    Environments,
    Feedback,
    LanguageModel,
    Ledger,
    LessonRequest,
    LessonSource,
    Message,
)
from palaestra_teachers.dialogue import Dialogue, Question
from palaestra_teachers.environments.config import EnvironmentConfig
from palaestra_teachers.environments.history import History
from palaestra_teachers.environments.replies import ReplyReader, Written
from palaestra_teachers.environments.sources import HandSource, ProgressSource, RandomSource, Source
from palaestra_teachers.environments.words import in_words
from palaestra_teachers.subgoals.prompt import Prompt


class EnvironmentTeacher:
    """Has a language model write a few environments to train in, shows it how the agent does, and asks again.

    A reply is used only as far as it follows the schema, and as the world can make its environments and finds in them
    what they promise. The same cycle can be fed without a language model; see `EnvironmentConfig.source`.

    Args:
        config: see `EnvironmentConfig`.
        model: whom to ask.
        world: a small one in which environments are tried.
        ledger: keeps every call.

    Raises:
        ValueError: nothing can be set in the world, there is no such prompt, or an environment given by hand is none.
    """

    Config = EnvironmentConfig

    def __init__(self, config: EnvironmentConfig, model: LanguageModel, world: World, ledger: Ledger) -> None:
        self._config = config
        self._reader = ReplyReader(world, config.environments, config.out_of_bounds)
        self._prompt = Prompt(config.prompt, "palaestra_teachers.environments")
        self._rules = {
            "about": _about(world),
            "objectives": world.objectives,
            "environment": in_words(self._reader.environment),
            "most": config.environments,
            "shape": _shape(self._reader),
            "schema": self._reader.schema,
        }
        self._history = History()
        self._source = _source(config, self._reader, world)
        # A prompt that fails fails now.
        self._messages(LessonRequest(world_id=world.id))
        self._dialogue = Dialogue(model, ledger, config.retries)

    async def propose(self, request: LessonRequest) -> Environments:
        """The environments of the next cycle.

        Raises:
            LessonRefused: there is none that can be used, after the configured retries.
            TeacherUnavailable: the model gave no reply.
        """
        lesson = await self._ask(request) if self._source is None else self._draw(self._source, request)
        self._history.add(lesson)
        return lesson

    def observe(self, feedback: Feedback) -> None:
        """Tells it in the next prompt."""
        self._history.observe(feedback)

    def state_dict(self) -> dict[str, Any]:
        source = {} if self._source is None else self._source.state_dict()
        return {"history": self._history.model_dump(mode="json"), "source": source}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Raises ValueError when `state` is none of this teacher's."""
        self._history = History.model_validate(state.get("history"))
        if self._source is not None:
            self._source.load_state_dict(state.get("source", {}))

    async def _ask(self, request: LessonRequest) -> Environments:
        # Written once, environments stay: the first question again is answered out of the ledger.
        first = self._config.source == "fixed"
        sampling = self._config.sampling
        if sampling.seed is None:
            sampling = sampling.model_copy(update={"seed": request.trial_seed})
        question = Question(
            key=f"{request.world_id}/trial seed {request.trial_seed}/cycle {1 if first else (request.turn or 0) + 1}",
            messages=self._messages(request),
            schema=self._reader.schema,
            sampling=sampling,
        )
        answer = await self._dialogue.ask(question, self._reader.read)
        source = LessonSource(
            teacher="environments", model=answer.model, request_hash=answer.request_hash, attempts=answer.attempts
        )
        return Environments(source=source, environments=answer.value.environments, remarks=answer.value.remarks)

    def _draw(self, source: Source, request: LessonRequest) -> Environments:
        written: Written = source.next(request, self._history.feedback)
        origin = LessonSource(teacher="environments", model=self._config.source, request_hash="", attempts=0)
        return Environments(source=origin, environments=written.environments, remarks=written.remarks)

    def _messages(self, request: LessonRequest) -> tuple[Message, ...]:
        told = self._config.source == "model"
        feedback = self._history.feedback
        return self._prompt.messages(
            world_id=request.world_id,
            rates=self._history.rates() if told else [],
            episodes=feedback.episodes if feedback else 0,
            history=self._history.in_words() if told else [],
            **self._rules,
        )


def _source(config: EnvironmentConfig, reader: ReplyReader, world: World) -> Source | None:
    """What gives the environments; None for a language model."""
    if config.source == "random":
        return RandomSource(config, reader, world.task_space)
    if config.source == "progress":
        return ProgressSource(config, reader, world.task_space)
    return HandSource(config, reader) if config.source == "by_hand" else None


def _about(world: World) -> str:
    """What the world is: what its task space says of it, then what the original is like."""
    description = inspect.cleandoc(world.task_space.__doc__ or "")
    return " ".join(" ".join(part.split()) for part in (description, world.about) if part)


def _shape(reader: ReplyReader) -> str:
    """What a reply looks like, e.g. `{"environments": [{"why": ..., "size": ...}, ...]}`."""
    fields = ", ".join(f'"{name}": ...' for name in reader.environment.model_fields)
    return f'{{"environments": [{{{fields}}}, ...]}}'
