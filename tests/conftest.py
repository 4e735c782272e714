"""What all tests share."""

from __future__ import annotations

import os

# One test process per processor: with one thread each they do not wait for one another. Tests of threads set their own.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Compiled worlds are tested with two threads whatever the machine.
os.environ.setdefault("NUMBA_NUM_THREADS", "2")
# pytest-xdist gives its processes the width of its own terminal; without one, commands print wider.
os.environ.pop("COLUMNS", None)
