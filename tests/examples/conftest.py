"""The package of examples/oni, installed as a user would."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ONI = Path(__file__).parents[2] / "examples" / "oni"


@pytest.fixture(scope="session")
def oni_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which it is installed."""
    folder = tmp_path_factory.mktemp("oni")
    # Building leaves files beside the sources.
    shutil.copytree(ONI, folder / "oni", ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    offline = ("--quiet", "--no-deps", "--no-index", "--no-build-isolation")
    pip = [sys.executable, "-m", "pip", "install", *offline, "--target", folder / "site", folder / "oni"]
    subprocess.run(pip, check=True, timeout=120)
    return folder / "site"
