"""The package as others get it: a wheel in an environment of its own, run from another folder."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = ("platform", "worlds", "teachers", "agents", "configs")
FILES = ("setup.py", "pyproject.toml", "MANIFEST.in", "constraints.txt", "Makefile", "README.md", "LICENSE")
LEFTOVERS = ("__pycache__", "*.egg-info", "*.pyc", "*.nbi", "*.nbc")


def succeed(command: Sequence[str | Path], folder: Path, timeout: float = 280) -> str:
    """Runs a command in a folder; what it printed. Its error output is the message if it fails."""
    done = subprocess.run([str(c) for c in command], cwd=folder, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources, so that building leaves nothing in the work tree."""
    folder = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns(*LEFTOVERS))
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution, which is built from the sources: so both are complete."""
    folder = tmp_path_factory.mktemp("dist")
    succeed([sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, source], source)
    return next(folder.glob("palaestra-*.whl"))


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel; what Palaestra depends on is lent by the environment of this test.

    A path file does not process the path files of the folder that it names: so an editable installation of Palaestra
    in the lending environment stays out.
    """
    folder = tmp_path_factory.mktemp("environment")
    succeed([sys.executable, "-m", "venv", "--without-pip", folder], ROOT)
    python = folder / "bin" / "python"
    succeed([sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel], ROOT)
    own = Path(succeed([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], folder).strip())
    lent = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (own / "lent.pth").write_text("".join(f"{path}\n" for path in sorted(lent)))
    return folder


def test_wheel_carries_every_file_of_the_four_packages_and_the_configs(source: Path, wheel: Path) -> None:
    # A root's README.md, beside the package, is a map for readers of the sources.
    expected = {
        path.relative_to(source / root).as_posix()
        for root in ("platform", "worlds", "teachers", "agents")
        for path in (source / root).glob("palaestra*/**/*")
        if path.is_file()
    }
    expected |= {f"palaestra/{p.relative_to(source).as_posix()}" for p in (source / "configs").rglob("*.yaml")}
    carried = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert carried == expected
    for package in ("palaestra", "palaestra_worlds", "palaestra_teachers", "palaestra_agents"):
        assert f"{package}/py.typed" in carried


def test_environment_imports_the_wheel_and_not_the_sources(environment: Path, tmp_path: Path) -> None:
    code = (
        "import json, palaestra, palaestra_worlds, palaestra_teachers, palaestra_agents;"
        "print(json.dumps([m.__file__ for m in (palaestra, palaestra_worlds, palaestra_teachers, palaestra_agents)]))"
    )
    files = json.loads(succeed([environment / "bin" / "python", "-c", code], tmp_path))
    assert all(Path(file).is_relative_to(environment) for file in files)


def test_command_line_lists_what_came_with_the_wheel(environment: Path, tmp_path: Path) -> None:
    palaestra = environment / "bin" / "palaestra"
    assert "MiniGrid-KeyCorridorS3R3-v0" in succeed([palaestra, "list", "worlds"], tmp_path)
    assert "beacons/main" in succeed([palaestra, "list", "configs"], tmp_path)


def test_command_line_trains_from_another_folder_and_reports(environment: Path, tmp_path: Path) -> None:
    changes = ("budget.steps=4096", "seeds=1", "evaluation.every=4096", "evaluation.episodes=8")
    # One trial at a time: the second then finds the engine compiled by the first.
    command = [environment / "bin" / "palaestra", "run", "beacons/doorkey-quick", "--jobs", "1"]
    printed = succeed([*command, *(part for change in changes for part in ("--set", change))], tmp_path)
    reports = list((tmp_path / "runs").glob("*/report.html"))
    assert len(reports) == 1
    assert reports[0].read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert str(reports[0].relative_to(tmp_path)) in printed.replace("\n", "")


def test_the_folder_named_platform_leaves_the_standard_library_alone() -> None:
    assert not (ROOT / "platform" / "__init__.py").exists()
    found = succeed([sys.executable, "-c", "import platform; print(platform.__file__)"], ROOT).strip()
    assert Path(found).is_relative_to(sysconfig.get_path("stdlib"))


def test_the_loop_loads_no_plotting_no_logging_and_no_language_model_library() -> None:
    code = (
        "import sys, palaestra.curriculum, palaestra.trials, palaestra.lessons, palaestra.evaluation,"
        " palaestra_agents.ppo, palaestra_worlds.minigrid, palaestra_teachers.subgoals.teacher;"
        "print(*{'matplotlib', 'openai', 'tensorboard', 'rich', 'typer'} & set(sys.modules))"
    )
    assert succeed([sys.executable, "-c", code], ROOT).split() == []
