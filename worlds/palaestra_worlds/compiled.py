"""Compiling engines with Numba, and keeping what was compiled on disk.

Numba looks only at the file of the outermost function to decide whether cached code is still good. Ours is spread
over many files, so the cache folder is named after a hash of them: changed sources never meet stale code.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import re
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import FunctionType
from typing import Any

import numba
import platformdirs
from numba.core import config
from numba.extending import register_jitable

ROOT = Path(__file__).parent


jitable = register_jitable(no_cfunc_wrapper=True, error_model="numpy")
"""Decorator of what kernels call. With Numba's own, a tenth of the time of compiling goes to wrappers for C, and every
division is looked at for zeros."""
inlined = register_jitable(no_cfunc_wrapper=True, error_model="numpy", forceinline=True)
"""The same, for what takes so many arguments that calling it takes longer than running it."""
allocating = register_jitable(no_cfunc_wrapper=True, error_model="numpy", _nrt=True)
"""The same as `jitable`, for what makes arrays and is called by a kernel that makes none itself."""


@cache
def cache_folder(module: str = "") -> Path:
    """Where compiled code is kept; what is compiled from now on goes there.

    Args:
        module: whose functions are compiled. Only its sources, and those that they name, decide whether code is still
            good: who works on one world waits for that alone. A module that is not ours depends on all of them.
    """
    if "NUMBA_CACHE_DIR" in os.environ:
        return Path(os.environ["NUMBA_CACHE_DIR"])
    parts = module.split(".")
    sources = _named_by(parts[1]) if parts[0] == ROOT.name and len(parts) > 1 else sorted(ROOT.rglob("*.py"))
    found = hashlib.sha256(numba.__version__.encode())
    for path in sources:
        found.update(path.relative_to(ROOT).as_posix().encode())
        found.update(path.read_bytes())
    return _writable_folder(found.hexdigest()[:16])


def _named_by(part: str) -> list[Path]:
    """Files of a module or package of this one, and of all others of it that are named there, directly or not."""
    found: dict[str, list[Path]] = {}
    waiting = {part}
    while waiting:
        name = waiting.pop()
        file = ROOT / f"{name}.py"
        found[name] = [file] if file.exists() else sorted((ROOT / name).rglob("*.py"))
        for path in found[name]:
            waiting.update(re.findall(rf"\b{ROOT.name}\.(\w+)", path.read_text()))
        waiting -= found.keys()
    return sorted(path for paths in found.values() for path in paths)


def _keep_code_of(module: str) -> None:
    config.CACHE_DIR = str(cache_folder(module))  # pyright: ignore[reportAttributeAccessIssue]


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


def kernel(function: Callable[..., Any], name: str, allocates: bool = False) -> Callable[..., Any]:
    """Compiles a loop over environments that runs on one thread.

    Args:
        name: tells this function from others made by the same code. Numba files cached code under a function's name
            alone: of two with one name, the wrong one can be loaded when two processes compile at once.
        allocates: whether it makes arrays, or hands on those that `allocating` functions made. If it does not, Numba
            need not count who uses each array that is handed on, which is much of what there is to compile.
    """
    _keep_code_of(function.__module__)
    function.__qualname__ += f".{name}"
    return numba.njit(cache=True, nogil=True, _nrt=allocates)(function)  # pyright: ignore[reportCallIssue]


def on_threads(loop: Callable[..., Any], rows: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Compiles a loop over pieces of the batch whose `numba.prange` runs on threads.

    Numba's parallel pass compiles slowly, and drops without a word what it wrongly takes for dead code (assignments to
    arrays inside named tuples). So the loop only calls a kernel that is compiled already.

    Args:
        loop: a function without free variables that calls the kernel as the global `rows`.
        rows: what `kernel` gave.
        name: as for `kernel`.
    """
    _keep_code_of(loop.__module__)
    bound = FunctionType(loop.__code__, {"__name__": loop.__module__, "prange": numba.prange, "rows": rows})
    bound.__qualname__ = f"{loop.__qualname__}.{name}"
    return numba.njit(cache=True, nogil=True, parallel=True)(bound)


def in_pieces(call: Callable[[int, int], None], count: int, threads: int) -> None:
    """Calls `call(first, last)` for as many pieces of 0..count as there are threads, each on a thread of its own.

    The first piece is this thread's: waking another takes as long as many environments' steps.

    For kernels that take long enough for it (they release Python's lock): there is nothing more to compile, unlike
    with `on_threads`.
    """
    if threads == 1 or count < threads:
        call(0, count)
        return
    edges = [count * piece // threads for piece in range(threads + 1)]
    others = [_pool(threads - 1).submit(call, first, last) for first, last in pairwise(edges[1:])]
    try:
        call(0, edges[1])
    finally:
        wait(others)
    for one in others:
        one.result()


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="palaestra")


def most_threads() -> int:
    """Threads that Numba was started with: no kernel can use more."""
    return int(config.NUMBA_NUM_THREADS)  # pyright: ignore[reportAttributeAccessIssue]


def available_threads() -> int:
    """Threads that this Python thread's kernels may use, see `numba.set_num_threads`."""
    _start_threads()
    return numba.get_num_threads()


def paying_threads(asked: int | None, num_envs: int, worth_a_thread: int) -> int:
    """Threads that step a batch: as many as were asked for, or as pay, but no more than there are.

    Args:
        asked: by the user; None: as many as pay.
        num_envs: environments of the batch.
        worth_a_thread: environments that take long enough for a thread of their own.
    """
    paying = asked or max(1, num_envs // worth_a_thread)
    allowed = most_threads() if asked else available_threads() if paying > 1 else 1
    return min(paying, allowed)


def use_threads(count: int) -> None:
    """Lets this Python thread's next kernels run on so many threads."""
    _start_threads()
    numba.set_num_threads(count)


@cache
def _start_threads() -> None:
    """Has OpenMP read that threads sleep while they wait, unless the user says otherwise.

    By default they spin: where other programs want the cores too, two threads are then many times slower than one.
    OpenMP reads the variable when Numba loads it; it is put back because torch brings an OpenMP of its own.
    """
    if "OMP_WAIT_POLICY" in os.environ:
        return
    os.environ["OMP_WAIT_POLICY"] = "passive"
    try:
        numba.set_num_threads(numba.get_num_threads())
    finally:
        del os.environ["OMP_WAIT_POLICY"]
