"""What the contracts are checked of, and how it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import palaestra_worlds
import pytest
from palaestra_agents.base import Agent, AgentInterface
from palaestra_teachers.base import LanguageModel, Ledger, LessonRefused, LessonRequest, Teacher
from palaestra_teachers.llm.build import build_model
from palaestra_worlds.base import World, WorldProvider
from palaestra_worlds.registry import (
    AGENTS,
    LANGUAGE_MODELS,
    TEACHERS,
    WORLDS,
    Registry,
    UnknownName,
    nearest,
    package_of,
    world_entries,
    world_provider,
    world_providers,
)
from pydantic import BaseModel, ValidationError

from palaestra.asking import random_request
from palaestra.measured import MeasuredWorld
from palaestra.testing.around import MemoryLedger, request_for
from palaestra.testing.examples import edges

ENVIRONMENTS = 3
LEVELS = 6
SHORT_EPISODE = 15
"""Steps until truncation, where a world can be set so."""
USUAL_WORLDS = ("MiniGrid-DoorKey-5x5-v0", "MiniGrid-Empty-5x5-v0")
"""Small ones of Palaestra's, tried first for teachers and agents."""


@dataclass(frozen=True)
class WorldCase:
    """A world id."""

    id: str
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def provider(self) -> WorldProvider:
        return world_provider(self.id)

    def make(self, num_envs: int = ENVIRONMENTS, **changed: Any) -> World:
        return palaestra_worlds.make(self.id, num_envs=num_envs, **self.settings | changed)

    def make_short(self, num_envs: int = ENVIRONMENTS) -> World:
        """With short episodes, if the world has a setting `max_steps`."""
        short = {"max_steps": SHORT_EPISODE} if "max_steps" in self.provider.settings().model_fields else {}
        return palaestra_worlds.make(self.id, num_envs=num_envs, **short | self.settings)


