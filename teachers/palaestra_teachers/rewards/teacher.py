"""The reward teacher of Language to Rewards (arXiv 2306.08647)."""

from __future__ import annotations

from typing import Any

from palaestra_worlds.base import Task, World
from palaestra_worlds.programs import Program, Programmable
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from palaestra_teachers.base import Feedback, LanguageModel, Ledger, LessonRequest, LessonSource, Message, Sampling
from palaestra_teachers.dialogue import Dialogue, Question
from palaestra_teachers.rewards.config import RewardConfig
from palaestra_teachers.rewards.lesson import Motion, RewardProgram, Turn
from palaestra_teachers.rewards.replies import calls_in_words, program_schema, read_description, read_program
from palaestra_teachers.subgoals.prompt import Prompt


class _State(BaseModel):
    model_config = ConfigDict(extra="forbid")
    turns: list[Turn] = Field(default_factory=list)


class RewardTeacher:
    """Has a language model turn an instruction to a robot into a reward program.

    In two stages a motion descriptor, which sees the conversation, writes the motion out in the sentences of a
    template, and a reward coder, which sees nothing else, makes a program of them.

    A request with a `turn` is one of a conversation: 0 begins it, and each further one sees those before it and changes
    the program that runs by then. The same turn again, with `feedback`, is a revision. A request without is about one
    instruction alone. What is asked for stands in the request's `mission`.

    Args:
        config: see `RewardConfig`.
        model: whom to ask.
        world: a `Programmable` one.
        ledger: keeps every call.

    Raises:
        ValueError: the world takes no programs, there is no such prompt, or the program by hand is none.
    """

    Config = RewardConfig

    def __init__(self, config: RewardConfig, model: LanguageModel, world: World, ledger: Ledger) -> None:
        if not isinstance(world, Programmable):
            raise ValueError(f"{world.id} takes no reward programs; the worlds of robots do, e.g. Quadruped")
        self._config = config
        self._kind: type[Program] = world.programs[config.interface]
        self._schema = program_schema(self._kind) if config.form == "calls" else None
        self._prompts = {
            name: Prompt(getattr(config, name), "palaestra_teachers.rewards")
            for name in ("descriptor", "coder", "direct")
        }
        self._rules = {
            "interface": config.interface,
            "form": config.form,
            "about": world.about,
            "template": world.motion_template,
            "calls": calls_in_words(self._kind),
            "schema": self._schema,
        }
        self._by_hand = None if config.program is None else _by_hand(config.program, self._kind)
        self._turns: list[Turn] = []
        # A prompt that fails fails now.
        for name in self._prompts:
            self._messages(name, LessonRequest(world_id=world.id), [], None, Turn(instruction=""))
        self._dialogue = Dialogue(model, ledger, config.retries)

    async def propose(self, request: LessonRequest) -> RewardProgram:
        """The program for an instruction.

        Raises:
            LessonRefused: no reply was usable after the configured retries.
            TeacherUnavailable: the model gave no reply.
        """
        if self._by_hand is not None:
            source = LessonSource(teacher="rewards", model="by_hand", request_hash="", attempts=0)
            return _lesson(Turn(instruction=request.mission), self._by_hand, source, None)
        before = self._turns[: request.turn or 0]
        attempt = self._turns[len(before)] if request.feedback and len(self._turns) > len(before) else None
        turn = Turn(instruction=" ".join(request.mission.split()) or self._config.instruction)
        attempts = 0
        if self._config.stages == "two":
            told = self._messages("descriptor", request, before, attempt, turn)
            described = await self._dialogue.ask(self._question(request, "descriptor", told, None), read_description)
            turn = turn.model_copy(update={"description": described.value.description})
            attempts = described.attempts
            told = self._messages("coder", request, before, attempt, turn)
        else:
            told = self._messages("direct", request, before, attempt, turn)
        answer = await self._dialogue.ask(
            self._question(request, "coder", told, self._schema),
            lambda text: read_program(text, self._kind, self._config.form),
        )
        if request.turn is not None:
            self._turns = [*before, turn.model_copy(update={"program": answer.value.text()})]
        source = LessonSource(
            teacher="rewards",
            model=answer.model,
            request_hash=answer.request_hash,
            attempts=attempts + answer.attempts,
        )
        return _lesson(turn, answer.value, source, self._running(before))

    def observe(self, feedback: Feedback) -> None:
        """Does nothing: what became of a program is told with the request for the next."""

    def state_dict(self) -> dict[str, Any]:
        return _State(turns=self._turns).model_dump(mode="json")

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Raises ValueError when `state` is none of this teacher's."""
        try:
            self._turns = _State.model_validate(state).turns
        except ValidationError as error:
            raise ValueError(f"this is no state of a reward teacher: {error}") from error

    def _running(self, before: list[Turn]) -> Task | None:
        """The task that the programs of a conversation have come to; None at its beginning."""
        running = None
        for earlier in before:
            running = self._kind.from_text(earlier.program).motions(running)[-1].task
        return running

    def _question(
        self, request: LessonRequest, stage: str, messages: tuple[Message, ...], schema: dict[str, Any] | None
    ) -> Question:
        where = f"instruction {(request.turn or 0) + 1}" if request.level_seed is None else f"{request.level_seed}"
        return Question(
            key=f"{request.world_id}/trial seed {request.trial_seed}/{where}/{stage}",
            messages=messages,
            schema=schema,
            sampling=self._sampling(request),
        )

    def _sampling(self, request: LessonRequest) -> Sampling:
        sampling = self._config.sampling
        return sampling if sampling.seed is not None else sampling.model_copy(update={"seed": request.trial_seed})

    def _messages(
        self, stage: str, request: LessonRequest, before: list[Turn], attempt: Turn | None, turn: Turn
    ) -> tuple[Message, ...]:
        return self._prompts[stage].messages(
            world_id=request.world_id,
            description=request.description,
            instruction=turn.instruction,
            motion=turn.description,
            earlier=[earlier.model_dump() for earlier in before],
            attempt=attempt.model_dump() if attempt else None,
            feedback=request.feedback,
            **self._rules,
        )


def _lesson(turn: Turn, program: Program, source: LessonSource, running: Task | None) -> RewardProgram:
    return RewardProgram(
        source=source,
        instruction=turn.instruction,
        description=turn.description,
        program=program,
        motions=tuple(Motion(task=task, seconds=seconds) for task, seconds in program.motions(running)),
    )


def _by_hand(program: str | tuple[dict[str, Any], ...], kind: type[Program]) -> Program:
    """Raises ValueError when it is none."""
    try:
        return kind.read(program)
    except ValueError as error:
        raise ValueError(f"program: {error}") from error
