"""A study's results are lines of a file that a full disk, or a process that dies, takes none of."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from palaestra.kept import RESULTS, StudyError, complete, keep, read_results, working_in
from palaestra.store import StoreError


@dataclass(frozen=True)
class Case:
    number: int


@dataclass
class Found:
    text: str
    unanswered: bool = False


def settings(case: Case) -> str | None:
    return "now" if case.number < 10 else None


def results(folder: Path) -> dict[Case, Found]:
    return read_results(folder, Case, settings, lambda row: Found(**row))


def study(folder: Path, *answers: Found | None) -> dict[Case, Found]:
    """Does cases 0, 1, ..., which come to these results; gives what was done now."""
    told: dict[Case, Found] = {}
    with working_in(folder):
        complete(
            folder,
            [Case(number) for number in range(len(answers))],
            results(folder),
            settings,
            lambda case: answers[case.number],
            lambda: False,
            told.__setitem__,
        )
    return told


def test_a_case_is_done_until_there_is_a_result_of_it(tmp_path: Path) -> None:
    one, silent, three = Found("one"), Found("", unanswered=True), Found("three")
    assert study(tmp_path, one, silent, None, three) == {Case(0): one, Case(1): silent}
    assert results(tmp_path) == {Case(0): one}
    assert study(tmp_path, Found("another"), Found("two"), three) == {Case(1): Found("two"), Case(2): three}
    assert [found.text for found in results(tmp_path).values()] == ["one", "two", "three"]


def test_results_of_other_settings_and_cases_do_not_count(tmp_path: Path) -> None:
    study(tmp_path, Found("one"))
    keep(tmp_path / RESULTS, {"number": 1, "settings": "before", "text": "old", "unanswered": False})
    keep(tmp_path / RESULTS, {"number": 11, "settings": "now", "text": "none of these", "unanswered": False})
    assert results(tmp_path) == {Case(0): Found("one")}
    keep(tmp_path / RESULTS, {"number": 2})
    with pytest.raises(StudyError, match=r"results\.jsonl, line 4: is no result; delete it"):
        results(tmp_path)


FULL = """
import resource, signal, sys
from pathlib import Path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
from palaestra.kept import keep, read_kept
from palaestra.store import StoreError
path = Path(sys.argv[1])
print(len(read_kept(path, lambda row: (row["number"], row))))
try:
    keep(path, {"number": 99, "text": "long " * 100})
except StoreError as error:
    print(error)
"""


def on_a_full_disk(path: Path) -> Any:
    """What is said where nothing more can be written, and a line has been begun."""
    with path.open("a", encoding="utf-8") as file:
        file.write('{"number": 3, "te')
    done = subprocess.run(
        [sys.executable, "-c", FULL, path, str(path.stat().st_size)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_full_disk_takes_nothing_of_what_was_kept(tmp_path: Path) -> None:
    study(tmp_path, Found("one"), Found("two"))
    path = tmp_path / RESULTS
    for _ in range(2):
        count, said = on_a_full_disk(path)
        assert count == "2"
        assert said.startswith(f"{path} could not be written: File too large; make room on the disk")
        assert said.endswith("then give the same command again: it goes on after what was done, which is kept")
    assert study(tmp_path, Found(""), Found(""), Found("three")) == {Case(2): Found("three")}
    assert [json.loads(line)["text"] for line in path.read_text().splitlines()] == ["one", "two", "three"]


def test_a_result_that_cannot_be_kept_ends_the_study(tmp_path: Path) -> None:
    (tmp_path / RESULTS).mkdir()
    with pytest.raises(StoreError, match=r"results\.jsonl could not be written: Is a directory"):
        study(tmp_path, Found("one"))
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(StudyError, match=r"file/study cannot be made: Not a directory"):
        study(file / "study", Found("one"))
