"""Training speed and sample efficiency of PPO beside Stable-Baselines3's, in one run.

Both learn from MiniGrid's partial view: ours in our own world, Stable-Baselines3 as its users have it, from the
reference environments in a `DummyVecEnv`. In the speed comparison the contenders train one iteration each in turns, so
that a machine that slows down slows all of them.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from palaestra.bench.results import BenchResults, BenchTable
from palaestra.bench.setting import SB3_DEFAULTS, Setting
from palaestra.bench.worlds import Ratio, spread

if TYPE_CHECKING:
    from palaestra_agents.ppo import PPO

PHASES = ("step", "inference", "update")
"""Where training spends its time: the world, choosing actions (with all that belongs to collecting), learning."""


class MissingPeer(RuntimeError):
    """Stable-Baselines3 is not installed."""


@dataclass
class Timing:
    """Training speed of one contender.

    Attributes:
        name: which learner, network and number of environments.
        rounds: steps per second, one figure for each round.
        shares: of the time, for each of `PHASES`; they add up to 1.
    """

    name: str
    rounds: list[float] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PHASES, 0.0))

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    @property
    def shares(self) -> dict[str, float]:
        total = sum(self.seconds.values())
        return {phase: spent / total for phase, spent in self.seconds.items()}


@dataclass(frozen=True)
class Comparison:
    """One network: ours and the peer's timings, and how many times faster ours is, round by round."""

    title: str
    ours: Timing
    peer: Timing
    ratio: Ratio
    target: float | None
    """The ratio that we promise; None where we promise none."""


Iteration = Callable[[], tuple[int, dict[str, float]]]
"""Trains one iteration; returns the steps taken and the seconds spent in each of `PHASES`."""


@contextmanager
def threads_of(number: int | None) -> Iterator[None]:
    """Inside, torch and compiled code use so many threads; None leaves them as they are."""
    if number is None:
        yield
        return
    from palaestra.worker import torch_threads

    with torch_threads(number):
        yield


def make_ours(
    id: str, setting: Setting, seed: int = 0, world_settings: dict[str, Any] | None = None, **config: Any
) -> tuple[PPO, Any]:
    """Our agent and its world; `config` overrides what `setting` says."""
    import palaestra_worlds
    from palaestra_agents.base import AgentInterface
    from palaestra_agents.ppo import PPO

    world = palaestra_worlds.make(id, num_envs=setting.num_envs, copy_observations=False, **(world_settings or {}))
    settings: dict[str, Any] = {
        "network": {"kind": "mlp", "hidden": (64, 64)} if setting.network == "mlp" else setting.network,
        "rollout_length": setting.rollout_length,
        "epochs": setting.epochs,
        "minibatch_size": setting.batch,
        "learning_rate": setting.learning_rate,
        "entropy": setting.entropy,
        "device": setting.device,
    }
    interface = AgentInterface(world.single_observation_space, world.single_action_space, setting.num_envs)
    agent = PPO(PPO.Config.model_validate(settings | config), interface, seed=seed)
    world.reset(seed=seed)
    return agent, world


def ours(id: str, setting: Setting, **config: Any) -> Iteration:
    """Our training; `config` as `make_ours` takes it."""
    agent, world = make_ours(id, setting, **config)

    def iterate() -> tuple[int, dict[str, float]]:
        metrics = agent.train_iteration(world, progress=0.0)
        times = (metrics["time/step"], metrics["time/act"], metrics["time/learn"])
        return int(metrics["steps"]), dict(zip(PHASES, times, strict=True))

    return iterate


def sb3(id: str, setting: Setting) -> Iteration:
    """Stable-Baselines3's training.

    Raises:
        MissingPeer: it is not installed.
    """
    require_sb3()
    from palaestra.bench.sb3 import make_sb3, timed_iteration

    return timed_iteration(make_sb3(id, setting))


def require_sb3() -> None:
    """Raises MissingPeer unless Stable-Baselines3 can be imported."""
    if find_spec("stable_baselines3") is None:
        raise MissingPeer("Stable-Baselines3 is not installed: `pip install 'palaestra[bench]'` brings it")


def measure(contenders: Sequence[tuple[str, Iteration]], rounds: int, seconds: float) -> list[Timing]:
    """Lets the contenders train in turns, at least one iteration and so many seconds a round; one round to warm up."""
    timings = [Timing(name) for name, _ in contenders]
    for turn in range(rounds + 1):
        for (_, iterate), timing in zip(contenders, timings, strict=True):
            speed, spent = _round(iterate, seconds if turn else 0.0)
            if turn:
                timing.rounds.append(speed)
                for phase, part in spent.items():
                    timing.seconds[phase] += part
    return timings


