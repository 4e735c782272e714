"""Lessons, teachers and language models: the interfaces that the platform's loop and plug-ins share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from palaestra_worlds.base import Task, World
from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, field_validator


class Frozen(BaseModel):
    """Immutable, and unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# ---------------------------------------------------------------------------------------------- lessons


class LessonSource(Frozen):
    """Where a lesson comes from."""

    teacher: str
    model: str
    """Name of the language model that answered; for one without weights, what it is: "scripted", "noisy(0.3)"."""
    request_hash: str
    """Key of its calls in the ledger."""
    attempts: int = 1
    """Calls it took until a reply was usable."""


class Remark(Frozen):
    """Something about a reply that could not be used as it was; the loop counts it by its kind."""

    kind: str
    message: str


class Lesson(Frozen):
    """What a teacher proposes. A kind of lesson is a subclass; the loop needs only `tasks()`."""

    kind: ClassVar[str] = "lesson"
    source: LessonSource
    remarks: tuple[Remark, ...] = ()

    def tasks(self) -> Sequence[Task]:
        """The tasks to put into the level bank, as the world's `task_space`."""
        raise NotImplementedError

    def weights(self) -> Sequence[float] | None:
        """How often each of the tasks is to be drawn, up to a factor; None: all alike."""
        return None

    def reasons(self) -> Sequence[str]:
        """Why the teacher chose each of the tasks, in its own words; empty where it does not say."""
        return ()

    def content(self) -> dict[str, Any]:
        """What it says besides tasks, as JSON-able values; the run keeps it, and gives it to `Onlooker.take`."""
        return {}


class Subgoals(Lesson):
    """An ordered list of subgoals for one level (Words as Beacons, arXiv 2410.08632)."""

    kind: ClassVar[str] = "subgoals"
    task: SerializeAsAny[Task]

    def tasks(self) -> Sequence[Task]:
        return (self.task,)


class Environment(Frozen):
    """One environment of a lesson: a task that makes many levels, and why the teacher wants it."""

    task: SerializeAsAny[Task]
    why: str = ""
    weight: float = 1.0


class Environments(Lesson):
    """Environments to train in for a while (EnvGen, arXiv 2403.12014)."""

    kind: ClassVar[str] = "environments"
    environments: tuple[Environment, ...]

    def tasks(self) -> Sequence[Task]:
        return tuple(environment.task for environment in self.environments)

    def weights(self) -> Sequence[float]:
        return tuple(environment.weight for environment in self.environments)

    def reasons(self) -> Sequence[str]:
        return tuple(environment.why for environment in self.environments)


class Stage(Frozen):
    """A stretch of training: in the tasks of the last lesson, or in the original without any."""

    name: Literal["lesson", "original"]
    steps: int = Field(ge=1)


class Schedule(Frozen):
    """When a teacher is asked while an agent learns: once before each round of stages.

    After the last round training goes on in the original.
    """

    turns: int = Field(ge=1)
    stages: tuple[Stage, ...] = Field(min_length=1)
    measured: bool = True
    """Whether the agent is evaluated before each question, so that the teacher can be told how it does."""

    @property
    def steps(self) -> int:
        """Environment steps of all rounds."""
        return self.turns * sum(stage.steps for stage in self.stages)


class Onlooking(Frozen):
    """How the questions of a teacher are answered that looks on while an agent learns (`Onlooker`).

    Answers are taken in the order of the questions.
    """

    lag: int | None = Field(
        default=1,
        ge=1,
        description="Iterations after which an answer is taken, and waited for if it is not there; so results do not "
        "depend on how fast the model is. null: taken when it is there; learning never waits.",
    )
    open: int = Field(
        default=64, ge=1, le=100_000, description="Most questions that are asked and whose answers are not yet taken."
    )


class LessonRequest(Frozen):
    """What the teacher is told when it is to propose a lesson."""

    world_id: str
    level_seed: int | None = None
    turn: int | None = None
    """Of a teacher with a schedule, or one that looks on: how often it was asked before in this trial."""
    trial_seed: int = 0
    """Of these: their own random numbers depend on it."""
    mission: str = ""
    description: str = ""
    """`World.describe` of the level's first state; of a teacher that looks on one of its `Onlooker.questions`."""
    size: tuple[int, int] | None = None
    """Width and height of the level in cells, where it has such."""
    feedback: str = ""
    """What became of earlier lessons, in words; empty at first."""


class Practice(Frozen):
    """How training went in one task of a lesson since it was given."""

    episodes: int = 0
    success: float = 0.0
    return_mean: float = 0.0
    """Undiscounted, the task's own reward only."""


