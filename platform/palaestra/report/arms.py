"""What the arms of a run came to: success at the end, steps to thresholds, ratios to the best untaught arm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from palaestra.results import TrialResult, read_trials
from palaestra.run import Run
from palaestra.statistics import Interval, Ratio, ToThreshold, bootstrap, ratio, steps_to, to_threshold
from palaestra.store import Store

if TYPE_CHECKING:
    from palaestra.spec import ArmSpec

ALONE, TAUGHT = "alone", "taught"


@dataclass(frozen=True)
class ArmResult:
    """One arm of a run with its trials."""

    spec: ArmSpec
    trials: tuple[TrialResult, ...]

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def taught(self) -> bool:
        """Whether a language model, or what stands in for one, has a part in what it learns in."""
        return self.spec.teacher is not None and self.spec.teacher.asks_model

    @cached_property
    def measured(self) -> tuple[TrialResult, ...]:
        """Trials that were evaluated at least once."""
        return tuple(trial for trial in self.trials if trial.series(ALONE, "success")[0])

    @property
    def finished(self) -> bool:
        """Whether every trial is done."""
        return all(trial.row.status == "done" for trial in self.trials)

    @property
    def failed(self) -> int:
        """Trials that failed."""
        return sum(trial.row.status == "failed" for trial in self.trials)

    def final(self, mode: str = ALONE) -> Interval | None:
        """Success at the last evaluation, mean over seeds."""
        last = [values[-1] for _, values in (trial.series(mode, "success") for trial in self.trials) if values]
        return bootstrap(last) if last else None

    def best_seed(self) -> int | None:
        """The seed with the highest success at its last evaluation; None where nothing was measured."""
        if not self.measured:
            return None
        return max(self.measured, key=lambda trial: trial.series(ALONE, "success")[1][-1]).row.seed

    def to_threshold(self, threshold: float) -> ToThreshold | None:
        """When its seeds reached a success alone; None where nothing was measured."""
        series = [trial.series(ALONE, "success") for trial in self.measured]
        if not series:
            return None
        reached = [steps_to(steps, values, threshold) for steps, values in series]
        return to_threshold(threshold, reached, [steps[-1] for steps, _ in series])


def read_arms(run: Run, store: Store) -> list[ArmResult]:
    """The arms in the order of the spec.

    Raises:
        StoreError: the store cannot be read.
    """
    trials = read_trials(store)
    return [
        ArmResult(run.spec.arm(name), tuple(trial for trial in trials if trial.row.arm == name))
        for name in run.spec.arm_names
    ]


@dataclass(frozen=True)
class Standing:
    """An arm at one threshold, beside the best untaught one.

    Attributes:
        result: None where it was not measured.
        ratio: steps of the best untaught arm over those of this one; None where there is nothing to compare.
        baseline: whether it is the best untaught arm itself.
    """

    arm: ArmResult
    result: ToThreshold | None
    ratio: Ratio | None
    baseline: bool


def standings(arms: Sequence[ArmResult], threshold: float) -> list[Standing]:
    """One for each arm; all are of the same world."""
    results = [arm.to_threshold(threshold) for arm in arms]
    baseline, against = _best_untaught(arms, results)
    return [
        Standing(arm, result, ratio(result, against) if result and against and k != baseline else None, k == baseline)
        for k, (arm, result) in enumerate(zip(arms, results, strict=True))
    ]


def _best_untaught(
    arms: Sequence[ArmResult], results: Sequence[ToThreshold | None]
) -> tuple[int | None, ToThreshold | None]:
    """Index of the untaught arm that reached the threshold soonest, or else has the most success; and its result.

    Where none reached it, the result says how far the one that went least far was searched: that much is sure of all.
    """
    untaught = {k: result for k, result in enumerate(results) if result is not None and not arms[k].taught}
    if not untaught:
        return None, None

    def key(k: int) -> tuple[float, float]:
        final = arms[k].final()
        return untaught[k].median.value, -final.value if final else 0.0

    chosen = min(untaught, key=key)
    if untaught[chosen].known:
        return chosen, untaught[chosen]
    return chosen, replace(untaught[chosen], searched=min(result.searched for result in untaught.values()))
