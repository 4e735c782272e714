"""`palaestra calls`: what was said between a run's teachers and their language models, and what it cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from palaestra.cli.errors import CommandError
from palaestra.cli.output import console, plain_table
from palaestra.cli.specs import find_run

if TYPE_CHECKING:
    from palaestra.calls import Choice, Difference, NumberedCall
    from palaestra.results import CallTotals
    from palaestra.run import Run

EXAMPLES = (
    "palaestra calls runs/beacons-main-1a2b3c4d --failed",
    "palaestra calls beacons-main-1a2b3c4d --level 17 --full",
    "palaestra calls beacons-main-1a2b3c4d --show 12",
    "palaestra calls runs/one-1a2b3c4d --diff runs/other-5e6f7a8b",
)
SHOWN = 50
PREVIEW, MODEL, LEAST = 60, 30, 24
"""Characters of a reply, and of a model's name, in tables; a reply's, where there is little room."""
GAP = 3
"""Characters between columns."""


def calls(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, or its name in runs/.")],
    teacher: Annotated[str | None, typer.Option("--teacher", metavar="ARM", help="Of this arm's teacher.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Failed in this way, e.g. not_json, timeout.")] = None,
    level: Annotated[int | None, typer.Option("--level", min=0, help="About this level, by its seed.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Without a usable reply.")] = False,
    model: Annotated[str | None, typer.Option("--model", help="Of models with this in their name.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="At most so many; 0: all.")] = SHOWN,
    full: Annotated[
        bool, typer.Option("--full", help="All that was said, or what differs, instead of a table.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, messages only with --full.")] = False,
    show: Annotated[int | None, typer.Option("--show", metavar="ID", min=1, help="This one, in full.")] = None,
    diff: Annotated[Path | None, typer.Option("--diff", metavar="OTHER", help="Compare with another run's.")] = None,
) -> None:
    """List a run's calls of language models, show what was said, or compare two runs."""
    from palaestra.calls import Choice, find_calls

    run = find_run(folder)
    choice = Choice(teacher=teacher, kind=kind, level=level, failed=failed, model=model)
    if diff is not None:
        _compare(run, find_run(diff), choice, limit or None, full, as_json)
        return
    with run.open_store(read_only=True) as store:
        if show is not None:
            found = find_calls(run, store, Choice(), id=show)
            if not found:
                raise CommandError(f"{run.folder} has no call {show}; without --show they are listed")
        else:
            found = find_calls(run, store, choice, limit or None)
    if as_json:
        for one in found:
            print(_json(one, full or show is not None))
    elif full or show is not None:
        for one in found:
            _print_call(one)
    else:
        _print_table(found)
    if not as_json and show is None:
        _print_totals(run, choice, len(found))


def _json(one: NumberedCall, full: bool) -> str:
    from palaestra.calls import without_messages

    content = without_messages(one)
    if full:
        content |= one.call.model_dump(mode="json", include={"messages", "response_schema"})
    return json.dumps(content)


# ---------------------------------------------------------------------------------------------- one run


def _print_table(found: list[NumberedCall]) -> None:
    from rich.text import Text

    from palaestra.printing import printable
    from palaestra.report.text import UNKNOWN, count, price

    arms = len({one.arm for one in found}) > 1
    columns = ["id", *(["arm"] if arms else []), "for", "model", "try", "from", "outcome", "tokens", "s", "price"]
    rows: list[list[str]] = []
    for one in found:
        call = one.call
        outcome = call.error_kind or ("usable" if call.chosen else "usable, not chosen")
        tokens = UNKNOWN if call.tokens_in is None else f"{count(call.tokens_in)} + {count(call.tokens_out)}"
        cells = [
            str(one.id), *([one.arm] if arms else []), call.lesson_key, _preview(call.model or "?", MODEL), _try(one),
            call.origin, outcome, tokens, f"{call.seconds:.2f}", price(call.price),
        ]  # fmt: skip
        rows.append([printable(cell) for cell in cells])
    if not rows:
        return
    out = console()
    used = sum(max(len(row[k]) for row in [columns, *rows]) + GAP for k in range(len(columns)))
    table = plain_table(*columns, "reply, or what is wrong", right=("id", "tokens", "s", "price"))
    for one, row in zip(found, rows, strict=True):
        said = (one.call.error if one.call.error_kind else one.call.reply) or ""
        row.append(printable(_preview(said, max(out.width - used - GAP, LEAST))))
        table.add_row(*(Text(cell) for cell in row))
    out.print(table)


def _try(one: NumberedCall) -> str:
    """The attempt, from 1, and which of its calls."""
    return f"{one.call.retry + 1}" + (f".{one.call.part + 1}" if one.call.part or not one.call.chosen else "")


