"""The engines' loops over environments as CUDA kernels: a GPU's thread for each environment, with the same functions.

Worlds step on the CPU. This is how far they are from stepping on a GPU: docs/gpu.md says which loops can go there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import cuda

THREADS_IN_A_BLOCK = 64


def rows_of(loop: Callable[..., None]) -> Callable[..., None]:
    """The function behind a loop of `palaestra_worlds.compiled.kernel`; its parameters `first` and `last` are rows.

    Raises:
        ValueError: it does not go over rows.
    """
    function: Any = getattr(loop, "py_func", loop)
    if not {"first", "last"} <= set(_parameters(function)):
        raise ValueError(f"{function.__qualname__} does not go over rows first to last - 1")
    return function


def body(loop: Callable[..., None]) -> Callable[..., None]:
    """What a GPU's thread does: `body(count, arguments)`; a tuple of all arguments but `first` and `last`."""
    function = rows_of(loop)
    at = _parameters(function).index("first")
    rows = cuda.jit(device=True)(function)

    def one_row(count: Any, arguments: Any) -> None:
        i = cuda.grid(1)  # pyright: ignore[reportCallIssue, reportAttributeAccessIssue]
        if i < count:
            rows(*arguments[:at], i, i + 1, *arguments[at:])

    return one_row


def on_gpu(loop: Callable[..., None]) -> Callable[..., None]:
    """A loop of `palaestra_worlds.compiled.kernel` for a GPU: `run(count, *arguments)` does rows 0 to count - 1.

    Arguments are those of the loop but for `first` and `last`; arrays, also within named tuples, are on the GPU
    (`numba.cuda.to_device`) or are copied there and back.

    Raises:
        ValueError: the loop does not go over rows.
    """
    kernel: Any = cuda.jit(body(loop))

    def run(count: int, *arguments: Any) -> None:
        kernel[-(-count // THREADS_IN_A_BLOCK), THREADS_IN_A_BLOCK](count, arguments)

    return run


def _parameters(function: Any) -> tuple[str, ...]:
    return function.__code__.co_varnames[: function.__code__.co_argcount]
