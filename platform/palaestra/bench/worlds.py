"""Steps per second of worlds beside what a user would pick instead, in one run, in turns.

Every contender steps with uniformly random actions prepared beforehand; observations and resets are included. A round
gives each contender the same wall time, one after the other, so that a machine that slows down slows all of them.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np
import palaestra_worlds
from palaestra_worlds.registry import world_provider

from palaestra.bench.results import BenchResults, BenchTable

NUM_ACTION_ROWS = 64
SHORT_EPISODES = "MiniGrid-Empty-5x5-v0"


@dataclass(frozen=True)
class Contender:
    """Something that steps environments; `step_once` steps all of its `num_envs`, `per_call` times."""

    name: str
    num_envs: int
    step_once: Callable[[int], None]
    per_call: int = 1


@dataclass(frozen=True)
class Speed:
    """Steps per second of one contender, one figure for each round."""

    name: str
    num_envs: int
    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)


@dataclass(frozen=True)
class Ratio:
    """How many times faster ours is, round by round."""

    peer: str
    median: float
    lowest: float
    highest: float


def ours(id: str, num_envs: int, threads: int | None = None, name: str = "palaestra", **settings: Any) -> Contender:
    """Our world, with reused observation arrays as learners use it."""
    world = palaestra_worlds.make(id, num_envs=num_envs, copy_observations=False, threads=threads, **settings)
    world.reset(seed=0)
    actions = _random_actions(num_envs, int(world.single_action_space.n))  # pyright: ignore[reportAttributeAccessIssue]

    def step_once(call: int) -> None:
        world.step(actions[call % NUM_ACTION_ROWS])

    return Contender(name, num_envs, step_once)


def reference(id: str, num_envs: int = 64) -> Contender:
    """gymnasium's SyncVectorEnv of the reference package."""
    import gymnasium
    import minigrid  # noqa: F401  (registers its ids)

    envs = gymnasium.vector.SyncVectorEnv([lambda: gymnasium.make(id, disable_env_checker=True)] * num_envs)
    envs.reset(seed=0)
    actions = _random_actions(num_envs, int(envs.single_action_space.n))  # pyright: ignore[reportAttributeAccessIssue]

    def step_once(call: int) -> None:
        envs.step(actions[call % NUM_ACTION_ROWS])

    return Contender(f"minigrid {version('minigrid')} SyncVectorEnv", num_envs, step_once)


