"""The engines' loops over environments do on a GPU what they do on the CPU: simulated, and compiled where that goes."""

from __future__ import annotations

import ast
import inspect
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest
from numba import cuda

CHECK = Path(__file__).with_name("gpu_check.py")
ON_GPU = {
    "minigrid": {"minigrid.engine.advance", "minigrid.engine.begin"},
    "crafter": {"crafter.engine._step", "crafter.engine._look"},
    "agv": {"agv.engine._advance"},
    "overworld": {
        "overworld.engine._advance",
        "overworld.life._live",
        "overworld.life._haunt",
        "overworld.life._settle",
    },
}
"""All that a step does, and new episodes where a GPU can begin them: docs/gpu.md."""
REFUSED = {"empty", "zeros", "ones", "full", "arange", "array", "copy", "sort", "unique"}
REFUSED |= {"floor", "sqrt"}


def checked(how: str, world: str) -> dict[str, int | str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "ignore", str(CHECK), how, world]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("world", ON_GPU)
def test_a_simulated_gpu_changes_every_array_as_the_cpu_does(world: str) -> None:
    found = checked("simulate", world)
    assert found.keys() == ON_GPU[world]
    assert all(int(calls) >= 2 for calls in found.values())


def reached(function: Any, seen: dict[Any, None]) -> dict[Any, None]:
    """A function, and all of ours that it calls, directly or not."""
    seen[function] = None
    used = inspect.getclosurevars(function)
    for value in (*used.globals.values(), *used.nonlocals.values()):
        ours = isinstance(value, FunctionType) and value.__module__.startswith("palaestra_worlds")
        if ours and value not in seen:
            reached(value, seen)
    return seen


def refused_in(function: Any) -> Iterator[str]:
    """What the CUDA compiler refuses: memory that is allocated, two of NumPy's functions, lists, exceptions."""
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Attribute) and ast.unparse(called.value) == "np" and called.attr in REFUSED:
            yield f"{function.__qualname__}: np.{called.attr}"
        elif isinstance(node, (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.Raise, ast.Try, ast.JoinedStr)):
            yield f"{function.__qualname__}: {type(node).__name__}"


def test_nothing_that_they_call_does_what_a_gpu_cannot() -> None:
    from palaestra_worlds.agv import engine as agv
    from palaestra_worlds.crafter import engine as crafter
    from palaestra_worlds.minigrid import engine as minigrid
    from palaestra_worlds.overworld import engine as overworld
    from palaestra_worlds.overworld import life

    step: Any = minigrid._advance_rows("partial")
    loops = [step.py_func, crafter._step, crafter._look, agv._advance, overworld._advance]
    functions: dict[Any, None] = {}
    for loop in (*loops, life._live, life._haunt, life._settle):
        reached(loop, functions)
    assert len(functions) > 150
    assert [found for function in functions for found in refused_in(function)] == []
    for begin, allocating in ((crafter._begin, "generate_world"), (overworld._begin, "_make_patches")):
        begun = reached(begin, {})
        assert f"{allocating}: np.empty" in [found for function in begun for found in refused_in(function)]


def has_compiler() -> bool:
    if cuda.is_available():
        return True
    try:
        from numba.cuda.cudadrv.nvvm import NVVM

        return bool(NVVM()) and cuda.implementation != "Built-in"
    except Exception:
        # Whatever it is that is missing.
        return False


@pytest.mark.skipif(not has_compiler(), reason="no CUDA compiler: pip install 'numba-cuda[cu12]' (no GPU is needed)")
@pytest.mark.parametrize("world", ON_GPU)
def test_the_cuda_compiler_takes_them(world: str) -> None:
    found = checked("compile", world)
    compiled = {name for name, size in found.items() if isinstance(size, int)}
    assert compiled == ON_GPU[world], found
