"""Steps worlds, and does what each of their loops does once more for a GPU: simulated, or only compiled.

    python gpu_check.py simulate|compile WORLD

`simulate` needs no GPU (numba's simulator runs the functions as Python does), and compares every array with the CPU's
after each call. `compile` needs numba-cuda and its compiler, but no GPU and no driver. Prints, as JSON, what became of
each loop by name: how often it was the same, or bytes of PTX; or why it cannot be on a GPU.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

if sys.argv[1:2] == ["simulate"]:
    # Read when numba is imported.
    os.environ["NUMBA_ENABLE_CUDASIM"] = "1"

import numpy as np
from numba import cuda, typeof, types
from palaestra_worlds import compiled
from palaestra_worlds.on_gpu import body, on_gpu, rows_of

WORLDS: dict[str, dict[str, Any]] = {
    "minigrid": {"id": "MiniGrid-DoorKey-5x5-v0", "max_steps": 6},
    "crafter": {"id": "Crafter", "observation": "symbolic"},
    "agv": {"id": "AGV", "max_steps": 6, "lidar": {"beams": 8, "noise": 0.1, "speeds": True}, "moving": 1},
    "overworld": {"id": "Overworld", "mobs": "all", "homestead": True},
}
SLOW = ("overworld.engine._begin", "crafter.engine._begin")
"""Loops that make whole landscapes: minutes in the simulator. They are only compiled."""
STEPS = 8

Loop = Callable[..., None]
found: dict[str, Any] = {}
on_cpu = compiled.kernel


def name_of(function: Any) -> str:
    return f"{function.__module__.removeprefix('palaestra_worlds.')}.{function.__name__}"


def simulating(function: Any, name: str, allocates: bool = True) -> Loop:
    """A loop that does all twice, on the CPU and simulated, and compares."""
    loop, known = on_cpu(function, name, allocates), name_of(function)
    try:
        rows_of(function)
    except ValueError:
        return loop
    if known in SLOW:
        return loop
    simulated, at = on_gpu(function), function.__code__.co_varnames.index("first")

    def run(*arguments: Any) -> None:
        first, last = arguments[at : at + 2]
        assert first == 0, "one piece"
        copies = copied(arguments[:at] + arguments[at + 2 :])
        loop(*arguments)
        simulated(last, *copies)
        same(arguments[:at] + arguments[at + 2 :], copies, known)
        found[known] = found.get(known, 0) + 1

    return run


def copied(value: Any) -> Any:
    if isinstance(value, tuple):
        return type(value)(*map(copied, value)) if hasattr(value, "_fields") else tuple(map(copied, value))
    if isinstance(value, np.ndarray):
        # Rows of records have their fields as attributes, in Python as on a GPU.
        return value.copy().view(np.recarray) if value.dtype.names else value.copy()
    return value


def same(one: Any, other: Any, where: str) -> None:
    if isinstance(one, tuple):
        for number, (left, right) in enumerate(zip(one, other, strict=True)):
            same(left, right, f"{where}.{getattr(one, '_fields', range(len(one)))[number]}")
    elif isinstance(one, np.ndarray):
        assert one.tobytes() == other.tobytes(), f"{where} differs"


def compiling(function: Any, name: str, allocates: bool = True) -> Loop:
    """A loop that is also compiled for a GPU, for the types of its first arguments."""
    loop, known = on_cpu(function, name, allocates), name_of(function)

    def run(*arguments: Any) -> None:
        if known not in found:
            found[known] = ptx_of(function, arguments)
        loop(*arguments)

    return run


def ptx_of(function: Any, arguments: tuple[Any, ...]) -> int | str:
    from numba.core.errors import NumbaError

    try:
        at = function.__code__.co_varnames.index("first")
        rows_of(function)
        signature = types.void(types.int64, typeof(arguments[:at] + arguments[at + 2 :]))
        return len(cuda.compile_ptx(body(function), signature, cc=(8, 0))[0])
    except (ValueError, KeyError, NumbaError) as error:
        return f"{type(error).__name__}: {' '.join(str(error).split())[:20000]}"


def without_driver() -> None:
    """Device functions ask the GPU at hand what it can do; here there is none."""
    import numba.cuda.dispatcher

    class Device:
        compute_capability = (8, 0)

    numba.cuda.dispatcher.get_current_device = lambda: Device()


def main(how: str, world: str) -> None:
    if how == "compile":
        if not cuda.is_available():
            without_driver()
        compiled.kernel = compiling
    else:
        compiled.kernel = simulating
    import palaestra_worlds

    settings = dict(WORLDS[world])
    made = palaestra_worlds.make(settings.pop("id"), 2, threads=1, **settings)
    made.reset(seed=0)
    made.action_space.seed(0)
    for _ in range(STEPS):
        made.step(made.action_space.sample())
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
