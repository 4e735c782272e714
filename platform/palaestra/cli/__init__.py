"""The command line: `palaestra run|resume|eval|compare|report|watch|list|ask|export|bench`."""

from __future__ import annotations

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script; `arguments` are those of the process unless given. Ends in SystemExit.

    Exit codes: 0: done; 1: something failed; 2: the input cannot be used; 130: stopped by Ctrl-C or SIGTERM.
    """
    import sys

    from palaestra.cli.errors import explain_errors

    with explain_errors():
        from palaestra.cli.app import app

        sys.exit(app(args=arguments, prog_name="palaestra", standalone_mode=False))
