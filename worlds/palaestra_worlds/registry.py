"""Finds what is installed: worlds, teachers, agents and language models, by entry point.

A plug-in that is broken is named and skipped; the others work.
"""

from __future__ import annotations

import difflib
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from palaestra_worlds.base import World, WorldEntry, WorldProvider

OWN = "palaestra"
"""The distribution whose names no other can take over."""


class UnknownName(ValueError):
    """A name that nothing installed has; the message gives the nearest that does."""


class BrokenPlugin(ImportError):
    """An entry point that could not be loaded; the message names it, its package and the cause."""


@dataclass(frozen=True)
class Broken:
    """An entry point that cannot be used.

    Attributes:
        group, name: of the entry point.
        package: the distribution that it came with.
        file: of its module; empty if there is no such file.
        reason: all of this and the cause, in words.
    """

    group: str
    name: str
    package: str
    file: str
    reason: str


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the nearest known name, or an empty string."""
    known = list(known)
    folded = {k.lower(): k for k in known}
    hits = difflib.get_close_matches(name.lower(), list(folded), n=1, cutoff=0.5)
    return f"; did you mean '{folded[hits[0]]}'?" if hits else ""


def unknown(kind: str, name: str, known: Iterable[str]) -> UnknownName:
    """The error for a name of no such kind: says which one may be meant, and which there are."""
    known = sorted(known)
    return UnknownName(f"unknown {kind} '{name}'{nearest(name, known) or '.'} Installed: {', '.join(known) or 'none'}.")


class Registry:
    """The entry points of one group, loaded one by one when asked for.

    Args:
        group: of the entry points.
        kind: what they are, in words.
        needs: names of what each must have.
        check: looks at one closer, and raises an error of any kind when it cannot be used.
    """

    def __init__(
        self, group: str, kind: str, needs: Sequence[str] = (), check: Callable[[Any], None] | None = None
    ) -> None:
        self.group = group
        self.kind = kind
        self.needs = tuple(needs)
        self._check = check

    def points(self) -> dict[str, EntryPoint]:
        """The entry point of each name that can be loaded; of a name that others have too, Palaestra's own."""
        return {name: points[0] for name, points in self._found().items() if not self._is_ambiguous(points)}

    def names(self) -> list[str]:
        return sorted(self.points())

    def load(self, name: str) -> Any:
        """The object behind a name.

        Raises:
            UnknownName: nothing installed has this name.
            BrokenPlugin: it cannot be imported, lacks something, or two packages have the name.
        """
        found = self._found()
        if name not in found:
            raise unknown(self.kind, name, found)
        points = found[name]
        if self._is_ambiguous(points):
            raise BrokenPlugin(self._clash(points[0], points[1]))
        return self._load(points[0])

    def load_all(self) -> tuple[dict[str, Any], list[Broken]]:
        """Everything that can be used, and what cannot with the reason."""
        loaded: dict[str, Any] = {}
        broken: list[Broken] = []
        for name, points in sorted(self._found().items()):
            first, *others = points
            if self._is_ambiguous(points):
                broken.append(self.broken(first, self._clash(first, others[0])))
            else:
                try:
                    loaded[name] = self._load(first)
                except BrokenPlugin as error:
                    broken.append(self.broken(first, str(error)))
            broken += [self.broken(point, self._clash(point, first)) for point in others]
        return loaded, broken

    def broken(self, point: EntryPoint, reason: str) -> Broken:
        return Broken(self.group, point.name, package_of(point), file_of(point), reason)

    def in_words(self, point: EntryPoint) -> str:
        """Which it is: kind, name, package, module and file."""
        file = file_of(point)
        where = f"{point.value} in {file}" if file else point.value
        return f"{self.kind} '{point.name}' of package '{package_of(point)}' ({where})"

    def _found(self) -> dict[str, list[EntryPoint]]:
        """All entry points by name: Palaestra's first, then by package."""
        found: dict[str, list[EntryPoint]] = {}
        points = entry_points(group=self.group)
        for point in sorted(points, key=lambda point: (package_of(point) != OWN, package_of(point), point.value)):
            found.setdefault(point.name, []).append(point)
        return found

    def _is_ambiguous(self, points: Sequence[EntryPoint]) -> bool:
        return len(points) > 1 and package_of(points[0]) != OWN

    def _clash(self, point: EntryPoint, other: EntryPoint) -> str:
        return f"{self.in_words(point)} has the name of {self.in_words(other)}; uninstall or rename one of the two"

    def _load(self, point: EntryPoint) -> Any:
        with _naming(f"{self.in_words(point)} cannot be loaded"):
            plugin = point.load()
        with _naming(f"{self.in_words(point)} is broken"):
            missing = [name for name in self.needs if not hasattr(plugin, name)]
            if missing:
                raise _Unusable(f"it has no {' and no '.join(repr(name) for name in missing)}")
            if self._check:
                self._check(plugin)
        return plugin


