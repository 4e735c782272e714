"""What the command line says when something goes wrong, and the exit code it ends with."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130

DEBUG = "PALAESTRA_DEBUG"
"""Set to 1 (as `--debug` does) to see the traceback of every error."""

_EXPECTED = (
    ("palaestra.cli.errors", "CommandError", BAD_INPUT),
    ("palaestra.spec", "SpecError", BAD_INPUT),
    ("palaestra.run", "RunError", BAD_INPUT),
    ("palaestra.checkpoint", "CheckpointError", BAD_INPUT),
    ("palaestra.watch", "WatchError", BAD_INPUT),
    ("palaestra_worlds.registry", "UnknownName", BAD_INPUT),
    ("palaestra_worlds.base", "TaskError", BAD_INPUT),
    ("palaestra.asking", "TeacherSettingsError", BAD_INPUT),
    ("palaestra.store", "StoreError", FAILED),
    ("palaestra_agents.groups", "GroupError", FAILED),
    ("palaestra.asking", "LessonError", FAILED),
    ("palaestra_worlds.registry", "BrokenPlugin", FAILED),
    ("palaestra_teachers.base", "TeacherUnavailable", FAILED),
)
"""Errors whose message says all that a user needs: module, class, exit code."""


class CommandError(RuntimeError):
    """A command cannot do what it was asked to; the message says what is wrong and what to do."""


@contextmanager
def refusing(*kinds: type[Exception]) -> Iterator[None]:
    """Inside, errors of these kinds are the input's fault: their message is a full sentence for the user."""
    try:
        yield
    except kinds as error:
        raise CommandError(str(error)) from error


@contextmanager
def explain_errors() -> Iterator[None]:
    """Turns errors into one line on stderr and an exit code."""
    try:
        yield
    except Exception as error:
        if os.environ.get(DEBUG, "") not in ("", "0"):
            import traceback

            traceback.print_exc()
        usage = _usage_error(error)
        if usage is not None:
            if usage:
                print(f"palaestra: {usage}", file=sys.stderr)
            sys.exit(BAD_INPUT)
        code = expected_exit_code(error)
        if code is None:
            print(_unexpected(error), file=sys.stderr)
            sys.exit(FAILED)
        print(f"palaestra: {error}", file=sys.stderr)
        sys.exit(code)


def _usage_error(error: Exception) -> str | None:
    """What is wrong with the arguments, "" where the help was shown because there are none; None for other errors."""
    import typer

    # Typer brings click's exceptions along, but exports only the most special one.
    kind: Any = typer.BadParameter.__bases__[0]
    if not isinstance(error, kind):
        return None
    wrong: Any = error
    if type(error).__name__ == "NoArgsIsHelpError":
        return ""
    said = " ".join(wrong.format_message().split()).removesuffix(".").replace("Value error, ", "")
    return f"{said[:1].lower()}{said[1:]}; see {wrong.ctx.command_path if wrong.ctx else 'palaestra'} --help"


def expected_exit_code(error: BaseException) -> int | None:
    """The exit code for an error that explains itself; None for any other."""
    for module, name, code in _EXPECTED:
        # A module that is not loaded has raised nothing, and loading it may take seconds.
        kind = getattr(sys.modules.get(module), name, None)
        if kind is not None and isinstance(error, kind):
            return code
    return None


def _unexpected(error: Exception) -> str:
    import tempfile
    import traceback

    what = f"palaestra: unexpected {type(error).__name__}: {error}"
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="palaestra-error-", suffix=".txt", delete=False, encoding="utf-8"
        ) as file:
            file.write("".join(traceback.format_exception(error)))
    except OSError:
        return f"{what}; repeat the command with --debug before it for the traceback"
    return f"{what}; the traceback is in {file.name} (this is a fault of Palaestra or of a plug-in)"
