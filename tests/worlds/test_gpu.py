"""The engines' loops over environments do on a GPU what they do on the CPU: simulated, and compiled where that goes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

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
ONLY_COMPILED = {"overworld.engine._begin"}


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
    assert compiled == ON_GPU[world] | ({*found} & ONLY_COMPILED), found