class Feedback(Frozen):
    """What became of the lessons: measured by the loop, told to the teacher."""

    step: int
    success: dict[str, float] = Field(default_factory=dict)
    """Success rate by objective, of the agent on its own, in the original."""
    episodes: int = 0
    """Over how many episodes `success` was measured; 0: not at all."""
    practice: tuple[Practice, ...] = ()
    """Of each task of the last lesson, in its order; of teachers with a schedule."""
    lessons: dict[int, tuple[int, float]] = Field(default_factory=dict)
    """By level seed: episodes played, mean number of subgoals reached."""


class LessonRefused(ValueError):
    """A reply that is no usable lesson. `kind` is what is counted, the message what the model is told."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@runtime_checkable
class Teacher(Protocol):
    """Constructed as `Kind(config, model, world, ledger)`, where `world` is a small world (num_envs=1 is enough) that
    the teacher may reset to any level, describe, and have tasks checked in, and `ledger` keeps every call.

    Its `Config` may have a method `world_settings() -> dict`: the settings that its lessons need a world to have
    (for subgoals the form in which they are shown); a run adds them to the arm's world. A method
    `schedule() -> Schedule` makes it a teacher that is asked in each trial, in turns with training, and not about
    levels: `observe` is called before each `propose`, and its lessons are for that trial alone. An attribute
    `sets_tasks` that is True says that its lessons set more of a world's tasks than the level; not all worlds let them.
    A method `onlooking() -> Onlooking` makes it one that looks on in each trial: see `Onlooker`.
    An attribute `changeable`, a set of names of its fields, says which may have another value amid a run, as members of
    a population give them: `load_state_dict` then takes the state of a teacher that had another.
    """

    @property
    def Config(self) -> type[BaseModel]:  # noqa: N802
        """The model of its settings; a class has it as an attribute, `Config = <its model>`."""
        ...

    async def propose(self, request: LessonRequest) -> Lesson:
        """Raises LessonRefused when no usable lesson came of it after the configured retries, TeacherUnavailable
        when the model gave no reply; the loop counts both and goes on."""
        ...

    def observe(self, feedback: Feedback) -> None: ...

    def state_dict(self) -> dict[str, Any]:
        """Everything learned and asked, as JSON-able values."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


