"""Finds what is installed: worlds, teachers, agents and language models, by entry point.

A plug-in that is broken is named and skipped; the others work.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from palaestra_worlds.base import World, WorldEntry, WorldProvider


class UnknownName(ValueError):
    """A name that nothing installed has; the message gives the nearest that does."""


class BrokenPlugin(ImportError):
    """An entry point that could not be loaded; the message names it, its package and the cause."""


@dataclass(frozen=True)
class Broken:
    """An entry point that failed to load."""

    group: str
    name: str
    package: str
    reason: str


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the nearest known name, or an empty string."""
    known = list(known)
    folded = {k.lower(): k for k in known}
    hits = difflib.get_close_matches(name.lower(), list(folded), n=1, cutoff=0.5)
    return f"; did you mean '{folded[hits[0]]}'?" if hits else ""


class Registry:
    """The entry points of one group, loaded one by one when asked for."""

    def __init__(self, group: str, kind: str) -> None:
        self.group = group
        self.kind = kind

    def points(self) -> dict[str, EntryPoint]:
        """Every entry point of the group by name; of two with one name the first package's in the alphabet wins."""
        points = sorted(entry_points(group=self.group), key=_package)
        return {point.name: point for point in reversed(points)}

    def names(self) -> list[str]:
        return sorted(self.points())

    def load(self, name: str) -> Any:
        """The object behind a name.

        Raises:
            UnknownName: nothing installed has this name.
            BrokenPlugin: importing it failed.
        """
        points = self.points()
        if name not in points:
            raise UnknownName(
                f"unknown {self.kind} '{name}'{nearest(name, points)} Installed: {', '.join(sorted(points)) or 'none'}."
            )
        try:
            return points[name].load()
        except Exception as error:
            raise BrokenPlugin(
                f"{self.kind} '{name}' of package '{_package(points[name])}' ({points[name].value}) "
                f"cannot be loaded: {type(error).__name__}: {error}"
            ) from error

    def load_all(self) -> tuple[dict[str, Any], list[Broken]]:
        """Everything that loads, and what does not with the reason."""
        loaded: dict[str, Any] = {}
        broken: list[Broken] = []
        for name, point in sorted(self.points().items()):
            try:
                loaded[name] = self.load(name)
            except BrokenPlugin as error:
                broken.append(Broken(self.group, name, _package(point), str(error)))
        return loaded, broken


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "?"


WORLDS = Registry("palaestra.worlds", "world")
TEACHERS = Registry("palaestra.teachers", "teacher")
AGENTS = Registry("palaestra.agents", "agent")
LANGUAGE_MODELS = Registry("palaestra.language_models", "language model")


@cache
def _providers() -> tuple[dict[str, WorldProvider], tuple[Broken, ...]]:
    loaded, broken = WORLDS.load_all()
    for name, provider in list(loaded.items()):
        try:
            _check_provider(provider)
        except Exception as error:
            point = WORLDS.points()[name]
            reason = f"world '{name}' of package '{_package(point)}' ({point.value}) is broken: {error}"
            broken.append(Broken(WORLDS.group, name, _package(point), reason))
            del loaded[name]
    return loaded, tuple(broken)


def _check_provider(provider: Any) -> None:
    """Raises an error of any kind when it is no `WorldProvider`."""
    for name in ("prefix", "entries", "settings", "make", "oracle", "misread"):
        if not hasattr(provider, name):
            raise TypeError(f"it has no '{name}'")
    for entry in provider.entries():
        if not isinstance(entry, WorldEntry):
            raise TypeError(f"entries() gives {entry!r}, which is no WorldEntry")
    provider.settings().model_json_schema()


def world_providers() -> dict[str, WorldProvider]:
    """Every provider that works, by the name of its entry point."""
    return dict(_providers()[0])


def broken_worlds() -> tuple[Broken, ...]:
    """The providers that do not."""
    return _providers()[1]


def world_entries() -> list[WorldEntry]:
    """Every world id that can be listed, in the order of their names."""
    return sorted((e for p in world_providers().values() for e in p.entries()), key=lambda e: e.id)


def world_provider(id: str) -> WorldProvider:
    """The provider that serves an id.

    Raises:
        UnknownName: no installed provider has this id; the message gives the nearest id.
    """
    for provider in world_providers().values():
        if provider.prefix and id.startswith(provider.prefix):
            return provider
        if any(entry.id == id for entry in provider.entries()):
            return provider
    raise UnknownName(f"unknown world '{id}'{nearest(id, (e.id for e in world_entries()))}")


def make(id: str, num_envs: int = 1, **settings: Any) -> World:
    """Builds a world, e.g. `make("MiniGrid-DoorKey-8x8-v0", num_envs=64)`.

    Raises:
        UnknownName: no such id.
        ValueError: the settings do not fit the world.
    """
    return world_provider(id).make(id, num_envs, **settings)
