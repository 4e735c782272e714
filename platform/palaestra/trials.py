"""Executes a run: asks its teachers, does its trials in worker processes, and stops cleanly."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import connection as pipes
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from threading import Event
from typing import TYPE_CHECKING, Any

from palaestra.asking import check_teachers
from palaestra.lessons import Preparation
from palaestra.progress import Listener, TrialProgress
from palaestra.run import Run
from palaestra.store import Store, StoreError, TrialRow
from palaestra.worker import STOPPING_SIGNALS, Ended, run_trial, stop_on_signals, torch_threads, work

if TYPE_CHECKING:
    from palaestra.parallel import Leader

SECONDS_BETWEEN_LOOKS = 0.25


@dataclass(frozen=True)
class Execution:
    """How an execution ended.

    Attributes:
        trials: all trials of the run.
        interrupted: Ctrl-C or SIGTERM ended it before all trials were done.
    """

    trials: list[TrialRow]
    interrupted: bool

    @property
    def failed(self) -> list[TrialRow]:
        return [trial for trial in self.trials if trial.status == "failed"]

    @property
    def done(self) -> bool:
        return all(trial.status == "done" for trial in self.trials)


def default_jobs() -> int:
    """As many as there are processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def execute(
    run: Run,
    jobs: int | None = None,
    progress: Listener | None = None,
    stopping: Callable[[], None] = lambda: None,
    leader: Leader | None = None,
) -> Execution:
    """Does whatever of the run is unfinished: asks its teachers, then trains, evaluates and saves every trial.

    Results do not depend on `jobs`. Ctrl-C and SIGTERM let each trial finish its iteration and save; a second Ctrl-C
    ends the workers at once, and the run can be resumed after that too.

    Args:
        run: made by `start_run` or `open_run`.
        jobs: worker processes; 1: no worker, everything in this process; None: one for each processor.
        progress: is told how far teachers and trials are, always from this thread.
        stopping: called in the handler of the signal that ends the run early; may set a flag, not more.
        leader: of processes that do one trial after another together, this one the first, whatever `jobs` says; None:
            there are no others.

    Returns:
        How it ended; a trial that failed does not keep the others from being done.

    Raises:
        RunError: another process is working on the run.
        StoreError: the store or a checkpoint cannot be written (a full disk); the run can be resumed.
        GroupError: another process of the group is gone; the run can be resumed.
        TeacherSettingsError: a teacher cannot be built; nothing was begun.
        LessonError: a teacher has a fault.
    """
    jobs = jobs or default_jobs()
    tell = progress or (lambda message: None)
    with run.lock(), stop_on_signals(stopping) as stop, run.open_store() as store:
        unfinished = _unfinished(run, store)
        check_teachers(run, [trial.arm for trial in unfinished])
        with Preparation(run, [trial.arm for trial in unfinished], stop) as preparation:
            if jobs == 1 or leader:
                _execute_here(run, unfinished, preparation, tell, stop, leader)
            else:
                _Workers(run, store, jobs, tell, stop).execute(unfinished, preparation)
        execution = Execution(store.trials(), interrupted=stop.is_set())
    return Execution(execution.trials, execution.interrupted and not execution.done)


def _unfinished(run: Run, store: Store) -> list[TrialRow]:
    wanted = {(arm, seed) for arm in run.spec.arm_names for seed in run.spec.seed_list}
    unfinished = [trial for trial in store.trials() if trial.status != "done" and (trial.arm, trial.seed) in wanted]
    for trial in unfinished:
        if trial.status == "running":
            store.set_status(trial.id, "interrupted", "its process ended without a word")
    return unfinished


def _execute_here(
    run: Run, trials: list[TrialRow], preparation: Preparation, tell: Listener, stop: Event, leader: Leader | None
) -> None:
    if leader:
        leader.stop = stop
    preparation.finish(tell)
    for trial in trials:
        if stop.is_set():
            return
        with torch_threads(run.spec.threads):
            ended = run_trial(run, trial.arm, trial.seed, tell, stop.is_set, leader)
        if ended.status == "failed":
            tell(TrialProgress(trial.arm, trial.seed, "failed", message=ended.message))


