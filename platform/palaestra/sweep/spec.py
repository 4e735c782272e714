"""What a sweep is to try: a run's spec, and values for some of its keys, as one YAML file."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from palaestra_worlds.registry import nearest
from pydantic import Field

from palaestra.spec.errors import Place, SpecError, fail
from palaestra.spec.explain import unknown_key, validated
from palaestra.spec.loader import Node, parse, read_file
from palaestra.spec.models import ArmSpec, RunSpec, Section
from palaestra.spec.read import load_spec_with
from palaestra.sweep.changes import changed
from palaestra.sweep.population import (
    MEMBER,
    Choices,
    Population,
    check_arm,
    check_parameters,
    first_values,
    member_seed,
    reached,
)
from palaestra.sweep.ranges import Range

Measure = Literal["success", "return_mean", "score"]
MOST_TRIALS = 10_000
MOST_VALUES = 1_000
"""Values of one key."""


class EarlyStopping(Section):
    """Successive halving (ASHA, arXiv 1810.05934): of the trials that got so far, the worse are stopped."""

    grace: int = Field(ge=1, le=10**12, description="Environment steps that every trial may take.")
    factor: int = Field(default=3, ge=2, le=100, description="One of so many trials goes on from each rung.")


class _Settings(Section):
    """The keys of a sweep file that are checked alone."""

    name: str = Field(
        default="", max_length=100, pattern=r"^[A-Za-z0-9._-]*$", description="Of its folder; missing: the file's."
    )
    description: str = Field(default="", max_length=10_000, description="What the sweep is to find out.")
    run: str = Field(min_length=1, description="A spec, relative to this file, or the name of one in `list configs`.")
    seeds: int | tuple[int, ...] | None = Field(default=None, description="Instead of the spec's own.")
    draws: int = Field(default=0, ge=0, le=MOST_TRIALS, description="How often all ranges together are drawn.")
    draw_seed: int = Field(default=0, ge=0, lt=2**31, description="Of these draws.")
    measure: Measure = Field(default="success", description="What trials are judged by, at their last evaluation.")
    early_stopping: EarlyStopping | None = Field(default=None, description="Stop the worse trials early (with Ray).")
    population: Population | None = Field(
        default=None, description="Have members take over one another's state and change the parameters (with Ray)."
    )


@dataclass(frozen=True)
class Variant:
    """One choice of values.

    Attributes:
        values: by key, dots leading into the spec.
    """

    values: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its values in words, keys as short as they can be told apart."""
        return ", ".join(f"{key}={_plain(value)}" for key, value in shortened(self.values).items()) or "as it is"


@dataclass(frozen=True)
class SweepTrial:
    """One trial: a spec with one arm and one seed.

    Attributes:
        variant: what it tries.
        arm: of the run's spec.
        seed: of the trial.
        spec: what its run folder holds.
    """

    variant: Variant
    arm: str
    seed: int
    spec: RunSpec


@dataclass(frozen=True)
class SweepSpec:
    """A sweep, every trial of it checked.

    Attributes:
        name: of its folder.
        description: what it is to find out.
        measure: what trials are judged by.
        early_stopping: None where every trial runs to its end.
        trials: each once, though several variants may ask for it; of a population its members.
        population: None where trials have nothing to do with each other.
        choices: of a population, what each parameter may be.
        population_place: where it is written, for messages.
    """

    name: str
    description: str
    measure: Measure
    early_stopping: EarlyStopping | None
    trials: tuple[SweepTrial, ...]
    population: Population | None = None
    choices: Choices = field(default_factory=dict)
    population_place: Place | None = None


