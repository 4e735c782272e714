"""`palaestra calls`: a run's calls are listed, chosen, shown and compared; what a model wrote steers no terminal."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from palaestra.ledger import StoreLedger, recorded_calls
from palaestra.report import write_report
from palaestra.run import Run, open_run, start_run
from palaestra.spec import RunSpec
from palaestra.store import SCHEMA_VERSION, Store, StoreError
from palaestra_teachers.base import CallRecord, Message, Sampling

SPEC = """
name: talk
world: {id: MiniGrid-DoorKey-5x5-v0, num_envs: 8}
agent: {rollout_length: 16}
teacher: {kind: subgoals, levels: 4}
arms: {taught: {}, other: {teacher: {levels: 4, form: language}}, alone: {teacher: null}}
budget: {steps: 256}
"""
HOSTILE = "[red]</td><script>alert(1)</script>\x1b[2J\u202egniht"
Cli = Callable[..., Any]


def call(level: int, **changed: Any) -> CallRecord:
    values = {
        "time": 1.0, "lesson_key": f"World/{level}", "request_hash": f"hash {level}", "backend": "openai",
        "model": "big-model", "messages": (Message(role="user", content=f"About level {level}."),), "reply": "{}",
        "parsed": {}, "tokens_in": 1000, "tokens_out": 50, "seconds": 0.5, "price": 0.01, "sampling": Sampling(),
        "identity": "openai big-model",
    }  # fmt: skip
    return CallRecord.model_validate(values | changed)


def make_run(folder: Path, *calls: CallRecord, other: tuple[CallRecord, ...] = ()) -> Run:
    from palaestra.calls import teachers

    run = start_run(RunSpec.from_yaml(SPEC, "talk.yaml"), folder)
    with run.open_store() as store:
        for arm, said in (("taught", calls), ("other", other)):
            ledger = StoreLedger(store, teachers(run)[arm])
            for one in said:
                ledger.record(one)
    return run


CALLS = (
    call(1, reply=HOSTILE),
    call(12, parsed=None, error_kind="not_json", error="the reply is no JSON", reply=HOSTILE),
    call(12, retry=1, model="small-model", price=None),
    call(2, reply=None, parsed=None, error_kind="timeout", error="no reply in 60 s", tokens_in=None, price=None),
)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return make_run(tmp_path / "runs", *CALLS, other=(call(3, origin="cache", price=0.0),))


def listed(cli: Cli, run: Run, *options: object) -> list[int]:
    found = cli("calls", run.folder, "--json", *options)
    assert found.code == 0, found
    return [json.loads(line)["id"] for line in found.out.splitlines()]


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ((), [1, 2, 3, 4, 5]),
        (("--failed",), [2, 4]),
        (("--kind", "timeout"), [4]),
        (("--level", "2"), [4]),
        (("--level", "12", "--failed"), [2]),
        (("--model", "SMALL"), [3]),
        (("--teacher", "other"), [5]),
        (("--limit", "2"), [1, 2]),
        (("--show", "3"), [3]),
        (("--kind", "%' OR 1"), []),
    ],
)
def test_calls_are_chosen(cli: Cli, run: Run, options: tuple[object, ...], ids: list[int]) -> None:
    assert listed(cli, run, *options) == ids


def test_the_table_ends_in_totals_with_unknown_prices_named(cli: Cli, run: Run) -> None:
    out = cli("calls", run.folder).out
    assert "World/12" in out
    assert "unknown" in out
    assert "4 calls; 1 from cache; 2 failed (1 not_json, 1 timeout); 3 000 + 150 tokens; 2.0 s" in out
    assert "price $0.02, and unknown for 1 reply" in out
    assert "  small-model: 1 call;" in out
    assert "1 of 5 shown; --limit 0 shows all" in cli("calls", run.folder, "-n", 1).out
    assert "No such calls." in cli("calls", run.folder, "--level", 999).out


@pytest.mark.parametrize("options", [(), ("--full",), ("--show", "2"), ("--json",), ("--failed", "--full")])
def test_what_a_model_wrote_steers_no_terminal(cli: Cli, run: Run, options: tuple[str, ...]) -> None:
    out = cli("calls", run.folder, *options).out
    assert "\x1b" not in out
    assert "\u202e" not in out
    if "--full" in options or "--show" in options:
        assert "[red]</td><script>alert(1)</script>" in out


def test_one_is_shown_with_all_that_was_said(cli: Cli, run: Run) -> None:
    out = cli("calls", run.folder, "--show", 2).out
    for text in (
        "call 2: World/12, arm taught, try 1",
        "About level 12.",
        "Not usable: not_json: the reply is no JSON",
    ):
        assert text in out
    assert "(none)" in cli("calls", run.folder, "--show", 4).out


def test_mistakes_are_named(cli: Cli, run: Run, tmp_path: Path) -> None:
    assert (
        "has no arm 'alone' with a teacher; arms with one: taught, other"
        in cli("calls", run.folder, "--teacher", "alone").error
    )
    assert "has no call 99" in cli("calls", run.folder, "--show", 99).error
    assert "there is no folder" in cli("calls", tmp_path / "nowhere").error


def test_two_runs_are_compared_call_by_call(cli: Cli, run: Run, tmp_path: Path) -> None:
    theirs = (
        CALLS[0],
        CALLS[1].model_copy(update={"reply": "changed"}),
        CALLS[2].model_copy(update={"messages": (Message(role="user", content="Another question."),)}),
        CALLS[3].model_copy(update={"error_kind": "http_5xx"}),
        call(7),
    )
    other = make_run(tmp_path / "others", *theirs)
    out = cli("calls", run.folder, "--diff", other.folder).out
    assert "1 same, 1 reply, 1 request, 1 outcome, 1 only here, 1 only there" in out
    found = [json.loads(line) for line in cli("calls", run.folder, "--diff", other.folder, "--json").out.splitlines()]
    assert [(one["call"], one["differs"]) for one in found] == [
        ("taught World/12 #1", "reply"), ("taught World/12 #2", "request"), ("taught World/2 #1", "outcome"),
        ("other World/3 #1", "only here"), ("taught World/7 #1", "only there"),
    ]  # fmt: skip
    full = cli("calls", run.folder, "--diff", other.folder, "--full", "--level", 12).out
    assert "-About level 12." in full
    assert "+Another question." in full
    assert "\x1b" not in full
    assert "5 same" in cli("calls", run.folder, "--diff", run.folder).out


def test_the_report_has_calls_folded_and_escaped(run: Run) -> None:
    page = write_report(run).read_text(encoding="utf-8")
    assert "4 of 4 calls, those that failed first" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert(1)" not in page
    assert "\x1b" not in page
    assert "1 not_json, 1 timeout" in page
    assert "$0.02, and unknown for 1 reply" in page


# ---------------------------------------------------------------------------------------------- older stores

NEW_COLUMNS = {
    "calls": ("identity", "sampling", "part", "chosen"),
    "spent": ("tokens", "cost", "seconds", "uncounted", "unpriced"),
}


@pytest.fixture
def old_run(run: Run) -> Run:
    """A run as the first version of the store had it."""
    connection = sqlite3.connect(run.store_path)
    for table, columns in NEW_COLUMNS.items():
        for column in columns:
            connection.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    connection.execute("INSERT INTO spent VALUES ('t', 5)")
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()
    return run


def version(run: Run) -> int:
    connection = sqlite3.connect(run.store_path)
    try:
        return connection.execute("PRAGMA user_version").fetchone()[0]
    finally:
        connection.close()


def test_a_store_of_the_first_version_is_read_as_it_is(cli: Cli, old_run: Run) -> None:
    with old_run.open_store(read_only=True) as store:
        found = recorded_calls(store)
        assert store.query("SELECT calls, tokens, cost FROM spent") == [(5, 0, 0)]
    assert (found[0].lesson_key, found[0].chosen, found[0].sampling) == ("World/1", True, None)
    assert "4 calls" in cli("calls", old_run.folder).out
    assert "World/12" in write_report(old_run).read_text(encoding="utf-8")
    assert version(old_run) == 1


def test_a_store_of_the_first_version_is_brought_up_to_date_to_be_written(old_run: Run) -> None:
    before = recorded_calls(Store(old_run.store_path, read_only=True))
    with old_run.open_store() as store:
        StoreLedger(store, "t").record(call(9, part=1))
        assert recorded_calls(store)[:-1] == before
        assert store.query("SELECT calls, unpriced FROM spent") == [(5, 0)]
    assert version(old_run) == SCHEMA_VERSION
    with open_run(old_run.folder).open_store() as store:
        assert recorded_calls(store)[-1].part == 1


def test_calls_of_the_first_version_are_not_replayed(cli: Cli, old_run: Run, tmp_path: Path) -> None:
    (tmp_path / "talk.yaml").write_text(SPEC.replace("other: {teacher: {levels: 4, form: language}}, ", ""))
    refused = cli("run", tmp_path / "talk.yaml", "--replay", old_run.folder, "--runs", tmp_path / "again", "--quiet")
    assert "recorded by an older Palaestra" in refused.error


def test_a_newer_store_is_still_refused(run: Run) -> None:
    connection = sqlite3.connect(run.store_path)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.commit()
    connection.close()
    with pytest.raises(StoreError, match="newer Palaestra"):
        run.open_store(read_only=True)
