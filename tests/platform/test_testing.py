"""The contracts find what is wrong with a plug-in, and say what to change."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from palaestra.scaffold import KINDS, Package

from ..installing import install

# What is done to a generated package, and what the contract then says.
FAULTS = {
    "world": {
        '{"place": (self.state["place"] / self.goal).astype(np.float32)[:, None]}': (
            '{"place": self.state["place"][:, None].astype(np.float32)}',
            "what reset returns is not in observation_space|what step returns is not in observation_space",
        ),
        "row = np.random": ("row = 0 * np.random", "a task with level_seed=6 must give the level of seed 6"),
        'state["bank"] =': ('state["old"] =', "KeyError: 'bank'"),
    },
    "teacher": {
        "PositionSubgoal(x=x, y=y)": ("PositionSubgoal(x=200, y=y)", "cannot carry the lesson out"),
    },
    "agent": {
        "generator or self.acting": ("torch.default_generator", "must give the same actions: draw from `generator`"),
        'self.random.set_state(state["random"])': ("pass", "training goes on differently"),
    },
    "language-model": {
        "config.model_dump_json()": ("id(self)", "must be the same for the same settings"),
        "        if found is None:": (
            "        if not prompt.isprintable():\n            raise OSError('no network')\n        if found is None:",
            "OSError: no network",
        ),
    },
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_fault_is_found(kind: str, tmp_path: Path) -> None:
    package = Package(kind, f"faulty-{kind}")
    text = package.files()[f"{package.module}.py"]
    expected = []
    for right, (wrong, says) in FAULTS[kind].items():
        assert text.count(right) == 1
        text = text.replace(right, wrong)
        expected.append(says)
    points = re.search(r'\[project.entry-points."(.+)"\]\n(.+) = "(.+)"', package.files()["pyproject.toml"])
    assert points
    install(tmp_path, package.name, f"[{points[1]}]\n{points[2]} = {points[3]}\n", {f"{package.module}.py": text})
    name = package.class_name if kind == "world" else package.name
    done = run(tmp_path, f"--{kind}", name)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    for says in expected:
        assert re.search(says, done.stdout), f"nothing was said of: {says}\n{done.stdout}"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--teacher", "subgols"), "unknown teacher 'subgols'; did you mean 'subgoals'?"),
        (("--world", "MiniGrid-DoorKey"), "unknown world 'MiniGrid-DoorKey'; did you mean"),
        (("--agent", "ppo", "--settings", "7"), "--settings must be a mapping"),
    ],
)
def test_what_does_not_exist_is_said_in_a_line(words: tuple[str, ...], says: str, tmp_path: Path) -> None:
    done = run(tmp_path, *words)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert done.stderr.startswith(f"ERROR: {says}")


def test_without_pytest_it_says_what_to_install(tmp_path: Path) -> None:
    code = "import sys; sys.modules['pytest'] = None; import palaestra.testing"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.stderr.endswith("palaestra.testing needs pytest, which is not installed: pip install pytest\n")


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`python -m palaestra.testing` where what lies in the folder is installed."""
    return subprocess.run(
        [sys.executable, "-m", "palaestra.testing", "-q", "-p", "no:cacheprovider", *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
