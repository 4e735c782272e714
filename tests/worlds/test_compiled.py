"""Compiled code is kept as long as the sources that it was made from, and no longer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from palaestra_worlds import compiled

SOURCES = {
    "base.py": "SHARED = 1\n",
    "maze/engine.py": "from palaestra_worlds.maze.rules import MOVES\n",
    "maze/rules.py": "from palaestra_worlds.base import SHARED\n",
    "field/engine.py": "from palaestra_worlds.draws import draw\n",
    "draws.py": "import palaestra_worlds.base\n",
    "robots.py": "from palaestra_worlds.field.engine import step\n",
}


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    root = tmp_path / "palaestra_worlds"
    for name, text in SOURCES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    monkeypatch.setattr(compiled, "ROOT", root)
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    compiled.cache_folder.cache_clear()
    yield root
    compiled.cache_folder.cache_clear()


@pytest.mark.parametrize(
    ("changed", "stale"),
    [
        ("maze/rules.py", {"maze.engine", "elsewhere"}),
        ("draws.py", {"field.engine", "robots", "elsewhere"}),
        ("base.py", {"maze.engine", "field.engine", "robots", "elsewhere"}),
        ("robots.py", {"robots", "elsewhere"}),
    ],
)
def test_a_change_makes_stale_what_depends_on_it(sources: Path, changed: str, stale: set[str]) -> None:
    modules = {name: f"palaestra_worlds.{name}" for name in ("maze.engine", "field.engine", "robots")}
    modules["elsewhere"] = "somebodys_world.engine"
    before = {name: compiled.cache_folder(module) for name, module in modules.items()}
    compiled.cache_folder.cache_clear()
    assert {name: compiled.cache_folder(module) for name, module in modules.items()} == before
    (sources / changed).write_text(SOURCES[changed] + "# changed\n")
    compiled.cache_folder.cache_clear()
    after = {name: compiled.cache_folder(module) for name, module in modules.items()}
    assert {name for name in modules if after[name] != before[name]} == stale


def test_the_users_own_folder_is_taken(sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "own"))
    assert compiled.cache_folder("palaestra_worlds.maze.engine") == tmp_path / "own"
