"""Writes README.md of each source root: what its modules are about, in their own first sentences."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
INTRODUCTIONS = {
    "platform/palaestra": (
        "What puts the rest together: specs, the loop of a trial, run folders, evaluation, reports, the command line, "
        "benches. It may import all other roots; they never import it. Begin with `curriculum.py`, the loop."
    ),
    "worlds/palaestra_worlds": (
        "Batched worlds. They know nothing of agents or teachers. Begin with `base.py`, what a world is. The folder of "
        "an engine has the same parts everywhere: `settings.py`, `tasks.py` (what a teacher may set), `state.py` "
        "(arrays with a row per environment), compiled rules of one environment, `engine.py` (the loops over "
        "environments), `world.py` (gymnasium's interface), `description.py` (in words, for teachers)."
    ),
    "teachers/palaestra_teachers": (
        "Teachers, and the language models behind them. They know worlds by their interface only, never an engine. "
        "Begin with `base.py`; then `dialogue.py`, which all teachers ask through: prompt, call, parse, retry, count."
    ),
    "agents/palaestra_agents": (
        "Learners and planners. They know worlds by their interface only, never an engine. Begin with `base.py`, then "
        "`ppo.py`."
    ),
}


def about(path: Path) -> str:
    """The first sentence or two of a module's docstring, on one line."""
    module = path / "__init__.py" if path.is_dir() else path
    said = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
    return " ".join(said.split("\n\n")[0].split()).replace("|", r"\|")


def parts(folder: Path) -> list[Path]:
    """Packages, then modules."""
    found = [path for path in folder.iterdir() if (path / "__init__.py").exists()]
    return sorted(found) + sorted(path for path in folder.glob("*.py") if not path.name.startswith("__"))


def tables(folder: Path) -> str:
    rows = [f"| `{path.name}{'/' if path.is_dir() else ''}` | {about(path)} |" for path in parts(folder)]
    return "\n".join(["| | What it is |", "| --- | --- |", *rows])


def page(root: str) -> str:
    """The map of one root."""
    folder = ROOT / root
    text = [f"# {folder.name}", "Written by `make docs`: do not edit.", INTRODUCTIONS[root], tables(folder)]
    for path in parts(folder):
        if path.is_dir() and len(parts(path)) > 1:
            text += [f"## {path.name}", tables(path)]
    return "\n\n".join(text) + "\n"


def pages() -> dict[Path, str]:
    """All maps by their files."""
    return {ROOT / Path(root).parent / "README.md": page(root) for root in INTRODUCTIONS}


if __name__ == "__main__":
    for file, text in pages().items():
        file.write_text(text, encoding="utf-8")
        print(f"Written: {file}")