class _Workers:
    """Up to `jobs` processes with a trial each. One process does one trial, so trials share nothing."""

    def __init__(self, run: Run, store: Store, jobs: int, tell: Listener, stop: Event) -> None:
        self._run = run
        self._store = store
        self._jobs = jobs
        self._tell = tell
        self._stop = stop
        self._active: dict[Connection, tuple[BaseProcess, TrialRow]] = {}
        self._ended: dict[int, Ended] = {}
        self._fatal = ""
        self._context: Any = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
        if sys.platform == "linux":
            # Imported once, before the first worker, instead of for seconds in each.
            self._context.set_forkserver_preload(["palaestra.curriculum"])

    def execute(self, trials: list[TrialRow], preparation: Preparation) -> None:
        """Raises StoreError when nothing can be kept any more."""
        waiting = list(trials)
        try:
            while self._active or (waiting and not self._stopping()):
                preparation.look(self._tell)
                if not self._stopping():
                    self._start(waiting, preparation)
                else:
                    self._ask_to_stop()
                for pipe in pipes.wait(list(self._active), timeout=SECONDS_BETWEEN_LOOKS):
                    assert isinstance(pipe, Connection)
                    self._receive(pipe)
        finally:
            # Only after an error or a second Ctrl-C is anyone left here.
            for process, _ in self._active.values():
                process.kill()
            for process, _ in self._active.values():
                process.join()
        if self._fatal:
            raise StoreError(self._fatal)

    def _stopping(self) -> bool:
        return self._stop.is_set() or bool(self._fatal)

    def _start(self, waiting: list[TrialRow], preparation: Preparation) -> None:
        ready = [trial for trial in waiting if preparation.ready(trial.arm)]
        for trial in ready[: self._jobs - len(self._active)]:
            waiting.remove(trial)
            ours, theirs = self._context.Pipe(duplex=False)
            process = self._context.Process(
                target=work,
                args=(self._run.folder, trial.arm, trial.seed, self._run.spec.threads, theirs),
                name=trial.name,
                daemon=True,
            )
            with signals_held():
                process.start()
            theirs.close()
            self._active[ours] = process, trial
            self._tell(TrialProgress(trial.arm, trial.seed, "running", message="starting"))

    def _ask_to_stop(self) -> None:
        for process, _ in self._active.values():
            process.terminate()

    def _receive(self, pipe: Connection) -> None:
        process, trial = self._active[pipe]
        try:
            message = pipe.recv()
        except (EOFError, ConnectionError):
            del self._active[pipe]
            pipe.close()
            process.join()
            self._finish(trial, process)
            return
        if isinstance(message, Ended):
            self._ended[trial.id] = message
        else:
            self._tell(message)

    def _finish(self, trial: TrialRow, process: BaseProcess) -> None:
        ended = self._ended.get(trial.id)
        if ended is None:
            ended = self._mark_dead(trial, process.exitcode or 0)
        if ended.fatal:
            self._fatal = ended.message
        if ended.status == "failed" or ended.fatal:
            self._tell(TrialProgress(trial.arm, trial.seed, ended.status, message=ended.message))

    def _mark_dead(self, trial: TrialRow, exitcode: int) -> Ended:
        """A worker that ended without saying so was killed, or stopped before it had begun."""
        if self._stopping() and -exitcode in STOPPING_SIGNALS:
            return Ended("interrupted")
        how = how_it_ended(exitcode)
        hint = "; the machine may be short of memory: try fewer jobs" if exitcode == -signal.SIGKILL else ""
        message = f"the worker process of trial {trial.name} {how}{hint}; resume the run to go on from its checkpoint"
        self._store.set_status(trial.id, "failed", message)
        self._store.event("worker_died", message, trial.id)
        return Ended("failed", message)


def how_it_ended(exitcode: int) -> str:
    """A process that is gone without a word: by which signal, or with which code."""
    return f"was ended by {signal.Signals(-exitcode).name}" if exitcode < 0 else f"ended with code {exitcode}"


@contextmanager
def signals_held() -> Iterator[None]:
    """Inside, SIGINT and SIGTERM wait: a new process inherits that until it can handle them."""
    # Its own start would let the signals through again.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