def envpool_peer(id: str, num_envs: int = 1024) -> Contender:
    """envpool's C++ MiniGrid with the number of threads that is fastest here. Its levels are not minigrid's."""
    import envpool  # pyright: ignore[reportMissingImports]

    _require(id, id, envpool.list_all_envs())
    counts = sorted({1, max(1, (os.cpu_count() or 1) // 2), os.cpu_count() or 1})
    pools = [_envpool_contender(id, num_envs, threads) for threads in counts]
    return max(pools, key=lambda pool: _steps_per_second(pool, 0.5))


def _envpool_contender(id: str, num_envs: int, threads: int) -> Contender:
    import envpool  # pyright: ignore[reportMissingImports]

    pool = envpool.make_gymnasium(id, num_envs=num_envs, num_threads=threads, seed=0)
    pool.reset()
    actions = _random_actions(num_envs, int(pool.action_space.n)).astype(np.int32)

    def step_once(call: int) -> None:
        pool.step(actions[call % NUM_ACTION_ROWS])

    return Contender(f"envpool {version('envpool')} ({threads} threads)", num_envs, step_once)


def navix_peer(id: str, num_envs: int = 1024, unroll: int = 64) -> Contender:
    """NAVIX on JAX CPU, its steps unrolled in one compiled scan. Its rules are not quite minigrid's."""
    import jax  # pyright: ignore[reportMissingImports]
    import navix  # pyright: ignore[reportMissingImports]

    name = id.replace("MiniGrid-", "Navix-")
    _require(id, name, navix.registry())
    env = navix.make(name)
    keys = jax.random.split(jax.random.PRNGKey(0), num_envs)
    steps = jax.vmap(env.step)

    @jax.jit
    def scan(timestep: Any, actions: Any) -> Any:
        return jax.lax.scan(lambda state, chosen: (steps(state, chosen), None), timestep, actions)[0]

    return _jax_contender(f"NAVIX {version('navix')} (JAX CPU)", num_envs, unroll, jax.vmap(env.reset)(keys), scan)


def xland_peer(id: str, num_envs: int = 1024, unroll: int = 64) -> Contender:
    """XLand-MiniGrid on JAX CPU, likewise. Its rules are not quite minigrid's."""
    import jax  # pyright: ignore[reportMissingImports]
    import xminigrid  # pyright: ignore[reportMissingImports]
    from xminigrid.wrappers import GymAutoResetWrapper  # pyright: ignore[reportMissingImports]

    name = id.removesuffix("-v0")
    _require(id, name, xminigrid.registered_environments())
    env, params = xminigrid.make(name)
    env = GymAutoResetWrapper(env)
    keys = jax.random.split(jax.random.PRNGKey(0), num_envs)
    steps = jax.vmap(env.step, in_axes=(None, 0, 0))
    first = jax.jit(jax.vmap(env.reset, in_axes=(None, 0)))(params, keys)

    @jax.jit
    def scan(timestep: Any, actions: Any) -> Any:
        return jax.lax.scan(lambda state, chosen: (steps(params, state, chosen), None), timestep, actions)[0]

    return _jax_contender(f"XLand-MiniGrid {version('xminigrid')} (JAX CPU)", num_envs, unroll, first, scan, 6)


def _jax_contender(
    name: str, num_envs: int, unroll: int, first: Any, scan: Callable[[Any, Any], Any], num_actions: int = 7
) -> Contender:
    import jax  # pyright: ignore[reportMissingImports]
    import jax.numpy as jnp  # pyright: ignore[reportMissingImports]

    actions = jnp.asarray(np.random.default_rng(0).integers(0, num_actions, (unroll, num_envs)), dtype=jnp.int32)
    state = [jax.block_until_ready(scan(first, actions))]

    def step_once(_: int) -> None:
        state[0] = jax.block_until_ready(scan(state[0], actions))

    return Contender(name, num_envs, step_once, per_call=unroll)


class NoSuchWorld(LookupError):
    """A peer does not have the id."""


PEERS: dict[str, tuple[str, Callable[[str], Contender]]] = {
    "minigrid": ("minigrid", reference),
    "envpool": ("envpool", envpool_peer),
    "NAVIX": ("navix", navix_peer),
    "XLand-MiniGrid": ("xminigrid", xland_peer),
}
"""By name: the package to import, and what builds the contender."""


def _require(id: str, name: str, known: Iterable[str]) -> None:
    if name not in known:
        raise NoSuchWorld(f"has no {id}")


def build_peers(id: str) -> tuple[list[Contender], list[str]]:
    """Every peer that is installed and has the world, and a sentence for each that is left out."""
    found, left_out = [], []
    for name, (package, build) in PEERS.items():
        if find_spec(package) is None:
            left_out.append(f"{name} is not installed (pip install 'palaestra[bench]').")
            continue
        try:
            found.append(build(id))
        except NoSuchWorld as error:
            left_out.append(f"{name} {error}.")
    return found, left_out


def measure(contenders: list[Contender], rounds: int = 5, seconds: float = 2.0) -> list[Speed]:
    """Lets the contenders step in turns; the first round, which compiles, is not counted."""
    figures: list[list[float]] = [[] for _ in contenders]
    for turn in range(rounds + 1):
        for contender, found in zip(contenders, figures, strict=True):
            speed = _steps_per_second(contender, seconds if turn else seconds / 4)
            if turn:
                found.append(speed)
    return [Speed(c.name, c.num_envs, tuple(f)) for c, f in zip(contenders, figures, strict=True)]


def ratios(speeds: list[Speed]) -> Iterator[Ratio]:
    """The first contender's speed over each other's, paired by round."""
    first, *others = speeds
    for other in others:
        paired = sorted(a / b for a, b in zip(first.rounds, other.rounds, strict=True))
        yield Ratio(f"{other.name}, {other.num_envs} envs", statistics.median(paired), paired[0], paired[-1])


def _steps_per_second(contender: Contender, seconds: float) -> float:
    calls = 0
    began = time.perf_counter()
    while (elapsed := time.perf_counter() - began) < seconds:
        for _ in range(4):
            contender.step_once(calls)
            calls += 1
    return calls * contender.per_call * contender.num_envs / elapsed


def _random_actions(num_envs: int, num_actions: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.random.default_rng(0).integers(0, num_actions, (NUM_ACTION_ROWS, num_envs))


def bench_worlds(id: str, rounds: int, seconds: float, peers: bool = True) -> BenchResults:
    """Everything that `palaestra bench worlds` prints.

    Raises:
        UnknownName: there is no such world.
    """
    world_provider(id)
    figures: dict[str, Any] = {"world": id, "rounds": rounds, "seconds": seconds}
    if id == "Crafter":
        return _bench_crafter(rounds, seconds, peers, figures)
    if id.startswith("AGV"):
        from palaestra.bench.agv import bench_agv

        return bench_agv(id, rounds, seconds, peers)
    if id == "Overworld":
        from palaestra.bench.overworld import bench_overworld

        return bench_overworld(rounds, seconds)
    tables: list[BenchTable] = []
    notes: list[str] = []
    if peers:
        speeds, notes = compare_with_peers(id, rounds, seconds)
        tables.append(
            _peer_table(f"{id}: steps per second with observations, resets included", speeds, _MINIGRID_PEERS)
        )
        figures["peers"] = {f"{s.name}, {s.num_envs} envs": s.rounds for s in speeds}
    pairs = compare_threads(id, rounds, seconds / 2)
    tables.append(_thread_table(id, pairs))
    figures["threads"] = {str(one.num_envs): {s.name: s.rounds for s in (one, other)} for one, other in pairs}
    costs = autoreset_costs(rounds=rounds, seconds=seconds / 2)
    tables.append(_autoreset_table(costs))
    figures["autoreset_cost"] = costs
    return BenchResults(tuple(tables), figures, tuple(notes))


def _bench_crafter(rounds: int, seconds: float, peers: bool, figures: dict[str, Any]) -> BenchResults:
    from palaestra.bench.crafter_worlds import measure_crafter

    speeds, notes = measure_crafter(rounds, seconds, peers)
    tables = [_peer_table(f"Crafter: {name}", found, _CRAFTER_PEERS) for name, found in speeds.items()]
    figures["peers"] = {
        name: {f"{s.name}, {s.num_envs} envs": s.rounds for s in found} for name, found in speeds.items()
    }
    pairs = compare_threads("Crafter", rounds, seconds / 2, (64, 256, 1024), observation="symbolic")
    tables.append(_thread_table("Crafter", pairs))
    figures["threads"] = {str(one.num_envs): {s.name: s.rounds for s in (one, other)} for one, other in pairs}
    return BenchResults(tuple(tables), figures, tuple(notes))


def compare_with_peers(id: str, rounds: int, seconds: float) -> tuple[list[Speed], list[str]]:
    """Our world at 4,096 environments first, then every peer there is, each at the batch size that suits it.

    Returns:
        Speeds, and a sentence for each peer that is left out.
    """
    contenders, left_out = build_peers(id)
    return measure([ours(id, 4096), *contenders], rounds, seconds), left_out


def compare_threads(
    id: str, rounds: int, seconds: float, sizes: Sequence[int] = (64, 256, 1024, 4096), **settings: Any
) -> list[tuple[Speed, Speed]]:
    """Default threads against one thread, at rising numbers of environments."""
    pairs = []
    for size in sizes:
        both = [ours(id, size, name="default threads", **settings), ours(id, size, 1, "one thread", **settings)]
        default, single = measure(both, rounds, seconds)
        pairs.append((default, single))
    return pairs


def autoreset_costs(
    id: str = SHORT_EPISODES, num_envs: int = 4096, max_steps: int = 20, rounds: int = 5, seconds: float = 1.0
) -> tuple[float, ...]:
    """Share of the time that autoreset takes when every episode is `max_steps` long, one figure for each round.

    It is 1 - speed / speed without ends, both turning on the spot, which never ends an episode.
    """

    def contender(limit: int) -> Contender:
        world = palaestra_worlds.make(id, num_envs=num_envs, copy_observations=False, max_steps=limit)
        world.reset(seed=0)
        turns = np.zeros((NUM_ACTION_ROWS, num_envs), dtype=np.int64)

        def step_once(call: int) -> None:
            world.step(turns[call % NUM_ACTION_ROWS])

        return Contender(str(limit), num_envs, step_once)

    short, endless = measure([contender(max_steps), contender(1_000_000)], rounds, seconds)
    return tuple(1.0 - a / b for a, b in zip(short.rounds, endless.rounds, strict=True))


def spread(values: Sequence[float], form: str) -> str:
    """Median and range, e.g. "4.2 (3.9 to 4.4)"."""
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


_MINIGRID_PEERS = "NAVIX and XLand-MiniGrid change minigrid's rules, envpool its levels."
_CRAFTER_PEERS = "Craftax-Classic changes crafter's rules."


def _peer_table(title: str, speeds: list[Speed], peers: str) -> BenchTable:
    first, *others = speeds
    rows = [(first.name, f"{first.num_envs:,}", spread(first.rounds, ",.0f"), "")]
    for other, ratio in zip(others, ratios(speeds), strict=True):
        times = f"{ratio.median:.1f} ({ratio.lowest:.1f} to {ratio.highest:.1f})"
        rows.append((other.name, f"{other.num_envs:,}", spread(other.rounds, ",.0f"), times))
    return BenchTable(
        title,
        ("", "environments", "per second (median, range)", "palaestra is times faster"),
        tuple(rows),
        f"Random actions, all in turns in one run; ratios are paired by round. {peers}",
    )


def _thread_table(id: str, pairs: list[tuple[Speed, Speed]]) -> BenchTable:
    rows = []
    for default, single in pairs:
        paired = [a / b for a, b in zip(default.rounds, single.rounds, strict=True)]
        rows.append(
            (
                f"{default.num_envs:,}",
                spread(default.rounds, ",.0f"),
                spread(single.rounds, ",.0f"),
                spread(paired, ".2f"),
            )
        )
    columns = ("environments", "steps/s, default threads", "steps/s, one thread", "ratio")
    return BenchTable(f"{id}: what threads bring", columns, tuple(rows), "Small batches use one thread.")


def _autoreset_table(costs: tuple[float, ...]) -> BenchTable:
    return BenchTable(
        f"{SHORT_EPISODES}: share of the time that autoreset takes",
        ("episodes", "share (median, range)"),
        (("20 steps long", spread(costs, ".1%")),),
    )