def shortened(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same with the shortest ends of keys that tell them apart."""
    keys = list(values)
    short = {}
    for key in keys:
        parts = key.split(".")
        ends = [".".join(parts[-count:]) for count in range(1, len(parts) + 1)]
        short[next(end for end in ends if sum(_ends_with(other, end) for other in keys) == 1)] = values[key]
    return short


def _ends_with(key: str, end: str) -> bool:
    return key == end or key.endswith(f".{end}")


def _plain(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def load_sweep(path: Path, find_spec: Callable[[str], Path]) -> SweepSpec:
    """The sweep in a YAML file.

    Args:
        path: of the file.
        find_spec: gives the path of a spec that lies neither there nor beside it; raises what it likes.

    Raises:
        SpecError: something is wrong with it, or with one of its trials; the message says where, what, and what is
            allowed.
    """
    node = parse(read_file(path), str(path))
    children = node.children()
    known = (*_Settings.model_fields, "set", "parameters")
    for key, child in children.items():
        if key not in known:
            raise unknown_key(child, (key,), known)
    own = {key: child for key, child in children.items() if key in _Settings.model_fields}
    settings = validated(_Settings, Node(own, node.place, node.key), ())
    fixed = _mapping(node, "set")
    written = _mapping(node, "parameters")
    parameters = {key: _choices(key, child) for key, child in written.items()}
    beside = path.parent / settings.run
    if settings.population is not None:
        spec_path = beside if beside.is_file() else find_spec(settings.run)
        return _of_population(node, path.stem, settings, settings.population, spec_path, fixed, parameters, written)
    if any(isinstance(choice, Range) for choice in parameters.values()) != (settings.draws > 0):
        raise fail(node.place, ("draws",), "belongs to ranges, and ranges need it: how often they are drawn")
    spec_path = beside if beside.is_file() else find_spec(settings.run)
    variants = list(itertools.islice(_variants(parameters, settings), MOST_TRIALS + 1))
    trials: dict[str, SweepTrial] = {}
    for values in variants:
        spec = load_spec_with(spec_path, {**fixed, **values}, settings.seeds)
        if len(variants) * len(spec.arms) * len(spec.seeds) > MOST_TRIALS:
            raise fail(node.place, (), f"asks for more than {MOST_TRIALS:,} trials; give fewer values or seeds")
        for trial in _trials(spec, Variant({key: value.plain() for key, value in values.items()})):
            trials.setdefault(trial.spec.to_yaml(), trial)
    return SweepSpec(
        settings.name or path.stem,
        settings.description,
        settings.measure,
        settings.early_stopping,
        tuple(trials.values()),
    )


def _of_population(
    node: Node,
    name: str,
    settings: _Settings,
    population: Population,
    spec_path: Path,
    fixed: Mapping[str, Node],
    parameters: Mapping[str, list[Node] | Range],
    written: Mapping[str, Node],
) -> SweepSpec:
    """A sweep whose trials are members of populations, one for each arm and seed."""
    place = node.children()["population"]
    for key in ("draws", "early_stopping"):
        if key in node.children():
            why = "population.members says how many begin" if key == "draws" else "its members run to their end"
            raise fail(node.children()[key].key, (key,), f"has no meaning beside `population`: {why}; remove it")
    tried = {key: _all_or_ends(choice, written[key]) for key, choice in parameters.items()}
    first = {key: values[0] for key, values in tried.items()}

    def load(values: Mapping[str, Node]) -> RunSpec:
        return load_spec_with(spec_path, {**fixed, **first, **values}, settings.seeds)

    base = load({})
    check_parameters(place, written, base)
    load({key: values[-1] for key, values in tried.items()})
    others = {key: [load({key: value}) for value in values[1:]] for key, values in tried.items()}
    choices: Choices = {
        key: choice if isinstance(choice, Range) else [value.plain() for value in choice]
        for key, choice in parameters.items()
    }
    if population.members * len(base.arms) * len(base.seeds) > MOST_TRIALS:
        raise fail(place.place, ("population",), f"asks for more than {MOST_TRIALS:,} trials; give fewer members")
    trials: list[SweepTrial] = []
    for arm in base.arms.values():
        check_arm(place, population, arm)
        reach = [key for key in tried if any(reached(arm, other.arm(arm.name), key) for other in others[key])]
        if not reach:
            what = f"has nothing to change in arm '{arm.name}', which no parameter reaches; give one that it has"
            raise fail(place.place, ("population",), what)
        for seed in base.seeds:
            for number, values in enumerate(first_values(population, choices, seed), start=1):
                own = {key: values[key] for key in reach}
                trials.append(_member(base, arm, seed, population, number, own))
    return SweepSpec(
        settings.name or name,
        settings.description,
        settings.measure,
        None,
        tuple(trials),
        population,
        choices,
        place.key,
    )


def _all_or_ends(choice: list[Node] | Range, written: Node) -> list[Node]:
    """Values by which all that a parameter may be is checked."""
    return [written.children()["low"], written.children()["high"]] if isinstance(choice, Range) else choice


def _member(
    base: RunSpec, arm: ArmSpec, seed: int, population: Population, number: int, values: Mapping[str, Any]
) -> SweepTrial:
    own = member_seed(seed, population.members, number)
    alone = base.model_copy(
        update={
            "name": f"{arm.name}-seed{seed}-member{number}",
            "arms": {arm.name: changed(arm, values)},
            "seeds": (own,),
        }
    )
    return SweepTrial(Variant({MEMBER: number, **values}), arm.name, own, alone)


def _mapping(node: Node, key: str) -> dict[str, Node]:
    child = node.child(key)
    if child is None or child.value is None:
        return {}
    if not isinstance(child.value, dict):
        raise fail(child.place, (key,), "must be a mapping of keys such as agent.learning_rate")
    for name, value in child.value.items():
        if not all(name.split(".")):
            raise fail(value.key, (key, name), "must be a key of the spec, with dots between its parts")
    return child.value


def _choices(key: str, node: Node) -> list[Node] | Range:
    """What a parameter may be: listed values, or a range."""
    path = ("parameters", key)
    if isinstance(node.value, dict):
        return validated(Range, node, path)
    if not isinstance(node.value, list) or not node.value:
        raise fail(node.place, path, "must be a list of values, or a range such as {low: 0.001, high: 0.1, log: true}")
    if len(node.value) > MOST_VALUES:
        raise fail(node.place, path, f"has {len(node.value):,} values; at most {MOST_VALUES:,} are allowed")
    return node.value


def _variants(parameters: Mapping[str, list[Node] | Range], settings: _Settings) -> Iterator[dict[str, Node]]:
    """Every combination of listed values, with every draw of the ranges."""
    random = np.random.default_rng(settings.draw_seed)
    draws = [
        {key: choice.draw(random) for key, choice in parameters.items() if isinstance(choice, Range)}
        for _ in range(max(settings.draws, 1))
    ]
    listed = {key: choice for key, choice in parameters.items() if not isinstance(choice, Range)}
    for values in itertools.product(*listed.values()):
        for draw in draws:
            chosen = dict(zip(listed, values, strict=True))
            place = next(iter(chosen.values())).place if chosen else None
            for key, value in draw.items():
                drawn = parse(repr(value), f"parameters: {key}")
                chosen[key] = Node(value, place or drawn.place, place or drawn.place)
            yield {key: chosen[key] for key in parameters}


def _trials(spec: RunSpec, variant: Variant) -> Iterator[SweepTrial]:
    for arm in spec.arm_names:
        for seed in spec.seed_list:
            alone = spec.model_copy(
                update={"name": f"{arm}-seed{seed}", "arms": {arm: spec.arm(arm)}, "seeds": (seed,)}
            )
            yield SweepTrial(variant, arm, seed, alone)


def chosen_arms(spec: SweepSpec, arms: list[str]) -> SweepSpec:
    """The same with some arms only.

    Raises:
        SpecError: there is none of such a name.
    """
    known = {trial.arm for trial in spec.trials}
    for arm in arms:
        if arm not in known:
            raise SpecError(f"there is no arm '{arm}'{nearest(arm, known) or '; the arms are: ' + ', '.join(known)}")
    return replace(spec, trials=tuple(trial for trial in spec.trials if trial.arm in arms))
