"""What is installed: worlds, teachers, agents and language models, of Palaestra and of others' packages.

A plug-in that is broken is named and skipped; the others work.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from typing import Any

from palaestra_worlds import registry
from palaestra_worlds.base import WorldEntry, WorldProvider
from palaestra_worlds.registry import AGENTS, LANGUAGE_MODELS, TEACHERS, WORLDS, Broken, Registry
from pydantic import BaseModel


@dataclass(frozen=True)
class Plugin:
    """A teacher, an agent or a language model.

    Attributes:
        name: what a spec calls it.
        package, version: of the distribution that it came with; empty where that is unknown.
        summary: the first paragraph of its docstring.
        config: model of its settings.
    """

    name: str
    package: str
    version: str
    summary: str
    config: type[BaseModel]


@dataclass(frozen=True)
class Worlds:
    """The worlds of one provider.

    Attributes:
        name: of the provider.
        package, version: of the distribution that it came with; empty where that is unknown.
        prefix: ids that begin so are its own, listed or not; empty where there is no such.
        entries: the ids that can be listed.
        settings: model of what they can be set to.
    """

    name: str
    package: str
    version: str
    prefix: str
    entries: tuple[WorldEntry, ...]
    settings: type[BaseModel]


@dataclass(frozen=True)
class Installed:
    """Everything of all kinds, each in the order of its names, and what is broken."""

    worlds: list[Worlds]
    teachers: list[Plugin]
    agents: list[Plugin]
    models: list[Plugin]
    broken: list[Broken] = field(default_factory=list)


def installed() -> Installed:
    """Loads every plug-in that there is."""
    broken = list(registry.broken_worlds())
    points = WORLDS.points()
    worlds = [_worlds(points[name], provider) for name, provider in sorted(registry.world_providers().items())]
    found = {}
    for name, kind in {"teachers": TEACHERS, "agents": AGENTS, "models": LANGUAGE_MODELS}.items():
        found[name], failed = plugins_of(kind)
        broken += failed
    return Installed(worlds=worlds, **found, broken=broken)


def _worlds(point: EntryPoint, provider: WorldProvider) -> Worlds:
    return Worlds(
        point.name, *_distribution(point), provider.prefix, tuple(provider.entries()), settings=provider.settings()
    )


def plugins_of(kind: Registry) -> tuple[list[Plugin], list[Broken]]:
    """The teachers, the agents or the language models, and those of them that are broken."""
    loaded, broken = kind.load_all()
    points = kind.points()
    found = [
        Plugin(name, *_distribution(points[name]), _first_paragraph(plugin), plugin.Config)
        for name, plugin in loaded.items()
    ]
    return found, broken


def _distribution(point: EntryPoint) -> tuple[str, str]:
    return (point.dist.name, point.dist.version) if point.dist else ("", "")


def _first_paragraph(plugin: Any) -> str:
    return " ".join((inspect.getdoc(plugin) or "").partition("\n\n")[0].split())
