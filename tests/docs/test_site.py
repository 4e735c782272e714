"""`make docs` makes a site of the pages: no warning, every page, and the public interfaces from their docstrings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def test_the_site_is_built_whole_and_without_a_warning(tmp_path: Path) -> None:
    site = tmp_path / "site"
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-q",
        "-W",
        "--keep-going",
        "-d",
        str(tmp_path / "cache"),
        str(DOCS),
        str(site),
    ]
    built = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert built.returncode == 0, built.stderr
    pages = [page.relative_to(DOCS) for page in DOCS.rglob("*.md") if page != DOCS / "README.md"]
    assert [page for page in pages if not (site / page).with_suffix(".html").exists()] == []
    interfaces = (site / "api.html").read_text(encoding="utf-8")
    for name in (
        "palaestra_worlds.base.World.snapshot",
        "palaestra_agents.base.Agent",
        "palaestra_teachers.base.Teacher",
    ):
        assert f'id="{name}"' in interfaces


def test_every_page_is_in_the_contents_of_both_fronts() -> None:
    """The code host's and the site's; results have an overview of their own."""
    pages = {page.stem for page in DOCS.glob("*.md")} - {"README", "index", "api"}
    for front in ("README.md", "index.md"):
        text = (DOCS / front).read_text(encoding="utf-8")
        assert {page for page in pages if f"{page}.md" not in text and f"\n{page}\n" not in text} == set()


def test_maps_of_the_source_roots_are_up_to_date() -> None:
    code = "import maps; print([file.parent.name for file, text in maps.pages().items() if file.read_text() != text])"
    done = subprocess.run([sys.executable, "-c", code], cwd=DOCS, capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n", f"run `make docs`: {done.stdout}{done.stderr}"
