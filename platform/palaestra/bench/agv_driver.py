"""The oracle's driver on a spec's AGV floors, the upper bound for learners there, in the engine or in MuJoCo.

Several vehicles on a floor are driven twice: each alone, and planned together where the extra `fleet` is there.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from palaestra_worlds.agv.driver import Driver
from palaestra_worlds.agv.world import AGVWorld
from scipy.stats import binomtest

from palaestra.bench.results import BenchResults, BenchTable
from palaestra.build import make_world
from palaestra.evaluation import FIRST_EVALUATION_LEVEL

if TYPE_CHECKING:
    from palaestra.spec import ArmSpec


def drive(world: AGVWorld, actions: Callable[[], NDArray[np.float32]]) -> dict[str, NDArray[Any]]:
    """Plays the first held-out level of each floor, until every vehicle's first episode has ended.

    Args:
        world: with as many vehicles as episodes are wanted.
        actions: what to do next; float32 (num_envs, 2).

    Returns:
        "success", "length", "spl" and "no_collision" of each vehicle's first episode, (num_envs,); without those that
        were cut short because their floor, a generated one, was made anew.
    """
    vehicles, count = world.settings.vehicles, world.num_envs
    levels = [FIRST_EVALUATION_LEVEL + floor for floor in range(count // vehicles)]
    if vehicles == 1:
        # Among several, tasks would have a drawn floor renewed, and all episodes on it cut, whenever one ends.
        world.assign([world.task_space(level_seed=level) for level in levels])
    world.reset(seed=[levels[i // vehicles] + i % vehicles for i in range(count)])
    done, reported = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    found = {name: np.zeros(count) for name in ("success", "length", "spl", "no_collision")}
    clear = world.objectives.index("no_collision")
    while not done.all():
        *_, terminated, truncated, infos = world.step(actions())
        if "episode" not in infos:
            continue
        first = infos["_episode"] & ~done
        episode = infos["episode"]
        for name, values in found.items():
            values[first] = (episode["objectives"][:, clear] if name == "no_collision" else episode[name])[first]
        reported |= first
        done |= terminated | truncated
    return {name: values[reported] for name, values in found.items()}


def bench_driver(arm: ArmSpec, name: str, world: str | None, episodes: int, vehicles: int | None) -> BenchResults:
    """What `palaestra bench driver` prints.

    Args:
        arm: its world's floors are driven on.
        name: of the spec, for the table.
        world: another id, such as AGV-MuJoCo.
        episodes: at least so many, one for each vehicle.
        vehicles: on each floor; None: as the world's settings say.

    Raises:
        ValueError: it is no AGV world with velocities as actions, or the floor does not suit it.
    """
    if world is not None:
        arm = arm.model_copy(update={"world": arm.world.model_copy(update={"id": world})})
    changed: dict[str, Any] = {} if vehicles is None else {"vehicles": vehicles}
    on_floor = vehicles or arm.world.settings.get("vehicles", 1)
    count = -(-episodes // on_floor) * on_floor
    made = make_world(arm, count, **changed)
    if not isinstance(made, AGVWorld):
        raise ValueError(f"the driver drives in AGV worlds, and {arm.world.id} is none")
    rows, figures, notes = [], {}, []
    each = {"the planner's way, each alone" if on_floor > 1 else "the planner's way": Driver(made).actions}
    if on_floor > 1:
        try:
            each["planned together"] = _fleet(made)
        except ValueError as error:
            notes.append(f"Not planned together: {error}.")
    for label, actions in each.items():
        found = drive(made, actions)
        figures[label] = {key: values.tolist() for key, values in found.items()}
        rows.append((label, *_row(found)))
    columns = ("", "success", "95 % interval", "SPL", "without collision", "steps of successes", "episodes")
    title = f"Upper bound: the oracle's driver in {arm.world.id}, {name}"
    if on_floor > 1:
        title += f", {on_floor} vehicles on a floor"
    return BenchResults((BenchTable(title, columns, tuple(rows)),), {"spec": name, "episodes": figures}, tuple(notes))


def _fleet(world: AGVWorld) -> Callable[[], NDArray[np.float32]]:
    if find_spec("pymapf") is None:
        raise ValueError("pymapf is not installed (pip install 'palaestra[fleet]')")
    from palaestra_worlds.agv.fleet import FleetDriver

    return FleetDriver(world).actions


def _row(found: dict[str, NDArray[Any]]) -> tuple[str, ...]:
    success = found["success"].astype(bool)
    interval = binomtest(int(success.sum()), len(success)).proportion_ci(0.95, method="wilson")
    return (
        f"{success.mean():.3f}",
        f"{interval.low:.3f} to {interval.high:.3f}",
        f"{found['spl'].mean():.3f}",
        f"{found['no_collision'].mean():.3f}",
        f"{found['length'][success].mean():.1f}" if success.any() else "none",
        f"{len(success):,}",
    )
