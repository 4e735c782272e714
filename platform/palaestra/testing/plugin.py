"""Options for pytest that choose what the contracts are checked of: `pytest -p palaestra.testing.plugin`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from palaestra_worlds.registry import UnknownName

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


def pytest_configure(config: pytest.Config) -> None:
    """A name that is mistyped is said before anything is collected."""
    chosen = subject(config)
    if chosen is not None:
        cases_of(chosen, config)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """The contracts of other kinds than the chosen one are left out."""
    chosen = subject(config)
    if chosen is None or collection_path.parent != Path(__file__).parent or collection_path.suffix != ".py":
        return None
    return True if collection_path.name != f"test_{chosen}s.py" else None


def cases_of(kind: str, config: pytest.Config) -> list[Any]:
    """What a contract is checked of.

    Raises:
        pytest.UsageError: what was chosen does not exist, or its settings are no mapping.
    """
    from palaestra.testing import cases

    def option(name: str) -> str | None:
        return config.getoption(name, None)

    settings = _mapping("--settings", option("--settings"))
    try:
        if kind == "world":
            return cases.worlds(option("--world"), settings)
        if kind == "teacher":
            return cases.teachers(
                option("--teacher"), settings, option("--world"), _mapping("--model", option("--model"))
            )
        if kind == "agent":
            return cases.agents(option("--agent"), settings, option("--world"))
        return cases.models(option("--language-model"), settings)
    except UnknownName as error:
        raise pytest.UsageError(str(error)) from None


def _mapping(option: str, text: str | None) -> dict[str, Any]:
    try:
        value = yaml.safe_load(text or "{}")
    except yaml.YAMLError as error:
        raise pytest.UsageError(f"{option} is no YAML: {error}") from None
    if not isinstance(value, dict):
        raise pytest.UsageError(f"{option} must be a mapping, e.g. '{{key: value}}', not {text!r}")
    return value
