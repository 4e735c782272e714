"""Compiling engines with Numba, and keeping what was compiled on disk.

Numba looks only at the file of the outermost function to decide whether cached code is still good. Ours is spread
over many files, so the cache folder is named after a hash of all of them: changed sources never meet stale code.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import tempfile
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
    name = sources.hexdigest()[:16]
    config.CACHE_DIR = str(_writable_folder(name))  # pyright: ignore[reportAttributeAccessIssue]


def _writable_folder(name: str) -> Path:
    """The user's cache folder; where that cannot be written to, a temporary folder that nobody else can write to."""
    for parent in (platformdirs.user_cache_path("palaestra"), Path(tempfile.gettempdir()) / f"palaestra-{_user()}"):
        folder = parent / "compiled" / name
        try:
            parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(parents=True, exist_ok=True)
            if os.access(folder, os.W_OK) and _is_ours(parent):
                return folder
        except OSError:
            continue
    return Path(tempfile.mkdtemp(prefix="palaestra-"))


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else getpass.getuser()


def _is_ours(folder: Path) -> bool:
    """Cached code is run as it is found: nobody else may have put it there."""
    return not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()


def kernel(function: Callable[..., Any], parallel: bool, name: str) -> Callable[..., Any]:
    """Compiles a loop over environments; with `parallel`, its `numba.prange` runs on threads.

    Args:
        name: tells this function from others made by the same code. Numba files cached code under a function's name
            alone: of two with one name, the wrong one is loaded when two processes compile at once.
    """
    _use_cache_folder()
    function.__qualname__ += f".{name}.{'threads' if parallel else 'one_thread'}"
    return numba.njit(cache=True, parallel=parallel, nogil=True)(function)


def most_threads() -> int:
    """Threads that Numba was started with: no kernel can use more."""
    return int(config.NUMBA_NUM_THREADS)  # pyright: ignore[reportAttributeAccessIssue]
