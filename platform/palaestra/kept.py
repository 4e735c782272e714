"""Results of a study, a line of JSON each, written as they are made and gone on with later."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Protocol, TypeVar

from palaestra import checkpoint
from palaestra.holding import Held, holding

Case = TypeVar("Case")
RESULTS = "results.jsonl"


class StudyError(RuntimeError):
    """A study's folder cannot be used; the message says why."""


class Answered(Protocol):
    """A result, a dataclass: of a case in which the model gave no reply it says nothing, and is not kept."""

    @property
    def unanswered(self) -> bool: ...


Result = TypeVar("Result")
Found = TypeVar("Found", bound=Answered)


def writing(path: Path) -> AbstractContextManager[None]:
    """Raises StoreError, with what to do, where something inside cannot be written."""
    return checkpoint.writing(path, "give the same command again: it goes on after what was done, which is kept")


def read_kept(path: Path, take: Callable[[dict[str, Any]], tuple[Case, Result] | None]) -> dict[Case, Result]:
    """The results in a file; a last line that was cut off is taken out of it.

    Args:
        path: of the file; there may be none.
        take: what a line says; None: it is a result of other settings. Raises ValueError, KeyError or TypeError for
            what is no result.

    Raises:
        StudyError: a line is no result.
        StoreError: the line that was cut off cannot be taken out.
    """
    if not path.is_file():
        return {}
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        with writing(path):
            os.truncate(path, whole)
    found: dict[Case, Result] = {}
    for number, line in enumerate(data[:whole].split(b"\n")[:-1], start=1):
        try:
            taken = take(json.loads(line))
        except (ValueError, KeyError, TypeError) as error:
            raise StudyError(f"{path}, line {number}: is no result; delete it and run the study again") from error
        if taken is not None:
            found[taken[0]] = taken[1]
    return found


def keep(path: Path, row: dict[str, Any]) -> None:
    """Adds a result to a file, and waits until the disk has it.

    Raises:
        StoreError: it cannot be written.
    """
    with writing(path), path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_results(
    folder: Path,
    kind: Callable[..., Case],
    settings: Callable[[Case], str | None],
    result: Callable[[dict[str, Any]], Result],
) -> dict[Case, Result]:
    """The results in a study's folder, see `complete`, of the settings that its cases have now.

    Args:
        folder: of the study.
        kind: dataclass of its cases.
        settings: of all that a case's result depends on; None: it is no case of the study any more.
        result: that a line holds, without its case.

    Raises:
        StudyError: a line is no result.
        StoreError: a last line that was cut off cannot be taken out.
    """
    names = [field.name for field in fields(kind)]  # pyright: ignore[reportArgumentType]

    def take(row: dict[str, Any]) -> tuple[Case, Result] | None:
        case = kind(**{name: row.pop(name) for name in names})
        made_with, found = row.pop("settings"), result(row)
        return (case, found) if made_with == settings(case) else None

    return read_kept(folder / RESULTS, take)


def complete(
    folder: Path,
    wanted: Iterable[Case],
    done: dict[Case, Found],
    settings: Callable[[Case], str | None],
    make: Callable[[Case], Found | None],
    stop: Callable[[], bool],
    tell: Callable[[Case, Found], None],
) -> dict[Case, Found]:
    """Makes the results that are missing, and keeps each as it is made.

    Args:
        folder: of the study, which this process works in.
        wanted: cases, dataclasses, in the order in which they are done.
        done: the results that there are; new ones are added.
        settings: of all that a case's result depends on.
        make: does a case; None: it was stopped, and is to be done again.
        stop: asked before each.
        tell: is told of each.

    Returns:
        `done`.

    Raises:
        StoreError: a result cannot be kept.
    """
    for case in wanted:
        if case in done:
            continue
        found = None if stop() else make(case)
        if found is None:
            break
        done[case] = found
        if not found.unanswered:
            made_with: Any = {"settings": settings(case)}
            keep(folder / RESULTS, asdict(case) | made_with | asdict(found))  # pyright: ignore[reportArgumentType]
        tell(case, found)
    return done


@contextmanager
def working_in(folder: Path, part: str = ".") -> Iterator[None]:
    """Inside, no other process works on the study in a folder, which is made where it is missing, with a part in it.

    Raises:
        StudyError: one does, or the folder cannot be made or written to.
    """
    path = folder / ".study.lock"
    with ExitStack() as stack:
        try:
            (folder / part).mkdir(parents=True, exist_ok=True)
            stack.enter_context(holding(path))
        except OSError as error:
            raise StudyError(
                f"{error.filename or path} cannot be made: {error.strerror}; make room on the disk or check that you "
                "may write there, then give the same command again: what was done before is kept"
            ) from error
        except Held as holder:
            raise StudyError(
                f"the study in {folder} is being worked on by process {holder}; wait for it or end it"
            ) from None
        yield
