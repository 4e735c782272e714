"""Steps a fast world and the reference package side by side, and reports the first difference."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
import palaestra_worlds
from numpy.typing import NDArray
from palaestra_worlds.registry import world_entries, world_provider

from palaestra.bench.differences import ParityResult, same, same_array
from palaestra.bench.results import BenchResults, BenchTable

Policy = Callable[[Any, NDArray[np.int64]], NDArray[np.int64]]
"""`policy(world, random_actions) -> actions`, for all environments."""

Starting = Callable[[str], None]
"""Told what is compared next."""

Comparison = Callable[[str, Sequence[int], int, Starting], ParityResult]
"""`compare(id, seeds, steps, starting)`."""

_COUNTS = ("seeds", "steps", "episodes", "successes")


def bench_parity(
    ids: Sequence[str] | None,
    seeds: int,
    steps: int,
    minutes: float = 0.0,
    starting: Starting = lambda name: None,
) -> BenchResults:
    """Everything that `palaestra bench parity` prints.

    Args:
        ids: what to compare; None for Crafter and every MiniGrid id that can be served here.
        seeds: environments of each id in one pass; the next pass takes the seeds after them.
        steps: steps of each environment.
        minutes: passes go on for so long; at least one is made.
        starting: told the id and the seeds before each comparison.

    Raises:
        ParityError: at the first difference.
        UnknownName: there is no such id.
        ValueError: an id cannot be served here, or has no reference; the message says so.
    """
    entries = [entry for entry in world_entries() if _comparison_of(entry.id)]
    chosen = list(ids) if ids else [entry.id for entry in entries if not entry.missing]
    for id in chosen:
        world_provider(id)
        if not _comparison_of(id):
            raise ValueError(f"{id} has no reference to be compared with; those of MiniGrid and Crafter have one")
    until = time.monotonic() + 60.0 * minutes
    results: dict[str, list[ParityResult]] = {id: [] for id in chosen}
    for turn in itertools.count():
        for id in chosen:
            numbers = range(turn * seeds, (turn + 1) * seeds)
            compare = _comparison_of(id)
            assert compare is not None
            results[id].append(compare(id, numbers, steps, starting))
        if time.monotonic() >= until:
            break
    notes = [f"{e.id} cannot be compared: {e.missing}" for e in entries if e.missing and not ids]
    notes += [remark for found in results.values() for result in found for remark in result.remarks]
    figures = {id: {name: sum(getattr(r, name) for r in found) for name in _COUNTS} for id, found in results.items()}
    return BenchResults((_parity_table(figures),), figures, tuple(notes))


def _comparison_of(id: str) -> Comparison | None:
    """How a world is compared; None for worlds of our own."""
    if id == "Crafter":
        return _compare_crafter
    return _compare_minigrid if id.startswith("MiniGrid-") else None


def _compare_crafter(id: str, seeds: Sequence[int], steps: int, starting: Starting) -> ParityResult:
    from palaestra.bench.crafter_parity import compare_crafter

    return compare_crafter(seeds, steps, starting=starting)


def _compare_minigrid(id: str, seeds: Sequence[int], steps: int, starting: Starting) -> ParityResult:
    starting(f"{id}, seeds {seeds[0]} to {seeds[-1]}")
    # Episodes cut to a third, so that at least three follow one another on one random stream.
    return compare_minigrid(id, seeds, steps, max_steps=max(1, steps * 3 // 10))


def _parity_table(figures: dict[str, dict[str, int]]) -> BenchTable:
    total = {name: sum(found[name] for found in figures.values()) for name in _COUNTS}
    rows = [
        (name, *(f"{found[count]:,}" for count in _COUNTS))
        for name, found in [*figures.items(), (f"all {len(figures)}", total)]
    ]
    return BenchTable(
        "Compared with the reference, step for step, without a difference",
        ("world", *_COUNTS),
        tuple(rows),
        "Observations, final ones too, rewards, terminated and truncated, bit for bit. MiniGrid: random actions. "
        "Crafter: a scripted player and random actions; also the whole state; a success is a diamond.",
    )


def compare_minigrid(
    id: str,
    seeds: Sequence[int],
    steps: int,
    policy: Policy | None = None,
    observation: str = "partial",
    max_steps: int | None = None,
    reference: dict[str, Any] | None = None,
) -> ParityResult:
    """Drives one environment for each seed through `steps` steps, never reseeding, with the same actions on both sides.

    Args:
        id: a MiniGrid id.
        seeds: one environment each.
        steps: steps of each environment; episodes begin anew within them.
        policy: chooses actions; None for uniformly random ones.
        observation: "partial", "full" or "symbolic"; the reference wears its wrapper for the last two.
        max_steps: cuts episodes shorter on both sides, so that more of them begin; None: as the id has it.
        reference: further constructor keywords of the reference's class, on both sides.

    Raises:
        ParityError: at the first difference in observation, reward, end or final observation.
    """
    began = time.perf_counter()
    keywords = dict(reference or {}) | ({} if max_steps is None else {"max_steps": max_steps})
    references: list[Any] = [_reference(id, observation, keywords) for _ in seeds]
    world = palaestra_worlds.make(id, num_envs=len(seeds), observation=observation, reference=keywords)
    observations, _ = world.reset(seed=list(seeds))
    for i, (env, seed) in enumerate(zip(references, seeds, strict=True)):
        _same_observation(f"{id} seed {seed} at reset", env.reset(seed=seed)[0], observations, i)
    num_actions = int(cast(Any, world.single_action_space).n)
    random = np.random.default_rng(len(id))
    episodes = successes = 0
    for step in range(steps):
        actions = random.integers(0, num_actions, len(seeds))
        if policy is not None:
            actions = policy(world, actions)
        observations, rewards, terminated, truncated, infos = world.step(actions)
        for i, env in enumerate(references):
            where = f"{id} seed {seeds[i]} step {step} action {actions[i]}"
            seen, reward, *ends, _ = env.step(actions[i])
            same(where, "reward", float(reward), float(rewards[i]))
            same(where, "ends", [bool(end) for end in ends], [bool(terminated[i]), bool(truncated[i])])
            if any(ends):
                episodes += 1
                successes += reward > 0
                last = infos["final_obs"][i]
                _same_observation(f"{where} (final)", seen, {k: [v] for k, v in last.items()}, 0)
                seen = env.reset()[0]
            _same_observation(where, seen, observations, i)
    world.close()
    return ParityResult(id, len(seeds), steps * len(seeds), episodes, successes, time.perf_counter() - began)


def _reference(id: str, observation: str, keywords: dict[str, Any]) -> Any:
    import gymnasium
    from minigrid.wrappers import FullyObsWrapper, SymbolicObsWrapper

    wrappers = {"partial": lambda env: env, "full": FullyObsWrapper, "symbolic": SymbolicObsWrapper}
    return wrappers[observation](gymnasium.make(id, disable_env_checker=True, **keywords))


def _same_observation(where: str, expected: dict[str, Any], batch: dict[str, Any], i: int) -> None:
    same(where, "mission", expected["mission"], batch["mission"][i])
    same(where, "direction", int(expected["direction"]), int(batch["direction"][i]))
    image = batch["image"][i]
    same(where, "type of the image", expected["image"].dtype, image.dtype)
    same_array(where, "image", expected["image"], image)
