"""One table over the arms of several runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from palaestra_worlds.registry import world_provider
from pydantic_core import to_jsonable_python

from palaestra.report import text
from palaestra.report.arms import Standing, read_arms, standings
from palaestra.report.objectives import Score, compare_scores, read_score, score_cells
from palaestra.report.words import describe_model, describe_teacher
from palaestra.results import CallSummary, read_calls
from palaestra.run import Run

if TYPE_CHECKING:
    from palaestra.spec import ArmSpec
    from palaestra.spec.models import TeacherSpec

Column = tuple[str, str]
"""A column's name in a terminal, and its heading in Markdown."""

_FIRST: tuple[Column, ...] = (
    ("run", "Run"),
    ("world", "World"),
    ("arm", "Arm"),
    ("teacher", "Teacher"),
    ("seeds", "Seeds"),
)
_STEPS: tuple[Column, ...] = (
    ("steps to {threshold}", "Steps to {threshold} success"),
    ("times fewer", "Times fewer steps than the best untaught arm"),
)
_SCORES: tuple[Column, ...] = (
    ("score", "Score at the end, %"),
    ("points", "Points beside the best untaught arm"),
    ("in training", "Score over training, %"),
)
_LAST: tuple[Column, ...] = (("at the end", "Success at the end"), ("calls", "Teacher calls"), ("price", "Price"))


class CompareError(ValueError):
    """The runs are not of the same thing; the message says in what they differ and what to do."""


@dataclass(frozen=True)
class ComparedArm:
    """One row: an arm of a run, at the threshold, and by its world's own measure."""

    run: str
    standing: Standing
    score: Score
    calls: CallSummary | None

    def cells(self, scored: bool = False) -> tuple[str, ...]:
        """Its text under each column; `scored`: under those of scores instead of those of steps to the threshold."""
        arm = self.standing.arm
        teacher = arm.spec.teacher
        failed = f", {arm.failed} failed" if arm.failed else ""
        return (
            self.run,
            arm.spec.world.id,
            arm.name,
            _answers(teacher) if teacher else "none",
            self._seeds(scored) + failed,
            *(score_cells(self.score) if scored else self._steps()),
            text.percents(arm.final(), len(arm.measured)),
            text.count(self.calls.calls) if self.calls else "none",
            text.price(self.calls.price) if self.calls else "none",
        )

    def _seeds(self, scored: bool) -> str:
        arm, result = self.standing.arm, self.standing.result
        if scored:
            unfinished = sum(trial.row.status != "done" for trial in arm.trials)
            return f"{self.score.seeds}" + (f", {unfinished} of {len(arm.trials)} unfinished" if unfinished else "")
        return f"{result.reached}/{result.seeds} reached" if result else "0"

    def _steps(self) -> tuple[str, str]:
        arm = self.standing.arm
        compared = "1 (best untaught)" if self.standing.baseline else text.ratio(self.standing.ratio, len(arm.measured))
        return text.to_threshold(self.standing.result, arm.finished), compared


def _answers(teacher: TeacherSpec) -> str:
    """The model of a teacher that is asked about levels; of one that each trial asks for itself what it does too."""
    return describe_model(teacher.model) if not teacher.in_trial else describe_teacher(teacher)


