"""The run's store keeps transactions whole, among processes and on a disk that is full, and says what went wrong."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from palaestra.evaluation import Evaluation
from palaestra.ledger import claim
from palaestra.measured import LessonCounts
from palaestra.recorder import TrialRecorder
from palaestra.store import SCHEMA_VERSION, Store, StoreError

from ..read_only import read_only


def make_store(folder: Path) -> Store:
    store = Store(folder / "run.sqlite")
    store.add_trials([("taught", 0), ("plain", 0)])
    return store


def rows(store: Store, table: str) -> list[tuple]:
    return store.query(f"SELECT * FROM {table} ORDER BY 1, 2, 3, 4")


def test_trials_are_added_once_and_keep_their_status(tmp_path: Path) -> None:
    with make_store(tmp_path) as store:
        store.set_status(store.trial("plain", 0).id, "failed", "no reason")
        store.add_trials([("plain", 0), ("plain", 1)])
        assert [(row.name, row.status) for row in store.trials()] == [
            ("taught-seed0", "waiting"),
            ("plain-seed0", "failed"),
            ("plain-seed1", "waiting"),
        ]
        assert store.trial("plain", 0).message == "no reason"
        with pytest.raises(StoreError, match="it has: taught-seed0, plain-seed0, plain-seed1"):
            store.trial("plain", 7)


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with make_store(tmp_path) as store:

        def half() -> None:
            with store.transaction() as connection:
                connection.execute("INSERT INTO info VALUES ('half', '1')")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            half()
        assert "half" not in store.info()


def test_info_is_json(tmp_path: Path) -> None:
    with make_store(tmp_path) as store:
        store.set_info("machine", {"cores": 2, "name": "é"})
    with Store(tmp_path / "run.sqlite", read_only=True) as reader:
        assert reader.info()["machine"] == {"cores": 2, "name": "é"}
        assert reader.info()["schema_version"] == SCHEMA_VERSION
        with pytest.raises(StoreError, match="may write"):
            reader.set_info("machine", {})


def test_a_newer_store_is_refused_by_name(tmp_path: Path) -> None:
    make_store(tmp_path).close()
    connection = sqlite3.connect(tmp_path / "run.sqlite")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(StoreError, match=r"run\.sqlite was written by a newer Palaestra .* update Palaestra"):
        Store(tmp_path / "run.sqlite")


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_file_that_is_no_store_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run.sqlite").write_bytes(content)
    with pytest.raises(StoreError, match=r"run\.sqlite.*damaged or is no store"):
        Store(tmp_path / "run.sqlite")


def test_somebody_elses_database_is_left_alone(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "run.sqlite")
    connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    with pytest.raises(StoreError, match="something else"):
        Store(tmp_path / "run.sqlite")


def test_a_missing_store_and_a_missing_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not exist"):
        Store(tmp_path / "run.sqlite", read_only=True)
    with pytest.raises(StoreError, match=r"nowhere.*folder exists"):
        Store(tmp_path / "nowhere" / "run.sqlite")


WRITER = """
import sys
from pathlib import Path
from palaestra.recorder import TrialRecorder
from palaestra.store import Store
store = Store(Path(sys.argv[1]))
recorder = TrialRecorder(store, int(sys.argv[2]))
for iteration in range(40):
    recorder.metrics(iteration, 10 * iteration, {"a": iteration, "b": 1.0})
    recorder.commit(10 * iteration, 0.0)
"""


def test_processes_write_at_the_same_time(tmp_path: Path) -> None:
    with make_store(tmp_path) as store:
        writers = [
            subprocess.Popen([sys.executable, "-c", WRITER, str(store.path), str(row.id)]) for row in store.trials()
        ]
        assert [writer.wait() for writer in writers] == [0, 0]
        for row in store.trials():
            assert store.query("SELECT count(*), sum(value) FROM metrics WHERE trial = ?", (row.id,)) == [(80, 820.0)]
            assert row.steps == 390


FILLER = """
import resource, sys
from pathlib import Path
from palaestra.recorder import TrialRecorder
from palaestra.store import Store, StoreError
store = Store(Path(sys.argv[1]))
recorder = TrialRecorder(store, 1)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
for iteration in range(100_000):
    recorder.metrics(iteration, iteration, {f"name {k}": float(k) for k in range(50)})
    try:
        recorder.commit(iteration, 0.0)
    except StoreError as error:
        print(iteration, error)
        break
