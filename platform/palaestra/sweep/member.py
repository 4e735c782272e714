"""A member of a population: an ordinary run folder, done one interval at a time, that may take over another's state.

What it did stands in `population.json` of its folder; how it was at the ends of its last two intervals lies beside it
in `population/`, for itself and for whoever takes it over.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from threading import Event
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from palaestra import checkpoint
from palaestra.checkpoint import write_atomically, writing
from palaestra.lessons import Preparation
from palaestra.progress import TrialProgress
from palaestra.results import TOOK_OVER, Measure, read_trials
from palaestra.run import Run, RunError, header_of, open_run
from palaestra.spec.build import iteration_steps
from palaestra.sweep.changes import changed
from palaestra.worker import SECONDS_FOR_ORPHANS, run_trial, torch_threads

KEPT = 2
"""Ends of intervals that are kept: while others may still take over the last, its own next one is written."""


class Interval(BaseModel):
    """What a member did from one exchange to the next.

    Attributes:
        values: its settings, by key.
        source: name of the run folder whose state it took over before; None: it went on with its own.
        step, iteration: at the end; None: it is not there yet.
        score: what it is judged by, at the end; None where it failed.
        failed: why it came to no end; empty: it did, or still may.
    """

    model_config = ConfigDict(frozen=True)
    values: dict[str, Any] = Field(default_factory=dict)
    source: str | None = None
    step: int | None = None
    iteration: int | None = None
    score: float | None = None
    failed: str = ""

    @property
    def ended(self) -> bool:
        return self.step is not None or bool(self.failed)


class Member:
    """One member.

    Args:
        folder: of its run.

    Raises:
        RunError, SpecError, StoreError: it cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self.run: Run = open_run(folder)
        row = self.run.trials()[0]
        self.arm, self.seed = row.arm, row.seed

    @property
    def name(self) -> str:
        """Of its run folder."""
        return self.run.folder.name

    @property
    def _journal(self) -> Path:
        return self.run.folder / "population.json"

    def intervals(self) -> list[Interval]:
        """What it did so far; the last may not have ended.

        Raises:
            RunError: its account cannot be read.
        """
        try:
            return [Interval.model_validate(entry) for entry in json.loads(self._journal.read_text(encoding="utf-8"))]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError, ValidationError) as error:
            raise RunError(f"{self._journal} cannot be used: {error}; begin the sweep in a new folder") from error

    def do(self, number: int, values: dict[str, Any], source: str | None, until: int, measure: Measure) -> Interval:
        """Does one interval, or what is left of it.

        Done again with the same arguments, as after a crash, it goes on where it was; with others it begins the
        interval anew.

        Args:
            number: of the interval, from 1.
            values: settings to learn with.
            source: name of the run folder whose state it takes over first; None: it goes on with its own.
            until: environment steps at which the interval ends.
            measure: what it is judged by.

        Raises:
            RunError: another process works on it, or nothing was measured.
            CheckpointError: the state to begin with cannot be used.
            StoreError: something cannot be written.
        """
        with self.run.lock(wait=SECONDS_FOR_ORPHANS):
            done = self.intervals()
            before, now = done[: number - 1], done[number - 1] if len(done) >= number else None
            if now is None or (now.values, now.source) != (values, source) or self._strayed(now, until):
                now = self._begin(before, Interval(values=values, source=source))
            if not now.ended:
                now = self._learn(number, until, measure).model_copy(update={"values": values, "source": source})
                self._write([*before, now])
            return now

    def _strayed(self, now: Interval, until: int) -> bool:
        """Whether somebody resumed its run by hand, so that it went on where the others waited."""
        if now.ended:
            return False
        newest = checkpoint.load_newest(self._checkpoints).header
        arm = self.run.spec.arm(self.arm)
        return newest is not None and newest.step >= until + iteration_steps(arm.world, arm.agent)

    @property
    def _checkpoints(self) -> Path:
        return self.run.checkpoint_folder(self.arm, self.seed)

    def _write(self, intervals: Sequence[Interval]) -> None:
        content = json.dumps([interval.model_dump() for interval in intervals], indent=1)
        with writing(self._journal):
            write_atomically(self._journal, content.encode())

    def _end_of(self, number: int, name: str | None = None) -> Path:
        """Where the state at the end of an interval is kept; `name` is of another member's folder."""
        folder = self.run.folder.with_name(name) if name else self.run.folder
        return folder / "population" / f"interval-{number:04d}.safetensors"

    # ------------------------------------------------------------------------------------------ beginning

    def _begin(self, before: list[Interval], now: Interval) -> Interval:
        """Puts state and settings in place; written down last, so that it is done again if it was cut short."""
        last = before[-1] if before else None
        if last is not None and last.failed and now.source is None:
            # It has no state to go on with, and remains the worst until it takes over another's.
            now = now.model_copy(update={"failed": last.failed})
        else:
            self._set(now.values)
            if last is None:
                for path in checkpoint.list_checkpoints(self._checkpoints):
                    path.unlink(missing_ok=True)
            else:
                self._take_over(len(before), last, now)
        self._write([*before, now])
        return now

    def _set(self, values: dict[str, Any]) -> None:
        spec = self.run.spec
        spec = spec.model_copy(update={"arms": {self.arm: changed(spec.arm(self.arm), values)}})
        with writing(self.run.folder / "spec.yaml"):
            write_atomically(self.run.folder / "spec.yaml", spec.to_yaml().encode())
        self.run = Run(self.run.folder, spec)

    def _take_over(self, number: int, last: Interval, now: Interval) -> None:
        header = header_of(self.run.spec.arm(self.arm), self.seed)
        header = checkpoint.take_over(self._end_of(number, now.source), self._checkpoints, header)
        if now.source is None:
            return
        message = (
            f"took over the state of {now.source} at {header.step:,} steps, and went on with "
            f"{json.dumps(now.values)} instead of {json.dumps(last.values)}"
        )
        with self.run.open_store() as store:
            row = store.trial(self.arm, self.seed)
            known = store.query(
                "SELECT count(*) FROM events WHERE trial = ? AND iteration = ? AND kind = ? AND message = ?",
                (row.id, header.iteration, TOOK_OVER, message),
            )
            if not known[0][0]:
                store.event(TOOK_OVER, message, row.id, header.iteration)

    # ------------------------------------------------------------------------------------------ learning

    def _learn(self, number: int, until: int, measure: Measure) -> Interval:
        newest = checkpoint.load_newest(self._checkpoints).header
        reached = -1 if newest is None else newest.step

        def tell(message: TrialProgress) -> None:
            nonlocal reached
            reached = message.steps

        if reached < until or until >= self.run.spec.arm(self.arm).budget.steps:
            with Preparation(self.run, [self.arm], Event()) as preparation:
                preparation.finish(lambda message: None)
            with torch_threads(self.run.spec.threads):
                ended = run_trial(self.run, self.arm, self.seed, tell, lambda: reached >= until)
            if ended.status == "failed":
                return Interval(failed=ended.message)
        return self._ended(number, measure)

    def _ended(self, number: int, measure: Measure) -> Interval:
        found = checkpoint.load_newest(self._checkpoints)
        assert found.header is not None
        assert found.path is not None
        end = self._end_of(number)
        with writing(end):
            end.parent.mkdir(exist_ok=True)
            write_atomically(end, found.path.read_bytes())
            for old in sorted(end.parent.glob("interval-*.safetensors"))[:-KEPT]:
                old.unlink(missing_ok=True)
        with self.run.open_store(read_only=True) as store:
            values = read_trials(store)[0].series("alone", measure)[1]
        if not values:
            raise RunError(f"{self.run.folder} measures no {measure} by which members could be told apart")
        return Interval(step=found.header.step, iteration=found.header.iteration, score=values[-1])
