"""Folders that become read-only amid a test, for whoever runs it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Inside, nobody can write to a folder and what is in it; skips the test where that cannot be brought about.

    To root permissions mean nothing: for it, files are made immutable.
    """
    if os.geteuid() == 0:
        done = _chattr("+i", folder)
        if done.returncode:
            _chattr("-i", folder)
            pytest.skip(f"root cannot make files immutable here: {done.stderr}")
        try:
            yield
        finally:
            _chattr("-i", folder)
        return
    modes = {path: path.stat().st_mode for path in (folder, *folder.rglob("*"))}
    try:
        for path, mode in modes.items():
            path.chmod(mode & ~0o222)
        yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


def _chattr(flag: str, folder: Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("chattr")
    if program is None:
        pytest.skip("there is no chattr")
    return subprocess.run([program, "-R", flag, str(folder)], capture_output=True, text=True, check=False)
