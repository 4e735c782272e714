"""Settings that may change amid a run: which they are, and an arm with others of them.

A `Config` says so of its own fields by a class attribute `changeable`, so that agents, intrinsic rewards and teachers
of plug-ins can, too. What shapes a network, a world or a checkpoint is never among them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from palaestra.spec.models import ArmSpec


def changeable(arm: ArmSpec) -> list[str]:
    """The keys of an arm that may change amid a run, e.g. "agent.learning_rate"."""
    found = [f"agent.{key}" for key in _keys(arm.agent.config)]
    return found + [f"teacher.{key}" for key in (_keys(arm.teacher.config) if arm.teacher else ())]


def _keys(config: BaseModel) -> Iterator[str]:
    for name in type(config).model_fields:
        value = getattr(config, name)
        if isinstance(value, BaseModel):
            yield from (f"{name}.{key}" for key in _keys(value))
        elif name in getattr(type(config), "changeable", ()):
            yield name


def within_arm(key: str, arm: str) -> str:
    """A key of a spec as the arm has it: `arms.<arm>.agent.epochs` is its `agent.epochs`."""
    return key.removeprefix(f"arms.{arm}.")


def value_of(arm: ArmSpec, key: str) -> Any:
    """What an arm has for one of its changeable keys; None where it has no such key."""
    section, *path = within_arm(key, arm.name).split(".")
    found: Any = getattr(getattr(arm, section, None), "config", None)
    for part in path:
        found = getattr(found, part, None)
    return found


def changed(arm: ArmSpec, values: Mapping[str, Any]) -> ArmSpec:
    """The arm with other settings.

    Args:
        arm: as it is.
        values: by key, all of them changeable.

    Raises:
        ValueError: a value is out of its bounds.
    """
    for key, value in values.items():
        section, *path = within_arm(key, arm.name).split(".")
        holder = getattr(arm, section)
        content = holder.config.model_dump(mode="json")
        place = content
        for part in path[:-1]:
            place = place[part]
        place[path[-1]] = value
        config = type(holder.config).model_validate(content)
        arm = arm.model_copy(update={section: holder.model_copy(update={"config": config})})
    needed = getattr(arm.teacher.config, "world_settings", dict)() if arm.teacher else {}
    settings = {**arm.world.settings, **needed}
    return arm.model_copy(update={"world": arm.world.model_copy(update={"settings": settings})})
