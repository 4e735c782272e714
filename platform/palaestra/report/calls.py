"""A run's calls of language models, as the page lists them."""

from __future__ import annotations

from dataclasses import dataclass

from palaestra_teachers.base import CallRecord

from palaestra.ledger import recorded_calls
from palaestra.printing import printable
from palaestra.report import text
from palaestra.results import CallSummary, CallTotals
from palaestra.store import Store

LISTED = 20
"""Calls of each sort, those that failed and those that did not, that the page lists."""
MAX_SAID = 240
"""Characters of a reply, or of what was wrong with it."""

COLUMNS = ("For", "Model", "Try", "From", "Outcome", "Tokens in / out", "Seconds", "Price", "Reply, or what is wrong")


@dataclass(frozen=True)
class CallTable:
    """Rows of cells: the first calls that failed, then the first that did not."""

    rows: tuple[tuple[str, ...], ...]
    total: int


def read_call_table(store: Store, teacher: str) -> CallTable:
    """Calls of a teacher; `teacher` is the hash of its settings.

    Raises:
        StoreError: the store cannot be read.
    """
    total = store.query("SELECT count(*) FROM calls WHERE teacher = ?", (teacher,))[0][0]
    found = [
        call
        for sort in ("error_kind IS NOT NULL", "error_kind IS NULL")
        for call in recorded_calls(store, f"teacher = ? AND {sort} ORDER BY id LIMIT {LISTED}", (teacher,))
    ]
    return CallTable(tuple(_cells(call) for call in found), total)


def _cells(call: CallRecord) -> tuple[str, ...]:
    said = printable(" ".join(((call.error if call.error_kind else call.reply) or "").split()))
    attempt = f"{call.retry + 1}" + (f".{call.part + 1}" if call.part or not call.chosen else "")
    return (
        call.lesson_key,
        call.model,
        attempt,
        call.origin,
        call.error_kind or ("usable" if call.chosen else "usable, not chosen"),
        f"{text.count(call.tokens_in)} / {text.count(call.tokens_out)}",
        f"{call.seconds:.2f}",
        text.price(call.price),
        said if len(said) <= MAX_SAID else f"{said[: MAX_SAID - 3]}...",
    )


def model_rows(calls: CallSummary) -> list[tuple[str, ...]]:
    """One row for each model, where there are several: name, calls, failures, tokens, seconds, price."""
    if len(calls.by_model) < 2:
        return []
    return [(name or "unknown", *_sums(totals)) for name, totals in calls.by_model]


def _sums(totals: CallTotals) -> tuple[str, ...]:
    failed = ", ".join(f"{text.count(number)} {kind}" for kind, number in totals.failures.items())
    return (
        text.count(totals.calls),
        failed or "none",
        f"{text.count(totals.tokens_in)} / {text.count(totals.tokens_out)}",
        text.seconds(totals.seconds),
        text.cost(totals.price, totals.priced, totals.unpriced),
    )
