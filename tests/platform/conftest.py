"""The command line, called in this process."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

import pytest
from palaestra.cli import main


@dataclass(frozen=True)
class Result:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The only line on stderr of a command that failed as it should."""
        assert self.code != 0, self
        assert "Traceback" not in self.err + self.out
        assert self.err.endswith("\n"), self
        assert self.err.count("\n") == 1, self.err
        return self.err


def run_command(*arguments: object) -> Result:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    code = ended.value.code
    return Result(code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def cli() -> Callable[..., Result]:
    """`cli("run", "spec.yaml")` is `palaestra run spec.yaml`, without a terminal."""
    return run_command
