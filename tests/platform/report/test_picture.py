"""The learning curves as a file of their own."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from palaestra.report import write_picture
from palaestra.run import Run, RunError


def test_a_picture_stands_alone(whole_run: Run, tmp_path: Path) -> None:
    path = tmp_path / "curves.svg"
    write_picture(whole_run, path)
    root = ElementTree.fromstring(path.read_text(encoding="utf-8"))
    words = {text.text for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"taught", "ppo", "rnd", "environment steps"} <= words
    [style] = root.iter("{http://www.w3.org/2000/svg}style")
    used = {part.split(")")[0] for part in path.read_text(encoding="utf-8").split("var(")[1:]}
    assert used
    assert all(f"{name}:" in (style.text or "") for name in used), "every colour comes with it"


def test_other_kinds_of_file_and_empty_runs_are_refused(whole_run: Run, empty_run: Run, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"ends in \.svg"):
        write_picture(whole_run, tmp_path / "curves.png")
    with pytest.raises(RunError, match="nothing to draw"):
        write_picture(empty_run, tmp_path / "curves.svg")
    with pytest.raises(RunError, match="cannot be written"):
        write_picture(whole_run, tmp_path / "nowhere" / "curves.svg")
