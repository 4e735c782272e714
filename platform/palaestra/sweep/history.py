"""What happened in a sweep's populations: who took over whom, and every member's settings over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from palaestra.results import Measure
from palaestra.sweep.folder import FoundTrial, Sweep
from palaestra.sweep.member import Interval, Member
from palaestra.sweep.population import MEMBER
from palaestra.sweep.results import markdown_table
from palaestra.sweep.spec import Variant

Table = tuple[tuple[str, ...], list[tuple[str, ...]]]
"""Headings, and rows of as many cells."""


@dataclass(frozen=True)
class TakeOver:
    """A member that went on with another's state.

    Attributes:
        step: environment steps of both at that moment.
        member, source: numbers of the two; the source's state was copied.
        score, source_score: what they were judged by; None: that one had failed.
        values, source_values: settings that the member had before, and that the source had.
        changed: settings that the member went on with.
    """

    step: int
    member: int
    source: int
    score: float | None
    source_score: float | None
    values: dict[str, Any]
    source_values: dict[str, Any]
    changed: dict[str, Any]


@dataclass(frozen=True)
class History:
    """What the members of one population did.

    Attributes:
        name: of the population, in words.
        members: by number, from 1; of each its intervals so far.
        measure: what they are judged by.
    """

    name: str
    members: dict[int, list[Interval]]
    runs: dict[str, int]
    """Number of each member by the name of its run folder."""
    measure: Measure

    def take_overs(self) -> list[TakeOver]:
        """In their order."""
        found = []
        for number, intervals in self.members.items():
            for place, now in enumerate(intervals):
                if now.source is None or place == 0:
                    continue
                source = self.runs[now.source]
                theirs, before = self.members[source][place - 1], intervals[place - 1]
                found.append(
                    TakeOver(
                        theirs.step or 0,
                        number,
                        source,
                        before.score,
                        theirs.score,
                        before.values,
                        theirs.values,
                        now.values,
                    )
                )
        return sorted(found, key=lambda one: (one.step, one.member))

    def best(self) -> int | None:
        """The member that measured most at its last end among those that got farthest; None: no interval has ended."""
        ended = {
            number: [interval for interval in intervals if interval.score is not None]
            for number, intervals in self.members.items()
        }
        farthest = max((found[-1].step or 0 for found in ended.values() if found), default=0)
        scores = {
            number: found[-1].score or 0.0 for number, found in ended.items() if found and found[-1].step == farthest
        }
        return max(scores, key=lambda number: scores[number], default=None)

    def schedule(self, member: int) -> list[tuple[int, Interval]]:
        """By which settings a member's state came about: of each interval whose settings, which may be those of a
        member that was taken over since, and what it did there."""
        found = []
        for place in range(len(self.members[member]) - 1, -1, -1):
            now = self.members[member][place]
            found.append((member, now))
            member = self.runs.get(now.source or "", member)
        return found[::-1]

    # ------------------------------------------------------------------------------------------ as tables

    def take_over_table(self) -> Table:
        rows = [
            (
                f"{one.step:,}",
                f"{one.member} ({self._score(one.score)})",
                f"{one.source} ({self._score(one.source_score)})",
                _named(one.values),
                _named(one.source_values),
                _named(one.changed),
            )
            for one in self.take_overs()
        ]
        return ("Step", "Member", "Took over", "Its settings before", "Those of the other", "Went on with"), rows

    def settings_table(self) -> Table:
        """Every member's settings in every interval, with what it measured at the end."""
        longest = max(len(intervals) for intervals in self.members.values())
        ends = [self._end(place) for place in range(longest)]
        rows = [
            (str(number), *(self._cell(intervals, place) for place in range(longest)))
            for number, intervals in self.members.items()
        ]
        return ("Member", *(f"To step {end:,}" if end else "Not ended" for end in ends)), rows

    def schedule_table(self) -> Table:
        """The schedule of the best member; without rows where nothing was measured."""
        best = self.best()
        rows = [
            (f"{now.step:,}" if now.step else "not ended", str(number), _named(now.values), self._score(now.score))
            for number, now in (self.schedule(best) if best is not None else [])
        ]
        return ("To step", "As member", "Settings", "Measured at the end"), rows

    def _end(self, place: int) -> int:
        steps = [intervals[place].step or 0 for intervals in self.members.values() if len(intervals) > place]
        return max(steps, default=0)

    def _cell(self, intervals: list[Interval], place: int) -> str:
        if place >= len(intervals):
            return ""
        now = intervals[place]
        origin = f"after {self.runs[now.source]}: " if now.source else ""
        result = "failed" if now.failed else self._score(now.score) if now.ended else "not ended"
        return f"{origin}{_named(now.values)} → {result}"

    def _score(self, score: float | None) -> str:
        if score is None:
            return "failed"
        return f"{100 * score:.0f} %" if self.measure == "success" else f"{score:.3g}"


def _named(values: dict[str, Any]) -> str:
    return Variant(values).name


def read_histories(sweep: Sweep, trials: Sequence[FoundTrial]) -> list[History]:
    """Of every population of a sweep that has begun; none where it has no populations.

    Raises:
        RunError: the account of a member cannot be read.
    """
    histories = []
    for (arm, seed), group in sweep.populations(trials).items():
        members = {int(trial.variant.values[MEMBER]): Member(trial.run.folder) for trial in group}
        intervals = {number: member.intervals() for number, member in members.items()}
        if any(intervals.values()):
            runs = {member.name: number for number, member in members.items()}
            histories.append(History(f"{arm}, seed {seed}", intervals, runs, sweep.measure))
    return histories


def histories_as_markdown(histories: Sequence[History]) -> str:
    """A section for each population; empty where there is none."""
    parts = []
    for history in histories:
        parts.append(f"\n## Population {history.name}\n")
        for title, (headings, rows) in sections(history):
            parts.append(f"\n{title}\n\n{markdown_table(headings, rows)}")
    return "".join(parts)


def sections(history: History) -> list[tuple[str, Table]]:
    """What is shown of a population: titles and tables, those without rows left out."""
    best = history.best()
    found = [
        ("Who took over whom", history.take_over_table()),
        (f"Settings by which member {best}, the best, came about", history.schedule_table()),
        ("Settings over time", history.settings_table()),
    ]
    return [(title, table) for title, table in found if table[1]]