@runtime_checkable
class Onlooker(Teacher, Protocol):
    """A teacher that looks on while an agent learns: it rewards what it sees, and asks about it.

    Each trial has one of its own. Before each iteration the loop gives it the answers that are due (`take`), then has
    it ask (`questions`); in each step of the iteration it looks on (`see`). Questions are answered by `propose` while
    learning goes on: in another thread and several at a time, so `propose` may use its request, and nothing that the
    methods here change. What comes of a question is kept, and a trial that is resumed has it when it asks the same.

    `state_dict` may hold arrays and tensors too.
    """

    def begin(self, world: World, seed: int) -> None:
        """The trial begins, or goes on after `load_state_dict`, in this world, which was reset or restored before.

        Args:
            world: to be looked at (`describe`, `observe`), and left as it is.
            seed: of the trial.
        """
        ...

    def see(self, observations: dict[str, Any], infos: dict[str, Any], ended: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Looks on after a step.

        Args:
            observations, infos: as the world's `step` gave them.
            ended: bool (num_envs,): episodes that ended with this step; the world is in the next one's first state.

        Returns:
            float32 (num_envs,): reward for what the step led to. It is added to `infos["lesson_reward"]`, so an agent
            weighs it as any teacher's bonus (PPO: `lesson_coefficient`).
        """
        ...

    def questions(self, most: int) -> Sequence[str]:
        """Once before each iteration: at most `most` questions, each as one text that `propose` is given as its
        request's `description`. What it has learned from answers may be worked into models here."""
        ...

    def take(self, question: str, content: dict[str, Any] | None) -> None:
        """What came of a question: its lesson's `content()`; None: no usable lesson, which was counted."""
        ...

    def metrics(self) -> dict[str, float]:
        """Of the iteration that has just ended, by names of its own, e.g. "mine/reward"."""
        ...


# ---------------------------------------------------------------------------------------------- language models


class Message(Frozen):
    role: Literal["system", "user", "assistant"]
    content: str


class Sampling(Frozen):
    """How to sample a reply."""

    temperature: float = Field(default=0.0, ge=0.0, le=2.0)
    max_tokens: int = Field(default=1024, ge=1, le=32_768)
    seed: int | None = None
    timeout: float = Field(default=60.0, gt=0.0, le=3600.0, description="Seconds for one attempt.")


class Completion(Frozen):
    """One reply of a language model. Its text is untrusted data."""

    text: str
    model: str
    backend: str
    tokens_in: int | None = None
    tokens_out: int | None = None
    seconds: float = 0.0
    price: float | None = None
    """US dollars; None: unknown. Of a replayed reply: what it cost when it was recorded."""
    origin: Literal["live", "cache", "replay"] = "live"

    @field_validator("text")
    @classmethod
    def _storable(cls, text: str) -> str:
        """Halves of characters can neither be stored nor be sent again."""
        return text.encode("utf-8", "replace").decode()


class TeacherUnavailable(RuntimeError):
    """The model gave no reply. `kind` is what is counted: refused, timeout, http_429, http_5xx, http_4xx,
    bad_response, too_large, budget (no call was made), unrecorded (a replay has no such call); of local models also
    broken_model, out_of_memory, prompt_too_long, bad_schema.
    `origin`, as of replies: "replay" when it is told from a record."""

    def __init__(self, kind: str, message: str, origin: Literal["live", "cache", "replay"] = "live") -> None:
        super().__init__(message)
        self.kind = kind
        self.origin = origin


@runtime_checkable
class LanguageModel(Protocol):
    """Constructed as `Kind(config)`; one whose Config has a field `inner` (the settings of a model that it wraps) as
    `Kind(config, inner)`, one with a field `models` (a list of such) as `Kind(config, models)`. Config has
    `backend: Literal[<name>]`."""

    @property
    def Config(self) -> type[BaseModel]:  # noqa: N802
        """The model of its settings; a class has it as an attribute, `Config = <its model>`."""
        ...

    name: str
    """What the ledger and the report call it."""
    identity: str
    """What tells its answers from those of another model or endpoint; part of every request's hash. No secrets."""

    async def complete(
        self, messages: Sequence[Message], schema: dict[str, Any] | None, settings: Sampling
    ) -> Completion:
        """One reply. `schema` is the JSON schema the reply should follow; the caller validates in any case.

        Raises:
            TeacherUnavailable: no reply after the backend's own retries.
        """
        ...


class Judge(Protocol):
    """Who asks: reads replies, so that a wrapper can tell the usable ones, and keeps every call.

    Attributes:
        lesson_key: what it is all for, e.g. "MiniGrid-DoorKey-5x5-v0/17"; "" where that is not known.
    """

    lesson_key: str

    def read(self, completion: Completion) -> BaseModel:
        """What a reply says; the same object may be read several times, and counts as one call.

        Raises:
            LessonRefused: it is no usable lesson.
        """
        ...

    def failed(self, model: str, backend: str, error: TeacherUnavailable, seconds: float) -> None:
        """Keeps a call that got no reply: of the model with this name, through this backend."""
        ...


@runtime_checkable
class JudgedModel(Protocol):
    """What a LanguageModel may have besides: wrappers that choose between replies, or ask several models for one."""

    async def complete_judged(
        self, messages: Sequence[Message], schema: dict[str, Any] | None, settings: Sampling, judge: Judge
    ) -> Completion:
        """One reply, as `LanguageModel.complete`; the judge has read, or been told of, every call made for it but,
        at most, the reply itself."""
        ...


class CallRecord(Frozen):
    """One row of the ledger: one call of a model, for one attempt to get a lesson."""

    time: float
    lesson_key: str
    """What it was for, e.g. "MiniGrid-DoorKey-5x5-v0/17"."""
    request_hash: str
    """Of the first attempt's messages; the attempts of one lesson share it."""
    backend: str
    model: str
    messages: tuple[Message, ...]
    response_schema: dict[str, Any] | None = None
    reply: str | None = None
    parsed: dict[str, Any] | None = None
    error_kind: str | None = None
    error: str | None = None
    retry: int = 0
    tokens_in: int | None = None
    tokens_out: int | None = None
    seconds: float = 0.0
    price: float | None = None
    """US dollars; None: unknown."""
    origin: Literal["live", "cache", "replay", "none"] = "live"
    """none: the budget was spent, and no call was made."""
    identity: str = ""
    """`LanguageModel.identity` of the model that the teacher has."""
    sampling: Sampling | None = None
    part: int = 0
    """Which of the calls of this attempt: a vote, for one, makes several."""
    chosen: bool = True
    """Whether the attempt ended with this call's reply, or failure."""


class Ledger(Protocol):
    """Keeps every call; the platform's is a table in the run's store."""

    def record(self, call: CallRecord) -> None: ...

    def answered(self, request_hash: str) -> CallRecord | None:
        """The last recorded call with this hash whose reply was usable; None if it was never answered."""
        ...