"""


def test_a_full_disk_is_a_named_error_and_loses_nothing(tmp_path: Path) -> None:
    make_store(tmp_path).close()
    filled = subprocess.run(
        [sys.executable, "-c", FILLER, str(tmp_path / "run.sqlite")], capture_output=True, text=True, check=True
    )
    iteration, _, message = filled.stdout.partition(" ")
    assert "make room on the disk" in message
    assert "run.sqlite" in message
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    with Store(tmp_path / "run.sqlite") as store:
        assert store.query("PRAGMA integrity_check") == [("ok",)]
        assert store.query("SELECT count(DISTINCT iteration), count(*) FROM metrics") == [
            (int(iteration), 50 * int(iteration))
        ]
        TrialRecorder(store, 1).commit(0, 0.0)


@pytest.mark.parametrize(("seconds_ago", "is_held"), [(60, True), (-60, True), (7200, False), (-7200, False)])
def test_a_claim_lapses_though_the_clock_was_set_back(tmp_path: Path, seconds_ago: float, is_held: bool) -> None:
    with make_store(tmp_path) as store:
        with store.transaction() as connection:
            made = time.time() - seconds_ago
            connection.execute("INSERT INTO claims VALUES ('teacher', 0, ?, ?)", (str(os.getppid()), made))
        assert claim(store, "teacher", 0) is not is_held


WRITES_WHEN_TOLD = """
import sys
from pathlib import Path
from palaestra.store import Store, StoreError
with Store(Path(sys.argv[1])) as store:
    store.event("before", "kept")
    print("ready", flush=True)
    input()
    for use in (lambda: store.event("after", "not kept"), store.trials):
        try:
            use()
        except StoreError as error:
            print(error, flush=True)
print("closed")
"""


def test_a_folder_that_becomes_read_only_is_a_named_error_and_loses_nothing(tmp_path: Path) -> None:
    make_store(tmp_path).close()
    # In a process of its own, which SQLite would end by SIGBUS.
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITES_WHEN_TOLD, str(tmp_path / "run.sqlite")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "ready\n"
    with read_only(tmp_path):
        said, _ = writer.communicate("\n")
    assert writer.returncode == 0
    *errors, last = said.splitlines()
    assert last == "closed"
    assert len(errors) == 2
    assert all("run.sqlite: attempt to write a readonly database; check that" in error for error in errors)
    with Store(tmp_path / "run.sqlite") as store:
        assert store.query("SELECT kind FROM events") == [("before",)]


def evaluation(success: bool) -> Evaluation:
    return Evaluation(np.array([1.0, 0.0]), np.array([3, 5], dtype=np.int32), np.array([success, False]))


def test_rolling_back_forgets_what_lies_beyond_and_only_of_this_trial(tmp_path: Path) -> None:
    with make_store(tmp_path) as store:
        for trial in (1, 2):
            recorder = TrialRecorder(store, trial)
            for iteration in range(4):
                recorder.metrics(iteration, 100 * iteration, {"loss": 0.5, "broken": float("nan")})
                recorder.evaluation(iteration, 100 * iteration, "alone", evaluation(True))
                recorder.event(iteration, "something", "happened")
            recorder.event(None, "always", "stays")
            recorder.commit(300, 2.0)
        before = store.query("SELECT * FROM metrics WHERE trial = 2")
        TrialRecorder(store, 1).roll_back(1, 100)
        assert store.query("SELECT DISTINCT iteration FROM metrics WHERE trial = 1") == [(0,), (1,)]
        assert store.query("SELECT iteration, success, return_mean, length_mean FROM evaluations WHERE trial = 1") == [
            (0, 0.5, 0.5, 4.0),
            (1, 0.5, 0.5, 4.0),
        ]
        kinds = store.query("SELECT kind, count(*) FROM events WHERE trial = 1 GROUP BY kind")
        assert kinds == [("always", 1), ("something", 2)]
        assert store.query("SELECT * FROM metrics WHERE trial = 2") == before
        assert store.query("SELECT DISTINCT value FROM metrics WHERE name = 'broken'") == [(None,)]


def test_lesson_progress_counts_how_far_episodes_got(tmp_path: Path) -> None:
    counts = LessonCounts.empty(3)
    counts.add(np.array([0, 0, 2]), np.array([True, False, False]), np.array([2, 1, 0]))
    counts.add(np.array([0]), np.array([True]), np.array([2]))
    with make_store(tmp_path) as store:
        recorder = TrialRecorder(store, 1)
        recorder.lesson_progress([10, 11, 12], [2, 2, 0], counts)
        recorder.commit(0, 0.0)
        assert store.query("SELECT level_seed, episodes, successes, subgoals, reached FROM lesson_progress") == [
            (10, 3, 2, 2, "[3, 3, 2]"),
            (12, 1, 0, 0, "[1, 0, 0]"),
        ]


def test_tensorboard_reads_what_was_recorded_and_drops_what_was_rolled_back(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with make_store(tmp_path) as store:
        recorder = TrialRecorder(store, 1, tmp_path / "events")
        for iteration in range(5):
            recorder.metrics(iteration, 100 * iteration, {"loss": iteration / 2})
        recorder.evaluation(4, 400, "alone", evaluation(True))
        recorder.commit(400, 1.0)
        recorder.close()
        again = TrialRecorder(store, 1, tmp_path / "events")
        again.roll_back(2, 200)
        again.metrics(3, 300, {"loss": 9.0})
        again.commit(300, 1.0)
        again.close()
    accumulator = EventAccumulator(str(tmp_path / "events"))
    accumulator.Reload()
    scalars = [(event.step, event.value) for event in accumulator.Scalars("loss")]
    assert scalars == [(0, 0.0), (100, 0.5), (200, 1.0), (300, 9.0)]
