"""Does a sweep's populations on a Ray cluster: Ray Tune's population-based training decides who takes over whom.

Which interval a member does next stands in its trial's config: what Ray Tune saves of a trial may be written anew by
the time that another one, which took it over, begins.

Its decisions are synchronous, and drawn from numbers that depend on the population's seed and the interval alone: who
was done first, and what was interrupted, changes nothing. So nothing of Ray's own state is needed to go on later;
members tell again what they measured at the last exchange.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Container, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ray import tune
from ray.tune.logger import JsonLoggerCallback
from ray.tune.schedulers import PopulationBasedTraining

from palaestra.asking import LessonError
from palaestra.checkpoint import CheckpointError
from palaestra.run import RunError
from palaestra.store import StoreError
from palaestra.sweep.folder import FoundTrial, Sweep
from palaestra.sweep.member import Member
from palaestra.sweep.population import Choices, Population
from palaestra.sweep.ranges import Range
from palaestra.sweep.ray_tune import MOST_RESTARTS

MEASURED, INTERVAL, TOLD, GAVE_UP = "measured", "interval", "told", "gave_up"
"""What Ray Tune is told at the end of each interval; TOLD is how many intervals it has been told of."""


_HOPELESS = (RunError, StoreError, CheckpointError, LessonError)
"""What would not go better the next time."""


class _Stop(tune.Stopper):
    """Ends all where one member cannot go on or its process died: the others would wait for it at the next exchange."""

    def __init__(self) -> None:
        self.asked = False

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        self.asked = self.asked or bool(result[GAVE_UP])
        return self.asked

    def stop_all(self) -> bool:
        return self.asked


class _Repeatable(PopulationBasedTraining):
    """Ray Tune's scheduler with random numbers of its own, which keeps every trial's config that of its own member."""

    def __init__(self, seed: str, stop: _Stop, **settings: Any) -> None:
        super().__init__(**settings)
        self._seed = seed
        self._stop = stop
        self._own: dict[str, str] = {}

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        super().on_trial_add(tune_controller, trial)
        self._own[trial.trial_id] = trial.config["member"]["run"]

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        trial.set_config({**trial.config, INTERVAL: result[INTERVAL] + 1})
        # It draws from the one generator that all of Python shares.
        others = random.getstate()
        random.seed(f"{self._seed} {result[INTERVAL]}")
        try:
            decision = super().on_trial_result(tune_controller, trial, result)
        finally:
            random.setstate(others)
        for each in tune_controller.get_trials():
            own, found = self._own[each.trial_id], each.config["member"]
            if found["run"] != own:
                source = {"run": found["run"], "interval": result[INTERVAL]}
                each.set_config({**each.config, "member": {**found, "run": own, "source": source}})
        return decision

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        # Not `on_trial_error`: Ray Tune does not call it where a process dies while its trial is paused.
        if any(trial.run_metadata.error_filename for trial in tune_controller.get_trials()):
            self._stop.asked = True
            return None
        return super().choose_trial_to_run(tune_controller)


class _Trainable(tune.Trainable):
    """What a process of the cluster does: one interval of one member after another."""

    def setup(self, config: dict[str, Any]) -> None:
        self.settings = config
        self.member = Member(Path(config["runs"]) / config["member"]["run"])

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.setup(new_config)
        return True

    def step(self) -> dict[str, Any]:
        settings = self.settings
        interval: int = settings[INTERVAL]
        source = settings["member"]["source"]
        budget: int = self.member.run.spec.arm(self.member.arm).budget.steps
        until = min(interval * settings["steps"], budget)
        told = {
            MEASURED: float("-inf"),
            INTERVAL: interval,
            TOLD: interval - settings["start"] + 1,
            GAVE_UP: "",
            "done": until == budget,
        }
        try:
            done = self.member.do(
                interval,
                settings["member"]["values"],
                source["run"] if source and source["interval"] == interval - 1 else None,
                until,
                settings["measure"],
            )
        except _HOPELESS as error:
            return {**told, GAVE_UP: str(error)}
        if done.score is not None:
            told[MEASURED] = done.score
        return told

    def save_checkpoint(self, checkpoint_dir: str) -> dict[str, Any]:
        # The state lies in the run folder, which all nodes share.
        return {}

    def load_checkpoint(self, checkpoint: Any) -> None:
        pass


def execute_populations(sweep: Sweep, trials: Sequence[FoundTrial], threads: int, gpus: float) -> None:
    """Does the populations that have unfinished members, one after the other; Ray is connected to.

    Args:
        sweep: whose trials they are.
        trials: members with something left to do.
        threads: processors of each member.
        gpus: of each member; a fraction is shared.

    Raises:
        RunError: Ray Tune gave up.
    """
    begun = {trial.run.folder.name for trial in trials}
    for (arm, seed), group in sweep.populations(sweep.trials()).items():
        if begun.isdisjoint(trial.run.folder.name for trial in group):
            continue
        why = None
        for _ in range(1 + MOST_RESTARTS):
            # What was done before a process died is read from the run folders, as after an interruption.
            why = _execute(sweep, f"{arm}-seed{seed}", group, threads, gpus)
            if why is None:
                break
        else:
            raise RunError(
                f"population {arm}-seed{seed} cannot go on: processes of its members died {1 + MOST_RESTARTS} times, "
                f"the last because of: {why}; mend that, then go on with --resume"
            )


def _execute(
    sweep: Sweep,
    name: str,
    group: Sequence[FoundTrial],
    threads: int,
    gpus: float,
) -> str | None:
    """Does one population as far as it gets; gives why a process died, None where none did."""
    start, entries = _where_members_stand(sweep, group)
    if not entries:
        # A process that died after its member's last interval.
        return None
    stop = _Stop()
    tuner = tune.Tuner(
        tune.with_resources(_Trainable, {"cpu": threads, "gpu": gpus}),
        param_space={
            "member": tune.grid_search(entries),
            "runs": str((sweep.folder / "runs").absolute()),
            "start": start,
            INTERVAL: start,
            "steps": _population(sweep).interval,
            "measure": sweep.measure,
        },
        tune_config=tune.TuneConfig(
            scheduler=_scheduler(sweep, name, entries[0]["values"], stop),
            reuse_actors=True,
            trial_name_creator=_run_name,
            trial_dirname_creator=_run_name,
        ),
        run_config=_run_config(sweep, name, stop),
    )
    results = tuner.fit()
    said = [result.metrics[GAVE_UP] for result in results if result.metrics and result.metrics.get(GAVE_UP)]
    for why in said:
        raise RunError(f"population {name} cannot go on: {why}; mend that, then go on with --resume")
    return str(next(iter(results.errors), "unknown")) if stop.asked else None


def _population(sweep: Sweep) -> Population:
    assert sweep.population is not None
    return sweep.population


def _where_members_stand(sweep: Sweep, group: Sequence[FoundTrial]) -> tuple[int, list[dict[str, Any]]]:
    """The interval that all do next, and for each member that has something left to do what it begins with."""
    first = {trial.run.folder.name: trial.first_values for trial in group}
    members = [Member(trial.run.folder) for trial in group]
    unfinished = {trial.run.folder.name for trial in sweep.unfinished()}
    start = min(max(len(member.intervals()), 1) for member in members)
    last = _population(sweep).intervals(members[0].run.spec.arm(members[0].arm).budget.steps)
    entries: list[dict[str, Any]] = []
    for member in members:
        if start >= last and member.name not in unfinished:
            continue
        found = member.intervals()
        values, source = first[member.name], None
        if len(found) >= start:
            values, source = found[start - 1].values, found[start - 1].source
        source = {"run": source, "interval": start - 1} if source else None
        entries.append({"run": member.name, "values": values, "source": source})
    return start, entries


def _scheduler(sweep: Sweep, name: str, keys: Container[str], stop: _Stop) -> _Repeatable:
    """Decides who takes over whom, and what it changes of the settings `keys`."""
    population = _population(sweep)
    choices: Choices = {key: choice for key, choice in sweep.choices.items() if key in keys}
    return _Repeatable(
        f"{population.seed} {name}",
        stop,
        time_attr=TOLD,
        metric=MEASURED,
        mode="max",
        perturbation_interval=1,
        hyperparam_mutations={"member": {"values": {key: _mutation(choice) for key, choice in choices.items()}}},
        quantile_fraction=population.quantile,
        resample_probability=population.resample,
        perturbation_factors=population.factors,  # pyright: ignore[reportArgumentType]
        custom_explore_fn=_within(choices),
        log_config=False,
        synch=True,
    )


def _run_config(sweep: Sweep, name: str, stop: _Stop) -> tune.RunConfig:
    """Where Ray Tune keeps what it notes, begun anew."""
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    storage = (sweep.folder / "ray").absolute()
    shutil.rmtree(storage / name, ignore_errors=True)
    return tune.RunConfig(
        name=name,
        storage_path=str(storage),
        stop=stop,
        # Ray Tune's own logs of numbers can hold none that is not finite, and repeat what run folders hold.
        callbacks=[JsonLoggerCallback()],
        verbose=0,
    )


def _run_name(trial: Any) -> str:
    return trial.config["member"]["run"]


def _mutation(choice: Any) -> Any:
    """A parameter as Ray Tune takes it; its draws come from the generator that the scheduler seeds."""
    if not isinstance(choice, Range):
        return list(choice)
    return lambda: choice.draw(np.random.default_rng(random.getrandbits(64)))


def _within(choices: Choices) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Keeps settings in their ranges, which factors may lead out of."""

    def keep(config: dict[str, Any]) -> dict[str, Any]:
        values = config["member"]["values"]
        kept = {key: choice.nearest(values[key]) for key, choice in choices.items() if isinstance(choice, Range)}
        return {**config, "member": {**config["member"], "values": {**values, **kept}}}

    return keep
