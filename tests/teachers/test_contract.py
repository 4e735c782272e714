"""The contract of language models, of those that need more than their name: an endpoint, a folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from palaestra.testing.cases import ModelCase
from palaestra.testing.test_models import *  # noqa: F403  its tests, with the cases below
from palaestra_teachers.llm.untrained import make_untrained_model

from .conftest import KEY_VARIABLE
from .server import ScriptedServer, say

NEEDY = ("cache", "local", "openai")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    metafunc.parametrize("model_case", NEEDY, indirect=True)


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_untrained_model(tmp_path_factory.mktemp("untrained"))


@pytest.fixture
def model_case(request: pytest.FixtureRequest, server: ScriptedServer, untrained: Path, tmp_path: Path) -> ModelCase:
    server.acts = [say('{"x": 1}')]
    settings = {
        "cache": {"folder": str(tmp_path)},
        "local": {"folder": str(untrained), "device": "cpu"},
        "openai": {"base_url": server.url, "model": "test-model", "api_key_env": KEY_VARIABLE},
    }
    return ModelCase(request.param, settings[request.param], chosen=True)