def _preview(text: str, width: int = PREVIEW) -> str:
    line = " ".join(text.split())
    return line if len(line) <= width else f"{line[: width - 3]}..."


def _print_call(one: NumberedCall) -> None:
    from datetime import datetime

    from palaestra.printing import printable
    from palaestra.report.text import price, tokens

    call = one.call
    when = datetime.fromtimestamp(call.time).isoformat(sep=" ", timespec="seconds")
    print(printable(f"== call {one.id}: {call.lesson_key}, arm {one.arm}, try {_try(one)}, {when}"))
    for message in call.messages:
        _heading(message.role)
        print(printable(message.content).rstrip())
    details = [call.model or "?", call.origin, f"{call.seconds:.2f} s", tokens(call.tokens_in, call.tokens_out)]
    _heading(printable(f"reply ({', '.join([*details, f'price {price(call.price)}'])})"))
    print("(none)" if call.reply is None else printable(call.reply))
    if call.error_kind:
        print(f"\nNot usable: {printable(f'{call.error_kind}: {call.error}')}")
    elif call.parsed is not None:
        _heading("lesson" if call.chosen else "lesson, not chosen")
        print(json.dumps(call.parsed, indent=2))
    print()


def _heading(text: str) -> None:
    print(f"\n── {text} {'─' * max(60 - len(text), 3)}")


def _print_totals(run: Run, choice: Choice, shown: int) -> None:
    from palaestra.printing import printable
    from palaestra.results import summarize_calls

    with run.open_store(read_only=True) as store:
        where, parameters = choice.where(run)
        total = store.query(f"SELECT count(*) FROM calls WHERE {where}", parameters)[0][0]
        summary = summarize_calls(store, where, parameters)
    if not total:
        print("No such calls.")
        return
    if shown < total:
        print(f"{shown:,} of {total:,} shown; --limit 0 shows all.\n")
    print(_totals_line(summary))
    if len(summary.by_model) > 1:
        for name, totals in summary.by_model:
            print(f"  {printable(name or '?')}: {_totals_line(totals)}")


def _totals_line(totals: CallTotals) -> str:
    from palaestra.report.text import cost, seconds, tokens

    parts = [f"{totals.calls:,} call{'s' if totals.calls != 1 else ''}"]
    parts += [f"{number:,} from {origin}" for origin, number in totals.reused.items()]
    if totals.failures:
        kinds = ", ".join(f"{number:,} {kind}" for kind, number in totals.failures.items())
        parts.append(f"{sum(totals.failures.values()):,} failed ({kinds})")
    parts.append(tokens(totals.tokens_in, totals.tokens_out))
    price = cost(totals.price, totals.priced, totals.unpriced)
    return "; ".join([*parts, seconds(totals.seconds), f"price {price}"])


# ---------------------------------------------------------------------------------------------- two runs


def _compare(run: Run, other: Run, choice: Choice, limit: int | None, full: bool, as_json: bool) -> None:
    from collections import Counter

    from palaestra.calls import compare_calls, find_calls

    with run.open_store(read_only=True) as here, other.open_store(read_only=True) as there:
        found = compare_calls(find_calls(run, here, choice), find_calls(other, there, choice))
    differing = [one for one in found if one.what != "same"]
    shown = differing[:limit]
    if as_json:
        for one in shown:
            numbers = {"here": one.here and one.here.id, "there": one.there and one.there.id}
            print(json.dumps({"call": one.key, "differs": one.what, **numbers, "diff": one.lines() if full else None}))
        return
    if full:
        for one in shown:
            _print_difference(one)
    elif shown:
        _print_differences(shown)
    if len(shown) < len(differing):
        print(f"{len(shown):,} of {len(differing):,} differences shown; --limit 0 shows all.\n")
    counts = Counter(one.what for one in found)
    print(", ".join(f"{number:,} {what}" for what, number in counts.most_common()) or "No such calls.")


def _print_differences(differing: list[Difference]) -> None:
    from rich.text import Text

    from palaestra.printing import printable

    table = plain_table("call", "differs", "here", "there", "reply here", "reply there", right=("here", "there"))
    for one in differing:
        sides = (one.here, one.there)
        numbers = [str(side.id) if side else "" for side in sides]
        replies = [_preview((side.call.reply or side.call.error_kind or "") if side else "") for side in sides]
        table.add_row(*(Text(printable(cell), overflow="fold") for cell in (one.key, one.what, *numbers, *replies)))
    console().print(table)


def _print_difference(one: Difference) -> None:
    from palaestra.printing import printable

    numbers = [str(side.id) if side else "none" for side in (one.here, one.there)]
    print(printable(f"== {one.key}: {one.what} (call {numbers[0]} here, {numbers[1]} there)"))
    print(printable("\n".join(one.lines())))
    print()