def _round(iterate: Iteration, seconds: float) -> tuple[float, dict[str, float]]:
    steps, spent = 0, dict.fromkeys(PHASES, 0.0)
    began = time.perf_counter()
    while True:
        taken, parts = iterate()
        steps += taken
        spent = {phase: spent[phase] + parts[phase] for phase in PHASES}
        elapsed = time.perf_counter() - began
        if elapsed >= seconds:
            return steps / elapsed, spent


def compared(title: str, ours: Timing, peer: Timing, target: float | None) -> Comparison:
    """Two timings as a comparison, paired by round."""
    paired = sorted(a / b for a, b in zip(ours.rounds, peer.rounds, strict=True))
    return Comparison(title, ours, peer, Ratio(peer.name, statistics.median(paired), paired[0], paired[-1]), target)


def compare_with_sb3(
    id: str = "MiniGrid-DoorKey-8x8-v0",
    rounds: int = 5,
    seconds: float = 2.0,
    threads: int | None = None,
    own_defaults: bool = True,
    device: str = "auto",
) -> list[Comparison]:
    """Training steps per second of both learners with the same networks, epochs and batch.

    Ours steps 64 environments, Stable-Baselines3 16; the rollout is as many steps for both. The networks: its
    default (two towers of 64, 64) on the flattened view, and the three convolutions of arXiv 2410.08632.

    Args:
        id: the world.
        rounds: how often they take turns.
        seconds: per contender and round, at least one iteration.
        threads: that both may use; None: torch's and Numba's own choice.
        own_defaults: compare with Stable-Baselines3's own epochs, batch and rollout as well.
        device: of both: "auto", "cpu" or "cuda".

    Raises:
        MissingPeer: Stable-Baselines3 is not installed.
    """
    require_sb3()
    results = []
    with threads_of(threads):
        for network, target in (("mlp", 15.0), ("convolutional", 8.0)):
            setting = Setting(network=network, device=device)
            same = replace(setting, num_envs=16, rollout_length=setting.rollout_length * setting.num_envs // 16)
            contenders = [
                (f"palaestra {network}, 64 envs", ours(id, setting)),
                (f"stable-baselines3 {network}, 16 envs", sb3(id, same)),
            ]
            found = measure(contenders, rounds, seconds)
            results.append(compared(f"{network}, same epochs and batch", found[0], found[1], target))
        if own_defaults:
            contenders = [
                ("palaestra's defaults, 64 envs", ours(id, Setting(device=device), network="mlp")),
                ("stable-baselines3's defaults, 16 envs", sb3(id, replace(SB3_DEFAULTS, device=device))),
            ]
            found = measure(contenders, 1, seconds)
            results.append(compared("mlp, each with its own defaults", found[0], found[1], None))
    return results


@dataclass(frozen=True)
class Efficiency:
    """Frames that each seed needed to the wanted return; None: not within the budget."""

    name: str
    frames: tuple[int | None, ...]

    @property
    def median(self) -> float | None:
        """None when half of the seeds or more did not get there."""
        reached = [float("inf") if f is None else f for f in self.frames]
        middle = statistics.median(reached)
        return None if middle == float("inf") else middle


EQUAL = Setting(num_envs=16, rollout_length=128, epochs=4, batch=256, learning_rate=1e-3, entropy=0.01)
"""Hyperparameters of both learners when sample efficiency is compared."""


def compare_sample_efficiency(
    id: str = "MiniGrid-DoorKey-5x5-v0",
    seeds: int = 5,
    wanted: float = 0.9,
    most_frames: int = 300_000,
    episodes: int = 128,
    setting: Setting = EQUAL,
    on_result: Callable[[str, int, int | None], None] | None = None,
) -> list[Efficiency]:
    """Frames to a mean return of `wanted` on the same held-out levels, with equal hyperparameters and networks.

    Every learner is evaluated after each iteration, with drawn actions. Ours reads the view as one-hot cells, which is
    its default, and once more what Stable-Baselines3's users give it: the view as plain numbers, without the direction.

    Args:
        id: the world.
        seeds: of training.
        wanted: mean return.
        most_frames: a run ends there.
        episodes: held-out levels.
        setting: hyperparameters.
        on_result: called with name, seed and frames whenever a run has ended.

    Raises:
        MissingPeer: Stable-Baselines3 is not installed.
    """
    require_sb3()
    from palaestra.bench.sb3 import Sb3Agent, make_sb3, one_iteration

    def trained(name: str, seed: int) -> tuple[Any, Callable[[], Any]]:
        if name == "stable-baselines3":
            model = make_sb3(id, setting, seed)
            return Sb3Agent(model), one_iteration(model)
        read = {} if name == "palaestra" else {"encoding": "raw", "ignore": ("direction",)}
        agent, world = make_ours(id, setting, seed, **read)
        return agent, lambda: agent.train_iteration(world, progress=0.0)

    results = []
    for name in ("palaestra", "palaestra, equal inputs", "stable-baselines3"):
        found = []
        for seed in range(seeds):
            agent, iterate = trained(name, seed)
            frames = _frames_to(agent, iterate, id, setting, wanted, most_frames, episodes)
            found.append(frames)
            if on_result is not None:
                on_result(name, seed, frames)
        results.append(Efficiency(name, tuple(found)))
    return results


def _frames_to(
    agent: Any,
    iterate: Callable[[], Any],
    id: str,
    setting: Setting,
    wanted: float,
    most_frames: int,
    episodes: int,
) -> int | None:
    import palaestra_worlds

    from palaestra.evaluation import held_out_tasks, num_envs_for, play

    world = palaestra_worlds.make(id, num_envs=num_envs_for(episodes))
    tasks = held_out_tasks(world, episodes)
    per_iteration = setting.num_envs * setting.rollout_length
    for iteration in range(1, most_frames // per_iteration + 1):
        iterate()
        if play(agent, world, tasks).return_mean >= wanted:
            return iteration * per_iteration
    return None


def bench_learner(
    id: str,
    rounds: int,
    seconds: float,
    threads: int | None = None,
    efficiency: bool = False,
    on_result: Callable[[str, int, int | None], None] | None = None,
    own_defaults: bool = True,
    device: str = "auto",
) -> BenchResults:
    """Everything that `palaestra bench learner` prints.

    Args:
        id: the world in which speed is measured; in Crafter the peer steps the installed crafter package.
        rounds: turns of each contender.
        seconds: of one turn.
        threads: of both; None: torch's and Numba's own choice.
        efficiency: frames to a return of 0.9 on DoorKey-5x5 as well; takes minutes.
        on_result: see `compare_sample_efficiency`.
        own_defaults: compare with Stable-Baselines3's own epochs, batch and rollout as well, but in Crafter; one
            round, a minute.
        device: of both learners: "auto", "cpu" or "cuda". Worlds step on the CPU.

    Raises:
        ValueError: there is no such device.
        MissingPeer: Stable-Baselines3 is not installed.
        UnknownName: there is no such world.
    """
    from palaestra_agents.ppo import choose_device
    from palaestra_worlds.registry import world_provider

    world_provider(id)
    chosen = choose_device(device)
    if id == "Crafter":
        from palaestra.bench.crafter_learner import compare_in_crafter

        comparisons = compare_in_crafter(rounds, seconds, threads, device)
    else:
        comparisons = compare_with_sb3(id, rounds, seconds, threads, own_defaults, device)
    tables = [_speed_table(id, comparisons), _ratio_table(comparisons)]
    figures: dict[str, Any] = {
        "world": id,
        "threads": threads,
        "device": str(chosen),
        "speed": [asdict(c) for c in comparisons],
    }
    if efficiency:
        found = compare_sample_efficiency(on_result=on_result)
        tables.append(_efficiency_table(found))
        figures["efficiency"] = [asdict(e) for e in found]
    return BenchResults(tuple(tables), figures)


def _speed_table(id: str, comparisons: Sequence[Comparison]) -> BenchTable:
    rows = []
    for comparison in comparisons:
        for timing in (comparison.ours, comparison.peer):
            shares = (f"{timing.shares[phase]:.0%}" for phase in PHASES)
            rows.append((timing.name, comparison.title, spread(timing.rounds, ",.0f"), *shares))
    return BenchTable(
        f"PPO training steps per second, {id}",
        ("learner", "setting", "steps/s", *PHASES),
        tuple(rows),
        "Medians (lowest to highest round), and the share of the time spent in the world, choosing actions, learning.",
    )


def _ratio_table(comparisons: Sequence[Comparison]) -> BenchTable:
    rows = tuple(
        (
            comparison.title,
            f"{comparison.ratio.median:.1f} ({comparison.ratio.lowest:.1f} to {comparison.ratio.highest:.1f})",
            "" if comparison.target is None else f"{comparison.target:.0f}",
        )
        for comparison in comparisons
    )
    return BenchTable("Times as fast as Stable-Baselines3, paired by round", ("setting", "ratio", "target"), rows)


def _efficiency_table(found: Sequence[Efficiency]) -> BenchTable:
    def shown(frames: float | None) -> str:
        return "not reached" if frames is None else f"{frames:,.0f}"

    rows = tuple((e.name, shown(e.median), ", ".join(map(shown, e.frames))) for e in found)
    return BenchTable(
        "Frames to a return of 0.9 on held-out levels of MiniGrid-DoorKey-5x5-v0, equal hyperparameters",
        ("learner", "median", "each seed"),
        rows,
    )
