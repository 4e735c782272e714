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
from palaestra.cli.specs import find_spec
from palaestra.spec import load_spec
from palaestra.store import Store
from palaestra.sweep.spec import load_sweep
from torch.distributed.run import get_args_parser as torchrun_parser

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "examples").rglob("*.md"))]
PLUGINS = ("near-first/", "farthest-door/", "examples/")
"""Folders of packages that pages show; their specs need them installed."""
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


def is_sweep(block: Block) -> bool:
    return block.file.endswith("sweep.yaml")


@pytest.mark.parametrize("block", [b for b in chosen("yaml") if is_sweep(b)], ids=lambda b: b.id)
def test_yaml_is_a_sweep(block: Block, tmp_path: Path) -> None:
    write_files(block.page, tmp_path)
    assert load_sweep(tmp_path / block.file, find_spec).trials


@pytest.mark.parametrize(
    "block",
    [b for b in chosen("yaml") if not b.file.startswith(PLUGINS) and not is_sweep(b)],
    ids=lambda b: b.id,
)
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
        elif program == "torchrun":
            started = torchrun_parser().parse_args(words)
            assert (started.module, started.training_script) == (True, "palaestra")
            parse(started.training_script_args)
        elif program == "python" and words[0].startswith("docs/"):
            assert (ROOT / words[0]).is_file()
        else:
            known = ("pip install", "source .venv/bin/activate", "pytest ", "python -m palaestra.testing")
            known += ("python -m palaestra_worlds.basalt.scripted ", "python -m palaestra.judging.scripted ")
            assert f"{program} {' '.join(words)}".startswith(known), f"nobody checks: {line}"


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


@pytest.mark.parametrize(
    ("script", "text"), [("spec_reference", "reference"), ("mistakes", "page"), ("matrix", "page")]
)
def test_pages_that_are_written_by_scripts_are_up_to_date(script: str, text: str) -> None:
    code = f"import {script}; assert {script}.PAGE.read_text(encoding='utf-8') == {script}.{text}()"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT / "docs", capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, f"run `make docs`: {done.stderr[-2000:]}"


def install(page: str, *packages: str, folder: Path) -> None:
    """Writes the files of a page over what is in the folder, and installs its packages in `site/`."""
    write_files(ROOT / "docs" / page, folder)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, "--target", folder / "site", *packages], cwd=folder, check=True, timeout=120)


PACKAGES = {"world": "corridor", "agent": "table", "language-model": "goal-namer", "teacher": "near-first"}


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a reader of plugins.md has after its first commands, with its teacher in place, installed in `site/`."""
    folder = tmp_path_factory.mktemp("plugins")
    for kind, name in PACKAGES.items():
        run_with(folder, "palaestra", "new", kind, name)
    install("plugins.md", *(f"./{name}" for name in PACKAGES.values()), folder=folder)
    return folder


def run_with(folder: Path, module: str, *words: str) -> str:
    """Runs `python -m module` where a page's packages are installed; what it printed."""
    environment = os.environ | {"PYTHONPATH": str(folder / "site"), "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-m", module, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_example_plugins_are_listed(toys: Path) -> None:
    listed = run_with(toys, "palaestra", "list")
    for name in ("near-first", "table", "goal-namer"):
        assert name in listed


@pytest.mark.parametrize(("kind", "name"), [*PACKAGES.items()])
def test_example_plugins_keep_the_contracts(toys: Path, kind: str, name: str) -> None:
    told = run_with(toys, "palaestra.testing", f"--{kind}", "Corridor" if kind == "world" else name)
    assert " passed" in told
    # This teacher does not look on, and the contract of those that do is skipped by name.
    assert ("1 skipped" in told) if kind == "teacher" else ("skipped" not in told)


def test_example_plugins_train_and_a_taught_arm_learns_what_an_untaught_does_not(toys: Path) -> None:
    assert "1 passed" in run_with(toys, "pytest", "near-first")
    run_with(toys, "palaestra", "run", "near-first/corridor.yaml", "--quiet", "--jobs", "1")
    folder = next((toys / "runs").iterdir())
    with Store(folder / "run.sqlite", read_only=True) as store:
        rows = store.query(
            "SELECT arm, success FROM evaluations JOIN trials ON trials.id = trial WHERE mode = 'alone' ORDER BY step"
        )
    last = dict(rows)
    assert last["scripted"] > 0.9
    assert last["alone"] < 0.3
    assert (folder / "report.html").is_file()


@pytest.fixture(scope="module")
def farthest_door(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a reader of teachers.md has after its first commands, in `farthest-door/` and `site/`."""
    folder = tmp_path_factory.mktemp("teachers")
    run_with(folder, "palaestra", "new", "teacher", "farthest-door")
    written = (folder / "farthest-door" / "farthest_door.py").read_text(encoding="utf-8")
    shown = [b.text for b in chosen("python") if b.file == "farthest-door/farthest_door.py"]
    assert shown == [written], "teachers.md shows another module than `palaestra new teacher` writes"
    install("teachers.md", "./farthest-door", folder=folder)
    return folder


def test_the_teacher_of_the_guide_is_tested_checked_and_compared(farthest_door: Path) -> None:
    assert "2 passed" in run_with(farthest_door, "pytest", "farthest-door")
    assert "2 skipped" in run_with(farthest_door, "palaestra.testing", "--teacher", "farthest-door")
    asked = run_with(farthest_door, "palaestra", "ask", "farthest-door/farthest-door.yaml", "--level", "3")
    assert "(2, 1)" in asked
    quick = ("--set", "budget.steps=2048", "--set", "evaluation.every=2048", "--seeds", "1", "--jobs", "1")
    run_with(farthest_door, "palaestra", "run", "farthest-door/compare.yaml", "--quiet", *quick)
    with Store(next((farthest_door / "runs").glob("compare-*")) / "run.sqlite", read_only=True) as store:
        rows = store.query("SELECT model, count(*) FROM lessons WHERE state = 'kept' GROUP BY model")
    assert rows == [("none", 200), ("scripted", 200)]
