"""A plug-in that cannot be used is reported by name, package and file, with the cause; all others work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ..installing import install

FILES = {
    "leaver/__init__.py": "",
    "leaver/teachers.py": "\nraise SystemExit(3)\n",
    "odd.py": "class Odd(BaseException):\n    pass\nraise Odd('of its own kind')\n",
    "unwritten.py": "def (",
    "fine.py": """
from palaestra_worlds.base import WorldEntry
from palaestra_worlds.minigrid.settings import MiniGridSettings
from palaestra_teachers.subgoals.teacher import SubgoalTeacher

class Fine(SubgoalTeacher):
    "Works."

class Silent:
    "Cannot be asked."
    Config = SubgoalTeacher.Config
    def observe(self, feedback): ...
    def state_dict(self): ...

class Untyped(SubgoalTeacher):
    Config = dict

class Provider:
    prefix = ""
    def entries(self):
        return [WorldEntry(id="MiniGrid-DoorKey-5x5-v0", summary="another door")]
    def settings(self):
        return MiniGridSettings
    def make(self, id, num_envs, **settings): ...
    def oracle(self, prompt, schema): ...
    def misread(self, prompt, answer, mistakes, random): ...

class Leaving(Provider):
    def entries(self):
        raise SystemExit("not here")

DOORS, LEAVING = Provider(), Leaving()
""",
}
FIRST = """
[palaestra.teachers]
leaver = leaver.teachers:Teacher
fine = fine:Fine
silent = fine:Silent
untyped = fine:Untyped
function = fine:Fine.propose
twin = fine:Fine
subgoals = fine:Fine

[palaestra.language_models]
odd = odd:Model
unwritten = unwritten:Model

[palaestra.worlds]
doors = fine:DOORS
leaving = fine:LEAVING
"""
SECOND = """
[palaestra.teachers]
twin = odd:Twin
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which two packages are installed that name these plug-ins."""
    folder = tmp_path_factory.mktemp("site")
    install(folder, "first", FIRST, FILES)
    install(folder, "second", SECOND)
    return folder


def python(site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(site), "COLUMNS": "400"}
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, env=environment, cwd=site, check=False, timeout=120
    )


FIND = """
import json
from palaestra.plugins import installed
found = installed()
print(json.dumps({
    "teachers": {plugin.name: plugin.package for plugin in found.teachers},
    "worlds": [worlds.name for worlds in found.worlds],
    "broken": [[broken.name, broken.package, broken.file, broken.reason] for broken in found.broken],
}))
"""


def test_each_is_reported_by_name_package_file_and_cause(site: Path) -> None:
    done = python(site, "-c", FIND)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {name: package for name, package in found["teachers"].items() if package != "palaestra"} == {"fine": "first"}
    assert found["teachers"]["subgoals"] == "palaestra"
    assert "minigrid" in found["worlds"]
    fine, odd = str(site / "fine.py"), str(site / "odd.py")
    expected = {
        ("leaver", "first", str(site / "leaver" / "teachers.py")): "cannot be loaded: SystemExit: 3 (",
        ("silent", "first", fine): "is broken: it has no 'propose' and no 'load_state_dict'",
        ("untyped", "first", fine): "is broken: its 'Config' is no pydantic model",
        ("function", "first", fine): "is broken: it has no 'Config' and no 'propose'",
        ("subgoals", "first", fine): "has the name of teacher 'subgoals' of package 'palaestra' (",
        ("twin", "first", fine): "has the name of teacher 'twin' of package 'second' (odd:Twin",
        ("twin", "second", odd): "has the name of teacher 'twin' of package 'first' (fine:Fine",
        ("odd", "first", odd): f"cannot be loaded: Odd: of its own kind ({odd}, line 3)",
        ("unwritten", "first", str(site / "unwritten.py")): "cannot be loaded: SyntaxError: ",
        ("doors", "first", fine): "serves 'MiniGrid-DoorKey-5x5-v0', an id of world 'minigrid' of package 'palaestra'",
        ("leaving", "first", fine): "is broken: SystemExit: not here (",
    }
    broken = {(name, package, file): reason for name, package, file, reason in found["broken"]}
    assert broken.keys() == expected.keys()
    for (name, package, file), cause in expected.items():
        reason = broken[name, package, file]
        assert f"'{name}' of package '{package}'" in reason
        assert file in reason
        assert cause in reason


def test_list_shows_them(site: Path) -> None:
    done = python(site, "-m", "palaestra", "list", "teachers")
    assert done.returncode == 0
    assert "Works." in done.stdout
    told = [line for line in done.stderr.splitlines() if line.startswith("palaestra: skipped: teacher '")]
    assert len(told) == len(done.stderr.splitlines()) == 7


def test_a_run_with_one_says_why_and_with_another_works(site: Path) -> None:
    spec = site / "spec.yaml"
    text = "world: {{id: MiniGrid-DoorKey-5x5-v0, num_envs: 2}}\nteacher: {{kind: {}}}\nbudget: {{steps: 1_000}}\n"
    spec.write_text(text.format("twin"))
    done = python(site, "-m", "palaestra", "run", "spec.yaml")
    assert done.returncode == 2
    assert done.stderr.startswith("palaestra: spec.yaml:2:17: teacher.kind: teacher 'twin' of package 'first' (fine:")
    assert done.stderr.endswith("uninstall or rename one of the two\n")
    spec.write_text(text.format("fine"))
    code = "from palaestra.spec import load_spec; print(load_spec('spec.yaml').arms['main'].teacher.kind)"
    done = python(site, "-c", code)
    assert (done.returncode, done.stdout) == (0, "fine\n"), done.stderr
