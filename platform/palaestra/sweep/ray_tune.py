"""Does a sweep's trials on a Ray cluster, through Ray Tune.

Nodes share the sweep's folder (a network file system, or one machine). A trial whose node dies begins again on another,
from the newest checkpoint in its run folder.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from palaestra.progress import LessonProgress, TrialProgress
from palaestra.results import Measure, read_trials
from palaestra.run import Run, RunError, open_run
from palaestra.sweep.folder import FoundTrial, Sweep
from palaestra.sweep.spec import EarlyStopping
from palaestra.trials import execute

MOST_RESTARTS = 10
"""Of one trial whose process or node died."""
SECONDS_BETWEEN_LOOKS = 1.0
STEPS, MEASURED = "steps", "measured"
"""What Ray Tune is told at each evaluation."""


def need_ray() -> Any:
    """The package.

    Raises:
        RunError: it is not installed.
    """
    # Its workers would otherwise send figures of their use elsewhere.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Ours says how far the sweep is.
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    try:
        import ray
    except ImportError as error:
        raise RunError("sweeps on a cluster need Ray: pip install 'palaestra[ray]'") from error
    return ray


def execute_on_ray(
    sweep: Sweep,
    trials: Sequence[FoundTrial],
    address: str,
    gpus: float,
    ended: Callable[[FoundTrial], None] = lambda trial: None,
) -> None:
    """Does trials on a cluster; the scheduler's early stops are kept in the sweep's folder.

    Args:
        sweep: whose trials they are.
        trials: with something left to do.
        address: of the cluster, as `ray.init` takes it; "local" starts one on this machine.
        gpus: of each trial; a fraction is shared.
        ended: is told of each trial that Ray is done with.

    Raises:
        RunError: Ray is not installed, or there is no such cluster.
    """
    ray = need_ray()
    from ray import tune
    from ray.tune.schedulers import AsyncHyperBandScheduler

    _connect(ray, address)
    threads = max(trial.run.spec.threads for trial in trials)
    if sweep.population is not None:
        from palaestra.sweep.ray_population import execute_populations

        with _connected(ray), _watching(trials, ended):
            execute_populations(sweep, trials, threads, gpus)
        return
    by_folder = {str(trial.run.folder.absolute()): trial for trial in trials}
    scheduler = None
    if sweep.early_stopping is not None:
        scheduler = AsyncHyperBandScheduler(
            time_attr=STEPS,
            metric=MEASURED,
            mode="max",
            grace_period=sweep.early_stopping.grace,
            reduction_factor=sweep.early_stopping.factor,
            max_t=max(trial.run.spec.arm(trial.arm).budget.steps for trial in trials),
        )
    tuner = tune.Tuner(
        tune.with_resources(_trainable, {"cpu": threads, "gpu": gpus}),
        param_space={"folder": tune.grid_search(list(by_folder)), "measure": sweep.measure},
        tune_config=tune.TuneConfig(scheduler=scheduler),
        run_config=tune.RunConfig(
            name="tune",
            storage_path=str((sweep.folder / "ray").absolute()),
            failure_config=tune.FailureConfig(max_failures=MOST_RESTARTS),
            verbose=0,
        ),
    )
    with _connected(ray), _watching(trials, ended):
        tuner.fit()
    if sweep.early_stopping is not None:
        runs = [trial.run for trial in trials]
        sweep.stop_early([run for run in runs if _was_stopped(run, sweep.early_stopping)])


def _connect(ray: Any, address: str) -> None:
    try:
        ray.init(
            address=address,
            log_to_driver=False,
            include_dashboard=False if address == "local" else None,
            logging_level=logging.WARNING,
        )
    except (ConnectionError, ValueError) as error:
        raise RunError(f"no Ray cluster at {address}: {error}; start one with `ray start --head`") from error


@contextmanager
def _connected(ray: Any) -> Iterator[None]:
    """Afterwards Ray is let go of, and Ctrl-C means what it meant before."""
    here = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        ray.shutdown()
        if here:
            # Ray Tune saves and ends at the first Ctrl-C, and leaves its own handler behind.
            signal.signal(signal.SIGINT, handler)


@contextmanager
def _watching(trials: Sequence[FoundTrial], ended: Callable[[FoundTrial], None]) -> Iterator[None]:
    """Inside, tells of each trial that is done or has failed, by what its run folder says."""
    closed = threading.Event()

    def watch() -> None:
        waiting, closing = list(trials), False
        while waiting and not closing:
            closing = closed.wait(SECONDS_BETWEEN_LOOKS)
            for trial in [trial for trial in waiting if trial.run.trials()[0].status in ("done", "failed")]:
                waiting.remove(trial)
                ended(trial)

    thread = threading.Thread(target=watch, name="sweep", daemon=True)
    thread.start()
    try:
        yield
    finally:
        closed.set()
        thread.join()


def _was_stopped(run: Run, stopping: EarlyStopping) -> bool:
    """Whether a trial that Ray is done with, and that failed in nothing, ended before its budget."""
    row = run.trials()[0]
    return row.status in ("running", "interrupted") and row.steps >= stopping.grace


def _trainable(config: dict[str, Any]) -> None:
    """What a process of the cluster does: one run folder, telling Ray Tune of each evaluation."""
    from ray import tune

    run = open_run(Path(config["folder"]))
    measure: Measure = config["measure"]
    told, looked = -1, 0.0

    def look() -> None:
        nonlocal told, looked
        looked = time.monotonic()
        for step, value in _measured(run, measure):
            if step > told:
                told = step
                tune.report({STEPS: step, MEASURED: value})

    def tell(message: TrialProgress | LessonProgress) -> None:
        if time.monotonic() - looked >= SECONDS_BETWEEN_LOOKS:
            look()

    execute(run, 1, tell)
    look()


def _measured(run: Run, measure: Measure) -> list[tuple[int, float]]:
    with run.open_store(read_only=True) as store:
        steps, values = read_trials(store)[0].series("alone", measure)
    return list(zip(steps, values, strict=True))
