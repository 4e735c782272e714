"""The documentation is true: its examples run, its commands exist, its links lead somewhere."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
from palaestra.spec import load_spec
from palaestra.store import Store

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BASE = """
world: {id: MiniGrid-DoorKey-5x5-v0}
budget: {steps: 100_000}
"""


@dataclass(frozen=True)
class Block:
    """A fenced block; `file` is the second word behind the fence, a path, or empty."""

    page: Path
    line: int
    language: str
    file: str
    text: str

    @property
    def id(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in re.finditer(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(page, line, found[1], found[2] or "", found[3])


BLOCKS = [block for page in PAGES for block in blocks(page)]


def chosen(language: str) -> list[Block]:
    return [block for block in BLOCKS if block.language == language]


def write_files(page: Path, folder: Path) -> None:
    """The files that a page shows."""
    for block in blocks(page):
        if block.file:
            path = folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")


@pytest.mark.parametrize("block", [b for b in chosen("yaml") if not b.file.startswith("toys/")], ids=lambda b: b.id)
def test_yaml_is_a_spec_or_a_part_of_one(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "unused")
    write_files(block.page, tmp_path)
    (tmp_path / "base.yaml").write_text(BASE, encoding="utf-8")
    path = tmp_path / (block.file or "part.yaml")
    path.write_text(block.text if block.file else f"extends: base.yaml\n{block.text}", encoding="utf-8")
    assert load_spec(path).arms


@pytest.mark.parametrize("block", [b for b in chosen("python") if not b.file], ids=lambda b: b.id)
def test_python_runs(block: Block, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", block.text], cwd=tmp_path, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", chosen("sh"), ids=lambda b: b.id)
def test_commands_exist_with_their_options(block: Block) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for line in block.text.splitlines():
        program, *words = shlex.split(line.partition(" > ")[0])
        if program == "make":
            assert words, "which target?"
            assert words[0] in targets
        elif program == "palaestra":
            parse(words)
        else:
            assert f"{program} {words[0]}" in ("pip install", "source .venv/bin/activate"), f"nobody checks: {line}"


def parse(words: list[str]) -> None:
    """Has the command line's own parser read the words, without running anything."""
    from palaestra.cli.app import app

    command: Any = typer.main.get_command(app)
    context = None
    while hasattr(command, "get_command"):
        context = command.make_context("palaestra", [words[0]], parent=context)
        name, command, words = words[0], command.get_command(context, words[0]), words[1:]
        assert command is not None, f"there is no command '{name}'"
    command.make_context(name, words, parent=context)


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{target} does not exist"
        assert not anchor or anchor in anchors(there), f"{target}: there is no such heading"


def test_reference_of_specs_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import spec_reference; print(spec_reference.reference(), end='')"],
        cwd=ROOT / "docs",
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert (ROOT / "docs" / "spec.md").read_text(encoding="utf-8") == done.stdout, "run `make docs`"


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of plugins.md, installed in `site/`, and its curriculum."""
    folder = tmp_path_factory.mktemp("plugins")
    write_files(ROOT / "docs" / "plugins.md", folder)
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*install, "--target", folder / "site", "./toys"], cwd=folder, check=True, timeout=120)
    return folder


def run_with(toys: Path, *words: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(toys / "site"), "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-m", "palaestra.cli", *words],
        cwd=toys,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_example_plugins_are_listed(toys: Path) -> None:
    listed = run_with(toys, "list")
    for name in ("near-first", "table", "constant"):
        assert name in listed


def test_example_plugins_train_and_a_taught_arm_learns_what_an_untaught_does_not(toys: Path) -> None:
    run_with(toys, "run", "toys/corridor.yaml", "--quiet")
    folder = next((toys / "runs").iterdir())
    with Store(folder / "run.sqlite", read_only=True) as store:
        rows = store.query(
            "SELECT arm, success FROM evaluations JOIN trials ON trials.id = trial WHERE mode = 'alone' ORDER BY step"
        )
    last = dict(rows)
    assert last["scripted"] > 0.9
    assert last["alone"] < 0.3
    assert (folder / "report.html").is_file()
