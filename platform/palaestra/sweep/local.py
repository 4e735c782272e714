"""Does a sweep's trials in processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing import connection as pipes
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Event
from typing import Any

from palaestra.asking import LessonError
from palaestra.checkpoint import CheckpointError
from palaestra.progress import LessonProgress, TrialProgress
from palaestra.run import RunError, open_run
from palaestra.store import StoreError
from palaestra.sweep.folder import FoundTrial
from palaestra.trials import SECONDS_BETWEEN_LOOKS, execute, how_it_ended, signals_held
from palaestra.worker import STOPPING_SIGNALS, Ended

Told = Callable[[FoundTrial, TrialProgress | None], None]
"""Is told how far a trial is; with None when its process has ended."""


def execute_here(trials: Sequence[FoundTrial], jobs: int, tell: Told, stop: Event) -> None:
    """Does trials in up to `jobs` processes, each from its newest checkpoint.

    A trial that fails, or whose process is killed, does not keep the others from being done. After a stop every trial
    finishes its iteration and saves.

    Args:
        trials: with something left to do.
        jobs: at least 1.
        tell: is called in this thread.
        stop: ends it early.

    Raises:
        StoreError: nothing can be kept any more (a full disk), so that no other trial could go on either.
    """
    _Processes(jobs, tell, stop).execute(list(trials))


class _Processes:
    def __init__(self, jobs: int, tell: Told, stop: Event) -> None:
        self._jobs = jobs
        self._tell = tell
        self._stop = stop
        self._active: dict[Connection, tuple[BaseProcess, FoundTrial]] = {}
        self._fatal = ""
        self._context: Any = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
        if sys.platform == "linux":
            self._context.set_forkserver_preload(["palaestra.curriculum"])

    def execute(self, waiting: list[FoundTrial]) -> None:
        try:
            while self._active or (waiting and not self._stopping):
                if self._stopping:
                    for process, _ in self._active.values():
                        process.terminate()
                while waiting and len(self._active) < self._jobs and not self._stopping:
                    self._start(waiting.pop(0))
                for pipe in pipes.wait(list(self._active), timeout=SECONDS_BETWEEN_LOOKS):
                    assert isinstance(pipe, Connection)
                    self._receive(pipe)
        finally:
            # Only after an error or a second Ctrl-C is anyone left here.
            for process, _ in self._active.values():
                process.kill()
        if self._fatal:
            raise StoreError(self._fatal)

    @property
    def _stopping(self) -> bool:
        return self._stop.is_set() or bool(self._fatal)

    def _start(self, trial: FoundTrial) -> None:
        ours, theirs = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_work, args=(trial.run.folder, theirs), name=trial.name, daemon=True)
        with signals_held():
            process.start()
        theirs.close()
        self._active[ours] = process, trial

    def _receive(self, pipe: Connection) -> None:
        process, trial = self._active[pipe]
        try:
            message = pipe.recv()
        except (EOFError, ConnectionError):
            del self._active[pipe]
            pipe.close()
            process.join()
            self._mark_dead(trial, process.exitcode or 0)
            self._tell(trial, None)
            return
        if not isinstance(message, Ended):
            self._tell(trial, message)
        elif message.fatal:
            self._fatal = message.message
        else:
            _mark_failed(trial, "trial_failed", message.message)

    def _mark_dead(self, trial: FoundTrial, exitcode: int) -> None:
        """A process that did not end by itself was killed, unless it was stopped before it had begun."""
        if exitcode == 0 or (self._stopping and -exitcode in STOPPING_SIGNALS):
            return
        how = how_it_ended(exitcode)
        message = f"the process of this trial {how}; begin the sweep again with --resume to go on from its checkpoint"
        _mark_failed(trial, "worker_died", message)


def _mark_failed(trial: FoundTrial, kind: str, message: str) -> None:
    with trial.run.open_store() as store:
        row = store.trials()[0]
        store.set_status(row.id, "failed", message)
        store.event(kind, message, row.id)


def _work(folder: Path, pipe: Connection) -> None:
    """What a process does: one run folder."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING_SIGNALS)

    def send(message: TrialProgress | LessonProgress) -> None:
        try:
            if isinstance(message, TrialProgress):
                pipe.send(message)
        except OSError:
            # The sweep's process is gone: stop after this iteration.
            os.kill(os.getpid(), signal.SIGTERM)

    ended = None
    try:
        execute(open_run(folder), 1, send)
    except StoreError as error:
        ended = Ended("interrupted", str(error), fatal=True)
    except (RunError, LessonError, CheckpointError) as error:
        ended = Ended("failed", str(error))
    if ended is not None:
        with suppress(OSError):
            pipe.send(ended)
