"""`palaestra ask` of a teacher with a schedule."""

from __future__ import annotations

from pathlib import Path

import pytest
from palaestra.cli import main

SPEC = """
world: {id: Heist, size: 7, doors: 1, num_envs: 4}
budget: {steps: 20_000}
teacher: {kind: environments, environments: 2, cycles: 2, steps_in_environments: 5_000, steps_in_original: 5_000}
"""


def test_the_first_question_its_answer_and_what_is_made_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "heist.yaml"
    path.write_text(SPEC)
    monkeypatch.setattr("sys.argv", ["palaestra", "ask", str(path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    printed = capsys.readouterr().out
    assert printed.startswith("Turn 1 of Heist, arm main, teacher environments")
    assert "Which 2 environments should the agent train in first?" in printed
    lesson = printed[printed.index("── lesson") :]
    assert "1. size 5; doors blue; keys blue\n   The blue door is the first" in lesson
    assert "2. size 5; doors blue; keys none; carrying blue" in lesson
    assert "locked blue door at (" in lesson