class _Unusable(Exception):
    """What is wrong with a plug-in that was loaded."""


@contextmanager
def _naming(what: str) -> Iterator[None]:
    """Inside, whatever goes wrong becomes a BrokenPlugin that begins with `what`."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except _Unusable as error:
        raise BrokenPlugin(f"{what}: {error}") from error
    except BaseException as error:
        # Others' packages may raise anything when they are imported, SystemExit included.
        raise BrokenPlugin(f"{what}: {type(error).__name__}: {error}{_place(error)}") from error


def _place(error: BaseException) -> str:
    """` (file, line)` of where it was raised, outside of Python's own import system."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename]
    if isinstance(error, SyntaxError) or len(frames) < 2:
        return ""
    return f" ({frames[-1].filename}, line {frames[-1].lineno})"


def package_of(point: EntryPoint) -> str:
    """The distribution that an entry point came with."""
    return point.dist.name if point.dist else "?"


def file_of(point: EntryPoint) -> str:
    """Where the module of an entry point lies, found without importing it; empty if there is no such file."""
    top, *rest = point.module.split(".")
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        return ""
    if spec is None:
        return ""
    if not rest:
        return spec.origin or ""
    paths = (Path(folder, *rest) for folder in spec.submodule_search_locations or ())
    files = (file for path in paths for file in (path.with_suffix(".py"), path / "__init__.py"))
    return next((str(file) for file in files if file.is_file()), "")


def _check_config(plugin: Any) -> None:
    if not isinstance(plugin, type):
        raise _Unusable("it is no class")
    config = getattr(plugin, "Config", None)
    if not (isinstance(config, type) and issubclass(config, BaseModel)):
        raise _Unusable("its 'Config' is no pydantic model")
    config.model_json_schema()


def _check_provider(provider: Any) -> None:
    for entry in provider.entries():
        if not isinstance(entry, WorldEntry):
            raise _Unusable(f"entries() gives {entry!r}, which is no WorldEntry")
    provider.settings().model_json_schema()


WORLDS = Registry(
    "palaestra.worlds", "world", ("prefix", "entries", "settings", "make", "oracle", "misread"), _check_provider
)
TEACHERS = Registry(
    "palaestra.teachers",
    "teacher",
    ("Config", "propose", "observe", "state_dict", "load_state_dict"),
    _check_config,
)
AGENTS = Registry(
    "palaestra.agents",
    "agent",
    ("Config", "initial_state", "act", "train_iteration", "state_dict", "load_state_dict"),
    _check_config,
)
LANGUAGE_MODELS = Registry("palaestra.language_models", "language model", ("Config", "complete"), _check_config)
ORACLES = Registry("palaestra.oracles", "oracle", ("__call__",))
"""Functions (prompt, schema) -> answer, or None for prompts that are not theirs. The scripted model gives these answers
to questions that are not about a world's level; a package that asks such brings one along."""


@cache
def _providers() -> tuple[dict[str, WorldProvider], tuple[Broken, ...]]:
    loaded, broken = WORLDS.load_all()
    points = WORLDS.points()
    served: dict[str, str] = {}
    for name in sorted(loaded, key=lambda name: (package_of(points[name]) != OWN, name)):
        ids = [entry.id for entry in loaded[name].entries()]
        taken = next((id for id in ids if id in served), None)
        if taken is None:
            served |= dict.fromkeys(ids, name)
            continue
        other = WORLDS.in_words(points[served[taken]])
        reason = f"{WORLDS.in_words(points[name])} serves '{taken}', an id of {other}; uninstall one of the two"
        broken.append(WORLDS.broken(points[name], reason))
        del loaded[name]
    return loaded, tuple(broken)


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