@dataclass(frozen=True)
class TeacherCase:
    """A teacher with its settings, the world it is to teach in, and its language model's settings."""

    id: str
    settings: dict[str, Any] = field(default_factory=dict)
    world_id: str | None = None
    model: dict[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> Any:
        return TEACHERS.load(self.id)

    @cached_property
    def config(self) -> Any:
        return _config(self.kind.Config, self.settings, f"teacher '{self.id}'")

    def make(
        self, world: World | None = None, model: LanguageModel | None = None, ledger: Ledger | None = None
    ) -> Teacher:
        return self.kind(self.config, model or self.make_model(), world or self.make_world(), ledger or MemoryLedger())

    def make_model(self) -> LanguageModel:
        return build_model(self.model or {"backend": "scripted"})

    def make_world(self) -> World:
        return palaestra_worlds.make(self._suitable_world, num_envs=1, **self.world_settings)

    @property
    def is_scheduled(self) -> bool:
        """Whether it is asked in turns with training, and not about levels."""
        return hasattr(self.config, "schedule")

    @property
    def is_onlooker(self) -> bool:
        """Whether it looks on while an agent learns, and is asked what it wants to know."""
        return hasattr(self.config, "onlooking")

    @property
    def numbers(self) -> range:
        """The levels, or the turns, that it is asked about."""
        turns = self.config.schedule().turns if self.is_scheduled else LEVELS
        return range(min(turns, LEVELS))

    def request(self, world: World, number: int) -> LessonRequest:
        """What a run tells it about one of `numbers`."""
        if self.is_scheduled:
            return LessonRequest(world_id=world.id, turn=number)
        if self.is_onlooker:
            try:
                return random_request(self.make(), self.make_world(), number)
            except LessonRefused as refusal:
                pytest.skip(f"it asks nothing: {refusal}")
        return request_for(world, number)

    @property
    def world_settings(self) -> dict[str, Any]:
        """What its lessons need a world's settings to be."""
        return getattr(self.config, "world_settings", dict)()

    @cached_property
    def _suitable_world(self) -> str:
        def attempt(id: str) -> None:
            world = palaestra_worlds.make(id, num_envs=1, **self.world_settings)
            self.kind(self.config, self.make_model(), world, MemoryLedger())

        return _first_suitable(TEACHERS, self.id, self.world_id, attempt)


@dataclass(frozen=True)
class AgentCase:
    """An agent with its settings, and the world it is to learn in."""

    id: str
    settings: dict[str, Any] = field(default_factory=dict)
    world_id: str | None = None

    @property
    def kind(self) -> Any:
        return AGENTS.load(self.id)

    @cached_property
    def config(self) -> BaseModel:
        return _config(self.kind.Config, self.settings, f"agent '{self.id}'")

    def make(self, world: World, seed: int = 0) -> Agent:
        interface = AgentInterface(world.single_observation_space, world.single_action_space, world.num_envs)
        return self.kind(self.config, interface, seed=seed)

    def make_world(self, num_envs: int = ENVIRONMENTS) -> MeasuredWorld:
        return MeasuredWorld(palaestra_worlds.make(self._suitable_world, num_envs=num_envs))

    @cached_property
    def _suitable_world(self) -> str:
        def attempt(id: str) -> None:
            self.make(palaestra_worlds.make(id, num_envs=ENVIRONMENTS))

        return _first_suitable(AGENTS, self.id, self.world_id, attempt)


@dataclass(frozen=True)
class ModelCase:
    """A language model with its settings."""

    id: str
    settings: dict[str, Any] = field(default_factory=dict)
    chosen: bool = False
    """It alone is to be checked."""

    @property
    def kind(self) -> Any:
        return LANGUAGE_MODELS.load(self.id)

    def make(self) -> LanguageModel:
        """Skips the test where a model cannot be made without settings that nobody gave, or may cost money."""
        fields = self.kind.Config.model_fields
        choose = f"choose it with --language-model {self.id} --settings '{{...}}'"
        if not self.chosen and "base_url" in fields:
            pytest.skip(f"'{self.id}' asks an endpoint, which may cost something: {choose}")
        try:
            return build_model(self.all_settings)
        except ValueError as error:
            if self.chosen:
                pytest.fail(f"'{self.id}' cannot be made: {error}; give --settings '{{...}}'")
            pytest.skip(f"'{self.id}' cannot be made: {error}; {choose}")

    @property
    def all_settings(self) -> dict[str, Any]:
        """With the scripted model inside of one that wraps others."""
        scripted = {"backend": "scripted"}
        wrapped = {"inner": scripted, "models": [scripted, scripted]}
        needed = {key: value for key, value in wrapped.items() if key in self.kind.Config.model_fields}
        return {"backend": self.id} | needed | self.settings


def worlds(id: str | None, settings: dict[str, Any]) -> list[WorldCase]:
    """One id of each that its provider sums up alike, or the one given. Live worlds are left out: they promise less.

    Raises:
        UnknownName: there is no such id.
    """
    if id is not None:
        world_provider(id)
        return [WorldCase(id, settings)]
    found = {entry.summary: entry.id for entry in world_entries() if not entry.missing and not entry.is_live}
    return [WorldCase(id) for id in sorted(found.values())]


def teachers(
    name: str | None, settings: dict[str, Any], world_id: str | None, model: dict[str, Any]
) -> list[TeacherCase]:
    """All of them, or the one given."""
    return [TeacherCase(one, settings, world_id, model) for one in _names(TEACHERS, name)]


def agents(name: str | None, settings: dict[str, Any], world_id: str | None) -> list[AgentCase]:
    """All of them, or the one given."""
    return [AgentCase(one, settings, world_id) for one in _names(AGENTS, name)]


def models(name: str | None, settings: dict[str, Any]) -> list[ModelCase]:
    """All of them, or the one given."""
    return [ModelCase(one, settings, name is not None) for one in _names(LANGUAGE_MODELS, name)]


def _names(registry: Registry, name: str | None) -> list[str]:
    if name is None:
        return registry.names()
    if name not in registry.names():
        # An ambiguous name is no unknown one: loading it says what is wrong.
        _known_or_broken(registry, name)
    return [name]


def _known_or_broken(registry: Registry, name: str) -> None:
    _, broken = registry.load_all()
    if all(one.name != name for one in broken):
        raise UnknownName(f"unknown {registry.kind} '{name}'{nearest(name, registry.names())}")


def _config(model: type[BaseModel], settings: dict[str, Any], what: str) -> BaseModel:
    """The settings; those that have no default and are not given are the least that their bounds allow."""
    required = next(edges(model.model_json_schema()))
    try:
        return model.model_validate({**required, **settings})
    except ValidationError as error:
        pytest.fail(f"the settings of {what} do not fit, or have no defaults; give --settings '{{...}}': {error}")


def _first_suitable(registry: Registry, name: str, given: str | None, attempt: Callable[[str], None]) -> str:
    """The given world, or the first in which `attempt` raises no ValueError."""
    refused = []
    for id in [given] if given else _candidates(package_of(registry.points()[name])):
        try:
            attempt(id)
        except ValueError as error:
            refused.append(f"{id}: {error}")
        else:
            return id
    pytest.fail(
        f"{registry.kind} '{name}' takes none of these worlds (name another with --world):\n" + "\n".join(refused)
    )


def _candidates(package: str) -> Iterator[str]:
    """Ids to try: those of the same package, the usual ones, one of each provider, then one of each kind."""
    points = WORLDS.points()
    providers = world_providers()
    own = [name for name in providers if package_of(points[name]) == package and package != "palaestra"]
    first = {
        name: next((e.id for e in provider.entries() if not e.missing and not e.is_live), None)
        for name, provider in providers.items()
    }
    yield from (id for name in own if (id := first[name]))
    yield from USUAL_WORLDS
    yield from (id for name, id in first.items() if id and name not in own)
    yield from (case.id for case in worlds(None, {}))
