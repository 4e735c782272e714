"""Lessons, teachers and language models: the interfaces that the platform's loop and plug-ins share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from palaestra_worlds.base import Task
from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny


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


class Lesson(Frozen):
    """What a teacher proposes. A kind of lesson is a subclass; the loop needs only `tasks()`."""

    kind: ClassVar[str] = "lesson"
    source: LessonSource

    def tasks(self) -> Sequence[Task]:
        """The tasks to put into the level bank, as the world's `task_space`."""
        raise NotImplementedError


class Subgoals(Lesson):
    """An ordered list of subgoals for one level (Words as Beacons, arXiv 2410.08632)."""

    kind: ClassVar[str] = "subgoals"
    task: SerializeAsAny[Task]

    def tasks(self) -> Sequence[Task]:
        return (self.task,)


class LessonRequest(Frozen):
    """What the teacher is told when it is to propose a lesson."""

    world_id: str
    level_seed: int | None = None
    mission: str = ""
    description: str = ""
    """`World.describe` of the level's first state."""
    size: tuple[int, int] | None = None
    """Width and height of the level in cells, where it has such."""
    feedback: str = ""
    """What became of earlier lessons, in words; empty at first."""


class Feedback(Frozen):
    """What became of the lessons: measured by the loop, told to the teacher."""

    step: int
    success: dict[str, float] = Field(default_factory=dict)
    """Success rate by objective, of the agent on its own."""
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
    (for subgoals the form in which they are shown); a run adds them to the arm's world.
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
    """US dollars; None: unknown."""
    origin: Literal["live", "cache", "replay"] = "live"


class TeacherUnavailable(RuntimeError):
    """The model gave no reply. `kind` is what is counted: refused, timeout, http_429, http_5xx, http_4xx,
    bad_response, too_large, budget."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@runtime_checkable
class LanguageModel(Protocol):
    """Constructed as `Kind(config)`; wrappers as `Kind(config, inner)`. Config has `backend: Literal[<name>]`."""

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


class CallRecord(Frozen):
    """One row of the ledger: one attempt to get a lesson out of a model."""

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
    origin: Literal["live", "cache", "replay"] = "live"


class Ledger(Protocol):
    """Keeps every call; the platform's is a table in the run's store."""

    def record(self, call: CallRecord) -> None: ...

    def answered(self, request_hash: str) -> CallRecord | None:
        """The last recorded call with this hash whose reply was usable; None if it was never answered."""
        ...
