"""Results of a study, a line of JSON each, written as they are made and gone on with later."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TextIO, TypeVar

from palaestra.holding import Held, holding

Case = TypeVar("Case")
Result = TypeVar("Result")
RESULTS = "results.jsonl"


class StudyError(RuntimeError):
    """A study's folder cannot be used; the message says why."""


def read_kept(path: Path, take: Callable[[dict[str, Any]], tuple[Case, Result] | None]) -> dict[Case, Result]:
    """The results in a file; a last line that was cut off is taken out of it.

    Args:
        path: of the file; there may be none.
        take: what a line says; None: it is a result of other settings. Raises ValueError, KeyError or TypeError for
            what is no result.

    Raises:
        StudyError: a line is no result.
    """
    if not path.is_file():
        return {}
    lines = path.read_text(encoding="utf-8").split("\n")
    if lines[-1]:
        path.write_text("".join(line + "\n" for line in lines[:-1]), encoding="utf-8")
    found: dict[Case, Result] = {}
    for number, line in enumerate(lines[:-1], start=1):
        try:
            taken = take(json.loads(line))
        except (ValueError, KeyError, TypeError) as error:
            raise StudyError(f"{path}, line {number}: is no result; delete it and run the study again") from error
        if taken is not None:
            found[taken[0]] = taken[1]
    return found


def keep(file: TextIO, row: dict[str, Any]) -> None:
    """Adds a result, and waits until the disk has it."""
    file.write(json.dumps(row) + "\n")
    file.flush()
    os.fsync(file.fileno())


def made(folder: Path, part: str) -> Path:
    """A folder of a study with a part in it, made where they are missing; gives the study's.

    Raises:
        StudyError: it cannot be made.
    """
    try:
        (folder / part).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StudyError(f"{folder}: cannot be made: {error.strerror}") from error
    return folder


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Inside, no other process works on the study in a folder.

    Raises:
        StudyError: one does, or the folder cannot be written to.
    """
    path = folder / ".study.lock"
    with ExitStack() as stack:
        try:
            stack.enter_context(holding(path))
        except OSError as error:
            raise StudyError(f"{path} cannot be opened: {error.strerror}; check that you may write there") from error
        except Held as holder:
            raise StudyError(
                f"the study in {folder} is being worked on by process {holder}; wait for it or end it"
            ) from None
        yield