@dataclass(frozen=True)
class Comparison:
    """What `compare` found.

    Attributes:
        threshold: share of successful episodes.
        rows: runs in the order given, arms in the order of their specs.
        differences: in what the runs differ, a sentence each; empty where they may be compared as they are.
        sources: of each run the command, commit, machine and versions that made it.
    """

    threshold: float
    rows: tuple[ComparedArm, ...]
    differences: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    @property
    def scored(self) -> bool:
        """Whether the worlds have a measure of their own, which is then compared instead of steps to the threshold."""
        return any(row.score.final for row in self.rows)

    @property
    def columns(self) -> tuple[Column, ...]:
        """Names and headings."""
        threshold = text.percent(self.threshold)
        named = (*_FIRST, *(_SCORES if self.scored else _STEPS), *_LAST)
        return tuple((name.format(threshold=threshold), heading.format(threshold=threshold)) for name, heading in named)

    @property
    def headings(self) -> tuple[str, ...]:
        """Of the table in Markdown."""
        return tuple(heading for _, heading in self.columns)

    def cells(self) -> list[tuple[str, ...]]:
        """Of each row, under the headings."""
        return [row.cells(self.scored) for row in self.rows]

    def to_text(self) -> str:
        """Columns of equal width, and under them in what the runs differ."""
        table = [self.headings, *self.cells()]
        widths = [max(len(cells[column]) for cells in table) for column in range(len(self.headings))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip() for cells in table
        ]
        lines.insert(1, "  ".join("-" * width for width in widths))
        return "\n".join([*lines, *(f"Note: {difference}" for difference in self.differences)])

    def to_markdown(self) -> str:
        """A table of GitHub's Markdown, and under it where its figures come from."""
        lines = [_markdown_row(self.headings), _markdown_row(["---"] * len(self.headings))]
        lines += [_markdown_row(cells) for cells in self.cells()]
        notes = [f"Note: {difference}" for difference in self.differences]
        sources = [f"- {source}" for source in self.sources]
        return "\n".join([*lines, *([""] if notes else []), *notes, *([""] if sources else []), *sources])


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def compare(runs: Sequence[Run], threshold: float, allow_differences: bool = False) -> Comparison:
    """Sets the arms of runs side by side; ratios are to the best untaught arm of the same world, in whichever run.

    Args:
        runs: at least one.
        threshold: share of successful episodes, above 0 and at most 1.
        allow_differences: compare runs of other worlds, budgets or evaluations too, and say so.

    Raises:
        CompareError: they differ and that is not allowed.
        StoreError: a run's store cannot be read.
        ValueError: the threshold is out of bounds, or there are no runs.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"the threshold is {threshold}, but must be above 0 and at most 1")
    if not runs:
        raise ValueError("there are no runs to compare")
    differences = find_differences(runs)
    if differences and not allow_differences:
        raise CompareError(
            f"the runs cannot be compared as they are: {' '.join(differences)} "
            "Compare them one by one, or allow the differences (--differing) and read the table with them in mind."
        )
    entries = [(run, score, calls) for run in runs for score, calls in _read(run)]
    worlds = [_world(score.arm.spec, _shown(runs)) for _, score, _ in entries]
    found: dict[int, tuple[Standing, Score]] = {}
    for world in set(worlds):
        chosen = [k for k, one in enumerate(worlds) if one == world]
        scores = compare_scores([entries[k][1] for k in chosen])
        arms = standings([score.arm for score in scores], threshold)
        found |= zip(chosen, zip(arms, scores, strict=True), strict=True)
    rows = [ComparedArm(run.folder.name, *found[k], calls) for k, (run, _, calls) in enumerate(entries)]
    return Comparison(threshold, tuple(rows), tuple(differences), tuple(_source(run) for run in runs))


def _source(run: Run) -> str:
    """What made a run, from what it noted of itself when it began."""
    with run.open_store(read_only=True) as store:
        info = store.info()
    machine = info.get("machine", {})
    versions = ", ".join(f"{name} {version}" for name, version in info.get("versions", {}).items())
    return (
        f"{run.folder.name}: `{info.get('command', 'unknown')}`, commit {info.get('commit') or 'unknown'}, "
        f"{machine.get('processor', 'unknown processor')}, {machine.get('cores', '?')} cores; {versions}"
    )


def _read(run: Run) -> list[tuple[Score, CallSummary | None]]:
    from palaestra.asking import teacher_hash

    with run.open_store(read_only=True) as store:
        return [
            (read_score(store, arm), read_calls(store, teacher_hash(arm.spec)) if arm.taught else None)
            for arm in read_arms(run, store)
        ]


def find_differences(runs: Sequence[Run]) -> list[str]:
    """In what runs differ from the first that must be equal for a comparison to mean something."""
    shown = _shown(runs)
    sentences = []
    for name, facet in (("world", lambda arm: _world(arm, shown)), ("budget", _budget), ("evaluation", _evaluation)):
        kinds = [sorted({facet(arm) for arm in run.spec.arms.values()}) for run in runs]
        if any(kind != kinds[0] for kind in kinds):
            each = "; ".join(f"{run.folder.name}: {' and '.join(kind)}" for run, kind in zip(runs, kinds, strict=True))
            sentences.append(f"The {name} differs ({each}).")
    return sentences


def _shown(runs: Sequence[Run]) -> set[str]:
    """World settings that only say how lessons are shown."""
    teachers = [arm.teacher for run in runs for arm in run.spec.arms.values() if arm.teacher is not None]
    settings = [getattr(teacher.config, "world_settings", dict)() for teacher in teachers]
    return {key for found in settings for key in found}


def _world(arm: ArmSpec, without: set[str]) -> str:
    """The world with the settings that are not its defaults: a run made before a setting existed is of the same."""
    fields = world_provider(arm.world.id).settings().model_fields
    usual = to_jsonable_python({key: field.get_default(call_default_factory=True) for key, field in fields.items()})
    settings = {
        key: value
        for key, value in to_jsonable_python(arm.world.settings).items()
        if key not in without and value not in (None, {}) and value != usual.get(key)
    }
    return f"{arm.world.id} {json.dumps(settings, sort_keys=True, default=str)}" if settings else arm.world.id


def _budget(arm: ArmSpec) -> str:
    budget = arm.budget
    until = "" if budget.until_success is None else f", until {text.percent(budget.until_success)} success"
    return f"{text.steps(budget.steps)} steps{until}"


def _evaluation(arm: ArmSpec) -> str:
    evaluation = arm.evaluation
    how = "greedy" if evaluation.greedy else "sampled"
    return f"{evaluation.episodes} episodes every {text.steps(evaluation.every)} steps, actions {how}"
