"""Compiling engines with Numba, and keeping what was compiled on disk.

Numba looks only at the file of the outermost function to decide whether cached code is still good. Ours is spread
over many files, so the cache folder is named after a hash of all of them: changed sources never meet stale code.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
import platformdirs
from numba.core import config


@cache
def _use_cache_folder() -> None:
    if "NUMBA_CACHE_DIR" in os.environ:
        return
    sources = hashlib.sha256(numba.__version__.encode())
    root = Path(__file__).parent
    for path in sorted(root.rglob("*.py")):
        sources.update(path.relative_to(root).as_posix().encode())
        sources.update(path.read_bytes())
    folder = platformdirs.user_cache_path("palaestra") / "compiled" / sources.hexdigest()[:16]
    config.CACHE_DIR = str(folder)  # pyright: ignore[reportAttributeAccessIssue]


def kernel(function: Callable[..., Any], parallel: bool) -> Callable[..., Any]:
    """Compiles a loop over environments; with `parallel`, its `numba.prange` runs on threads."""
    _use_cache_folder()
    return numba.njit(cache=True, parallel=parallel, nogil=True)(function)


def most_threads() -> int:
    """Threads that Numba was started with: no kernel can use more."""
    return int(config.NUMBA_NUM_THREADS)  # pyright: ignore[reportAttributeAccessIssue]
