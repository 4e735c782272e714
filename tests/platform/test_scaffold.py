"""`palaestra new`: what it writes installs, is tested and runs as it is; names that cannot be used are refused."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from palaestra.scaffold import KINDS, Package, ScaffoldError
from palaestra.store import Store

PACKAGES = ("palaestra", "palaestra_worlds", "palaestra_teachers", "palaestra_agents")
SHORT = ("budget.steps=2048", "evaluation.every=2048", "evaluation.episodes=8")
LEVELS = 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a user called `palaestra new` once for each kind."""
    folder = tmp_path_factory.mktemp("new")
    for kind in KINDS:
        command(sys.executable, folder, "-m", "palaestra", "new", kind, f"my-{kind}")
    return folder


@pytest.fixture(scope="module")
def python(folder: Path) -> Path:
    """The interpreter of a new environment with the packages; all else is lent by the environment of this test."""
    command(sys.executable, folder, "-m", "venv", "--without-pip", "environment")
    python = folder / "environment" / "bin" / "python"
    site = Path(command(python, folder, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    lent = {str(Path(str(import_module(name).__file__)).parents[1]) for name in PACKAGES}
    lent |= {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site / "lent.pth").write_text("".join(f"{path}\n" for path in sorted(lent)))
    # Without build isolation, which would download setuptools.
    offline = ("--quiet", "--no-deps", "--no-index", "--no-build-isolation")
    new = [f"./my-{kind}" for kind in KINDS]
    command(sys.executable, folder, "-m", "pip", "--python", python, "install", *offline, *new)
    return python


def command(python: Path | str, folder: Path, *words: Any) -> str:
    """Runs Python in a folder; what it printed."""
    done = subprocess.run(
        [str(word) for word in (python, *words)], cwd=folder, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, f"{words} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_what_is_written_is_listed_once_it_is_installed(folder: Path, python: Path) -> None:
    code = (
        "from palaestra.plugins import installed; found = installed();"
        "print(*(p.name for p in [*found.worlds, *found.teachers, *found.agents, *found.models]), found.broken)"
    )
    listed = command(python, folder, "-c", code)
    assert all(f"my-{kind} " in listed for kind in KINDS)
    assert listed.endswith("[]\n")


def test_its_tests_pass(folder: Path, python: Path) -> None:
    told = command(python, folder, "-m", "pytest", "-q", *(f"my-{kind}" for kind in KINDS))
    assert "7 passed" in told


@pytest.mark.parametrize("kind", KINDS)
def test_its_curriculum_runs(folder: Path, python: Path, kind: str) -> None:
    taught = kind in ("teacher", "language-model")
    changes = [*SHORT, *((f"teacher.levels={LEVELS}",) if taught else ())]
    command(
        python,
        folder,
        "-m",
        "palaestra",
        "run",
        f"my-{kind}/my-{kind}.yaml",
        "--quiet",
        "--jobs=1",
        *(f"--set={c}" for c in changes),
    )
    (run,) = (folder / "runs").glob(f"my-{kind}-*")
    with Store(run / "run.sqlite", read_only=True) as store:
        assert {trial.status for trial in store.trials()} == {"done"}
        lessons = store.query("SELECT count(*), sum(state = 'kept') FROM lessons")
        assert store.query("SELECT kind FROM events") == []
    # A language model's levels are taught by two arms.
    assert lessons == {"teacher": [(LEVELS, LEVELS)], "language-model": [(2 * LEVELS, 2 * LEVELS)]}.get(
        kind, [(0, None)]
    )


@pytest.mark.parametrize("name", ["b", "teaches-28-letters-and-no-more"])
def test_what_is_written_is_as_ruff_wants_it(tmp_path: Path, name: str) -> None:
    for kind in KINDS:
        Package(kind, name).write(tmp_path / kind)
        ruff = (sys.executable, tmp_path / kind, "-m", "ruff")
        command(*ruff, "check", "--quiet", "--no-cache", ".")
        command(*ruff, "format", "--check", "--no-cache", ".")


def test_it_says_how_to_go_on(cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told = cli("new", "agent", "wanderer", "--folder", "plugins/first")
    assert told.code == 0
    assert told.out.splitlines()[1:] == [
        "  pip install -e plugins/first",
        "  pytest plugins/first",
        "  palaestra run plugins/first/wanderer.yaml",
    ]
    again = cli("new", "agent", "wanderer", "--folder", "plugins/first")
    assert (again.code, again.out) == (2, "")
    assert again.err.startswith("palaestra: plugins/first exists and is not empty; name another with --folder")


@pytest.mark.parametrize(
    ("kind", "name", "says"),
    [
        ("teacher", "My Teacher", "lower-case letters and digits.* e.g. 'my-teacher'"),
        ("teacher", "FarthestDoor", "e.g. 'farthest-door'"),
        ("teacher", "../up", "e.g. 'up'"),
        ("teacher", "-x", "e.g. 'x'"),
        ("teacher", "é", "cannot be the name of a package"),
        ("teacher", "a" * 31, "longer than 30 characters"),
        ("teacher", "subgoals", "taken, by the teacher of package 'palaestra'"),
        ("agent", "json", "Python itself has something called 'json'"),
        ("agent", "class", "Python itself"),
        ("agent", "torch", "a package 'torch' is installed already"),
        ("agent", "palaestra-worlds", "a module 'palaestra_worlds' is installed already"),
        ("world", "minigrid", "taken, by the world of package 'palaestra'"),
    ],
)
def test_names_that_cannot_be_used_are_refused(kind: Any, name: str, says: str) -> None:
    with pytest.raises(ScaffoldError, match=says):
        Package(kind, name)
