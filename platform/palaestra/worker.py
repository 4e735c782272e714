"""One trial in one process: threads, signals, and what is told to the process that started it."""

from __future__ import annotations

import multiprocessing
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from palaestra.progress import TrialProgress
from palaestra.run import Run, open_run
from palaestra.store import StoreError

if TYPE_CHECKING:
    from palaestra.parallel import Leader

SECONDS_BETWEEN_MESSAGES = 0.2

SECONDS_FOR_ORPHANS = 120.0
STOPPING_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class Ended:
    """The last that a worker says.

    Attributes:
        status: "done", "interrupted" or "failed".
        message: of what failed.
        fatal: nothing can be kept any more (a full disk), so no other trial could go on either.
    """

    status: str
    message: str = ""
    fatal: bool = False


def run_trial(
    run: Run,
    arm: str,
    seed: int,
    tell: Callable[[TrialProgress], None],
    stop: Callable[[], bool] = lambda: False,
    leader: Leader | None = None,
) -> Ended:
    """Does one trial in this process, from its newest checkpoint, until it is done, fails, or is told to stop.

    A failure is kept in the store, where the report counts it. `leader`: of the processes that do it together with
    this one; None: it does it alone.

    Raises:
        RunError: another process is at it.
        StoreError: the store cannot be written; the trial can be resumed.
        GroupError: another process that has a share of the trial is gone; the trial can be resumed.
    """
    from palaestra_agents.groups import GroupError

    from palaestra.curriculum import Trial

    # A worker whose parent was killed stops after its iteration; until then it holds the trial.
    with run.lock(f"{arm}-seed{seed}", wait=SECONDS_FOR_ORPHANS), run.open_store() as store:
        row = store.trial(arm, seed)
        store.set_status(row.id, "running")
        try:
            trial = Trial(run, arm, seed, store, tell, leader)
            try:
                status = trial.run(stop)
                tell(trial.progress(status))
            finally:
                trial.close()
        except (StoreError, GroupError) as error:
            with suppress(StoreError):
                store.set_status(row.id, "interrupted", str(error))
            raise
        except Exception as error:
            message = f"{type(error).__name__}: {error}"
            store.set_status(row.id, "failed", message)
            store.event("trial_failed", traceback.format_exc(), row.id)
            return Ended("failed", message)
        store.set_status(row.id, status)
    return Ended(status)


def work(folder: Path, arm: str, seed: int, threads: int, pipe: Connection) -> None:
    """What a worker process does: one trial, telling through `pipe` how far it is and, last, how it ended.

    It stops after an iteration on SIGINT and SIGTERM, and when the process that started it is gone.
    """
    with stop_on_signals() as stop:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING_SIGNALS)
        parent = multiprocessing.parent_process()

        def should_stop() -> bool:
            return stop.is_set() or (parent is not None and not parent.is_alive())

        try:
            with torch_threads(threads):
                ended = run_trial(open_run(folder), arm, seed, _Messages(pipe, stop).send, should_stop)
        except StoreError as error:
            ended = Ended("interrupted", str(error), fatal=True)
        with suppress(OSError):
            pipe.send(ended)
            pipe.close()


class _Messages:
    """Sends progress, but not more often than anyone can read."""

    def __init__(self, pipe: Connection, stop: threading.Event) -> None:
        self._pipe = pipe
        self._stop = stop
        self._sent = 0.0

    def send(self, message: TrialProgress) -> None:
        now = time.monotonic()
        if message.status == "running" and now - self._sent < SECONDS_BETWEEN_MESSAGES:
            return
        self._sent = now
        try:
            self._pipe.send(message)
        except OSError:
            # Nobody listens any more.
            self._stop.set()


@contextmanager
def stop_on_signals(stopping: Callable[[], None] = lambda: None) -> Iterator[threading.Event]:
    """An event that SIGINT or SIGTERM sets; a second SIGINT raises KeyboardInterrupt.

    Outside the main thread, where Python handles no signals, it is an event that nothing sets.

    Args:
        stopping: called in the signal's handler, so it may do little more than set a flag.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def handle(number: int, frame: Any) -> None:
        if stop.is_set() and number == signal.SIGINT and multiprocessing.parent_process() is None:
            raise KeyboardInterrupt
        stop.set()
        stopping()

    before = {number: signal.signal(number, handle) for number in STOPPING_SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """Inside, torch and compiled worlds use this many threads: results depend on it, so it is fixed for a run."""
    import numba
    import torch

    before = torch.get_num_threads(), numba.get_num_threads()
    torch.set_num_threads(threads)
    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))  # pyright: ignore
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        numba.set_num_threads(before[1])
