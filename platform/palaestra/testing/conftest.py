"""Each contract is checked of everything of its kind that is installed, or of what was chosen."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from palaestra_worlds.registry import UnknownName

from palaestra.testing import cases


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for kind in ("world", "teacher", "agent", "model"):
        name = f"{kind}_case"
        if name in metafunc.fixturenames:
            cases = _cases(kind, metafunc.config)
            metafunc.parametrize(name, cases, ids=[case.id for case in cases], scope="module")


def _cases(kind: str, config: pytest.Config) -> list[Any]:
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
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)


def _mapping(option: str, text: str | None) -> dict[str, Any]:
    try:
        value = yaml.safe_load(text or "{}")
    except yaml.YAMLError as error:
        pytest.exit(f"{option} is no YAML: {error}", returncode=pytest.ExitCode.USAGE_ERROR)
    if not isinstance(value, dict):
        pytest.exit(
            f"{option} must be a mapping, e.g. '{{key: value}}', not {text!r}", returncode=pytest.ExitCode.USAGE_ERROR
        )
    return value
