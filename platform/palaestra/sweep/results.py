"""What a sweep found: each variant and arm over its seeds, the best first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from palaestra.report import text
from palaestra.results import Measure, TrialResult, read_trials
from palaestra.statistics import Interval, bootstrap, steps_to, to_threshold, trimmed_means
from palaestra.sweep.folder import STOPPED_EARLY, FoundTrial
from palaestra.sweep.spec import Variant

THRESHOLD = 0.8
COLUMNS = ("Variant", "Arm", "Seeds", "{measure} at the end", "Steps to 80 % success", "Steps taken")
WORDS: dict[Measure, str] = {"success": "Success", "return_mean": "Return", "score": "Score, %"}


@dataclass(frozen=True)
class VariantResult:
    """One variant of one arm.

    Attributes:
        variant, arm: what was tried.
        trials: its trials and what they measured, in the order of their seeds.
        measure: what is shown of them.
    """

    variant: Variant
    arm: str
    trials: tuple[tuple[FoundTrial, TrialResult], ...]
    measure: Measure

    @property
    def last(self) -> NDArray[np.float64]:
        """What each trial that was measured had at its last evaluation."""
        values = [found.series("alone", self.measure)[1] for _, found in self.trials]
        return np.array([series[-1] for series in values if series])

    @property
    def interval(self) -> Interval | None:
        """Interquartile mean over seeds with its bootstrap interval; None where nothing was measured.

        Of fewer than four seeds it is the mean.
        """
        return bootstrap(self.last, trimmed_means) if len(self.last) else None

    def count(self, status: str) -> int:
        return sum(trial.status == status for trial, _ in self.trials)

    def cells(self) -> tuple[str, ...]:
        """Its text under each of `COLUMNS`."""
        return self.variant.name, self.arm, self._seeds(), self._value(), self._to_threshold(), self._taken()

    def _seeds(self) -> str:
        parts = [f"{self.count('done')}/{len(self.trials)}"]
        parts += [f"{number} {status}" for status in (STOPPED_EARLY, "failed") if (number := self.count(status))]
        return ", ".join(parts)

    def _value(self) -> str:
        show = text.percents if self.measure == "success" else text.points
        return show(self.interval, len(self.last))

    def _to_threshold(self) -> str:
        series = [found.series("alone", "success") for _, found in self.trials]
        series = [(steps, values) for steps, values in series if steps]
        if not series:
            return "not measured"
        reached = [steps_to(steps, values, THRESHOLD) for steps, values in series]
        result = to_threshold(THRESHOLD, reached, [steps[-1] for steps, _ in series])
        return text.to_threshold(result, self.count("done") == len(self.trials))

    def _taken(self) -> str:
        return text.steps(sum(trial.row.steps for trial, _ in self.trials))


def read_results(trials: Sequence[FoundTrial], measure: Measure) -> list[VariantResult]:
    """Every variant of every arm, the best first, those that were not measured last.

    Raises:
        StoreError: one of the stores cannot be read.
    """
    groups: dict[tuple[str, str], list[tuple[FoundTrial, TrialResult]]] = {}
    for trial in trials:
        with trial.run.open_store(read_only=True) as store:
            groups.setdefault((trial.variant.name, trial.arm), []).append((trial, read_trials(store)[0]))
    results = [
        VariantResult(group[0][0].variant, arm, tuple(sorted(group, key=lambda pair: pair[0].seed)), measure)
        for (_, arm), group in groups.items()
    ]
    return sorted(results, key=lambda result: -result.interval.value if result.interval else float("inf"))


def columns(measure: Measure) -> tuple[str, ...]:
    """Headings of a table of results."""
    return tuple(column.format(measure=WORDS[measure]) for column in COLUMNS)


def as_markdown(results: Sequence[VariantResult], measure: Measure) -> str:
    """The table of a sweep."""
    return markdown_table(columns(measure), [result.cells() for result in results])


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    return "".join(f"| {' | '.join(row)} |\n" for row in (headings, ("---",) * len(headings), *rows))
