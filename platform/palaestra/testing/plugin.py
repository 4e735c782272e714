"""Options for pytest that choose what the contracts are checked of: `pytest -p palaestra.testing.plugin`."""

from __future__ import annotations

from pathlib import Path

import pytest

SUBJECTS = {"--teacher": "teacher", "--agent": "agent", "--language-model": "model", "--world": "world"}
"""By option, which contract is checked; of several options it is the first of these."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("palaestra", "Palaestra's contracts")
    group.addoption("--teacher", metavar="NAME", help="Check this teacher.")
    group.addoption("--agent", metavar="KIND", help="Check this agent.")
    group.addoption("--language-model", metavar="NAME", help="Check this language model.")
    group.addoption(
        "--world", metavar="ID", help="Check this world; with --teacher or --agent: check them in this world."
    )
    group.addoption(
        "--settings", metavar="YAML", help="Settings of what is checked, as in a run's YAML, e.g. '{gamma: 0.9}'."
    )
    group.addoption("--model", metavar="YAML", help="With --teacher: its language model, e.g. '{backend: scripted}'.")


def subject(config: pytest.Config) -> str | None:
    """What was chosen to be checked; None: everything that is installed."""
    return next((kind for option, kind in SUBJECTS.items() if config.getoption(option, None)), None)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """The contracts of other kinds than the chosen one are left out."""
    chosen = subject(config)
    if chosen is None or collection_path.parent != Path(__file__).parent or collection_path.suffix != ".py":
        return None
    return True if collection_path.name != f"test_{chosen}s.py" else None
