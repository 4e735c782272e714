"""Locks on folders: whoever works in one holds it, and lets go when the process ends, however it does."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Held(RuntimeError):
    """Another process holds it; the message is that process's number, or "unknown"."""


@contextmanager
def holding(path: Path, wait: float = 0.0) -> Iterator[None]:
    """Holds a file for this process.

    Args:
        path: made where it is missing.
        wait: seconds to wait for another process to let go.

    Raises:
        OSError: the file cannot be opened.
        Held: another process holds it, and still does after `wait` seconds.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        deadline = time.monotonic() + wait
        while not _locked(handle):
            if time.monotonic() >= deadline:
                raise Held(os.pread(handle, 64, 0).decode("ascii", "replace").strip() or "unknown")
            time.sleep(0.05)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
