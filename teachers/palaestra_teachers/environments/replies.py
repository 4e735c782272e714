"""A reply about environments: its schema, and what is made of an untrusted text that should follow it."""

from __future__ import annotations

import json
from typing import Any, Literal

from palaestra_worlds.base import Task, TaskError, World
from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, ValidationError, create_model

from palaestra_teachers.base import Environment, Frozen, LessonRefused, Remark
from palaestra_teachers.environments.bounds import clamp
from palaestra_teachers.replies import find_object, parse_reply, refuse

LONGEST_REASON = 500


class Written(Frozen):
    """What could be used of a reply, and what could not."""

    environments: tuple[SerializeAsAny[Environment], ...]
    remarks: tuple[Remark, ...] = ()


def environment_model(task_space: type[Task]) -> type[BaseModel]:
    """A model of one environment: a reason, then the fields of the task space but for the level's seed.

    Raises:
        ValueError: a teacher may set nothing in this world.
    """
    fields: dict[str, Any] = {
        name: (field.annotation, field) for name, field in task_space.model_fields.items() if name != "level_seed"
    }
    if not fields:
        raise ValueError(
            f"this world has nothing that a teacher of environments could set: its tasks ({task_space.__name__}) are "
            "levels and no more"
        )
    why = Field(max_length=LONGEST_REASON, description="Why the agent should train in this environment, in a sentence.")
    return create_model("Environment", __config__=ConfigDict(extra="forbid", frozen=True), why=(str, why), **fields)


class ReplyReader:
    """Reads replies for one world.

    Args:
        world: a small one in which environments are tried.
        most: environments that are wanted; more are left away.
        out_of_bounds: what to do about numbers out of their bounds.
    """

    def __init__(self, world: World, most: int, out_of_bounds: Literal["refuse", "clamp"]) -> None:
        self._world = world
        self._most = most
        self._clamp = out_of_bounds == "clamp"
        self.environment = environment_model(world.task_space)
        listed = Field(min_length=1, max_length=most, description="The environments to train in next.")
        self.model = create_model(
            "Environments",
            __config__=ConfigDict(extra="forbid", frozen=True),
            environments=(tuple[self.environment, ...], listed),  # type: ignore[valid-type]
        )
        self.schema = self.model.model_json_schema()

    def read(self, text: str) -> Written:
        """The environments of a reply that the world can make and that hold what they promise.

        One that repeats another or cannot be used is left away, as long as there are others; remarks say so.

        Raises:
            LessonRefused: the reply does not follow the schema, or no environment is left.
        """
        reply = find_object(text)
        remarks: list[Remark] = []
        wanted = reply.get("environments")
        if isinstance(wanted, list) and len(wanted) > self._most:
            remarks.append(
                Remark(kind="too_many_environments", message=f"{len(wanted)} environments instead of {self._most}")
            )
            reply = reply | {"environments": wanted[: self._most]}
        if self._clamp:
            reply, notes = clamp(reply, self.schema)
            remarks += [Remark(kind="clamped", message=note) for note in notes]
        parsed = parse_reply(json.dumps(reply), self.model)
        return self.examine([_environment(entry) for entry in parsed.environments], remarks)  # type: ignore[attr-defined]

    def examine(self, wanted: list[tuple[dict[str, Any], str]], remarks: list[Remark] | None = None) -> Written:
        """The environments of these that can be used: (settings, reason) each; see `read`."""
        remarks = list(remarks or ())
        kept: list[Environment] = []
        for number, (settings, why) in enumerate(wanted):
            try:
                task = self.check(settings)
                if any(task == other.task for other in kept):
                    raise LessonRefused("duplicate_environment", "it is the same as an earlier one")
                kept.append(Environment(task=task, why=why))
            except LessonRefused as error:
                remarks.append(Remark(kind=error.kind, message=f"environments.{number}: {error}"))
        if not kept:
            raise refuse(remarks[-1].kind, "; ".join(remark.message for remark in remarks))
        return Written(environments=tuple(kept), remarks=tuple(remarks))

    def check(self, settings: dict[str, Any]) -> Task:
        """One environment as a task.

        Raises:
            LessonRefused: it is none, the world cannot make it, or its levels do not hold what it promises.
        """
        try:
            task = self._world.task_space.model_validate(settings)
            self._world.draw_from([task])
            problems = self._world.examine(task)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise LessonRefused("wrong_schema", f"{f'{where}: ' if where else ''}{first['msg']}") from error
        except TaskError as error:
            raise LessonRefused("impossible_task", str(error)) from error
        finally:
            self._world.draw_from(None)
        if problems:
            raise LessonRefused("empty_promise", "; ".join(problems))
        return task


def _environment(entry: BaseModel) -> tuple[dict[str, Any], str]:
    """Settings and reason; only what was set, so that the rest stays the original's."""
    settings = entry.model_dump(exclude_unset=True)
    return settings, settings.pop("why")
