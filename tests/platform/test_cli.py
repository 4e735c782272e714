"""The command line: what it prints, how it fails, and what it does not load. Runs are in test_cli_run.py."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from palaestra.cli.app import app
from palaestra.cli.errors import explain_errors
from palaestra.cli.specs import find_spec, packaged_names
from palaestra_worlds import registry
from rich.text import Text

from .. import installing

TINY = """\
# A tiny run
name: tiny
world: {id: MiniGrid-DoorKey-5x5-v0, num_envs: 4}
agent: {rollout_length: 16}
teacher: {kind: subgoals, levels: 4}
budget: {steps: 128}
evaluation: {every: 64, episodes: 4}
arms:
  ppo: {teacher: null}
  taught: {}
"""


Cli = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory with a spec in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(TINY)
    return tmp_path


# ---------------------------------------------------------------------------------------------- help


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(commands(typer.main.get_command(app)))


def examples(command: Any) -> list[list[str]]:
    """The arguments of each example in a command's help."""
    text = Text.from_markup(command.epilog or "").plain
    lines = re.findall(r"palaestra [^·\n]+", text)
    return [shlex.split(line.partition(">")[0])[1:] for line in lines]


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_a_summary_and_examples_that_it_accepts(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    assert command.help
    found = examples(command)
    assert len(found) >= 2
    for arguments in found:
        assert tuple(arguments[: len(path)]) == path
        command.make_context(" ".join(path), arguments[len(path) :])


def test_examples_name_configurations_that_exist() -> None:
    given = [argument for command in COMMANDS.values() for example in examples(command) for argument in example]
    named = {text for text in given if re.fullmatch(r"[a-z]+/[a-z-]+", text)}
    assert "beacons/main" in named
    assert named <= set(packaged_names())
    assert all(find_spec(name).is_file() for name in named)


@pytest.mark.parametrize("arguments", examples(COMMANDS["list",]), ids=" ".join)
def test_examples_of_list_run(cli: Cli, folder: Path, arguments: list[str]) -> None:
    done = cli(*arguments)
    assert (done.code, done.err) == (0, "")
    assert done.out


HEAVY = ("torch", "numba", "scipy", "gymnasium", "openai", "matplotlib", "PIL", "tensorboard", "minigrid")


@pytest.mark.parametrize(
    "arguments", ["--help", "--version", "run --help", "bench --help", "list runs", "list configs"]
)
def test_no_heavy_library_is_loaded_for(arguments: str) -> None:
    code = (
        "import sys\nfrom palaestra.cli import main\n"
        f"try:\n    main({arguments.split()})\nfinally:\n    "
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout
    assert done.stderr.strip() == "[]"


def test_help_names_every_command(cli: Cli) -> None:
    shown = cli("--help").out
    for name, *_ in COMMANDS:
        assert re.search(rf"^│ {name} ", shown, re.MULTILINE)


def test_a_mistyped_command_or_option_is_corrected(cli: Cli) -> None:
    wrong = cli("reum", "x")
    assert wrong.code == 2
    assert "'resume'" in wrong.err
    wrong = cli("run", "x.yaml", "--sed", "3")
    assert wrong.code == 2
    assert "--seed" in wrong.err


def test_version(cli: Cli) -> None:
    assert re.fullmatch(r"palaestra \d+\.\d+\.\d+\S*\n", cli("--version").out)


# ---------------------------------------------------------------------------------------------- bad input


def test_malformed_yaml_is_told_with_its_place(cli: Cli, folder: Path) -> None:
    (folder / "tiny.yaml").write_text("name: tiny\nworld: {id: MiniGrid-Empty-5x5-v0\nbudget: {steps: 1}\n")
    for command in ("run", "ask"):
        assert re.match(r"palaestra: tiny\.yaml:\d+:\d+: ", cli(command, "tiny.yaml").error)
    assert not (folder / "runs").exists()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("world.id=MiniGrid-DorKey-5x5-v0", "MiniGrid-DoorKey-5x5-v0"),
        ("agent.learning_rat=1", "learning_rate"),
        ("budget.steps=soon", "budget.steps"),
        ("arms.taught.teacher.kind=subgoal", "subgoals"),
        ("no_equals_sign", "no_equals_sign"),
    ],
)
def test_wrong_settings_are_told_with_the_right_ones(cli: Cli, folder: Path, change: str, expected: str) -> None:
    assert expected in cli("run", "tiny.yaml", "--set", change).error
    assert not (folder / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["run", "nowhere.yaml"], "no file nowhere.yaml"),
        (["run", "."], "in it lies tiny.yaml"),
        (["run", "tiny.yaml", "--seed", "1", "--seeds", "2"], "exclude each other"),
        (["run", "tiny.yaml", "--resume", "--fresh"], "exclude each other"),
        (["resume", "nowhere"], "no folder nowhere"),
        (["report", "."], "no run folder"),
        (["eval", "tiny.yaml"], "no run folder"),
        (["watch", "nowhere"], "no folder nowhere"),
        (["compare", "nowhere"], "no folder nowhere"),
        (["export", "nowhere", "--output", "x"], "no folder nowhere"),
        (["ask", "tiny.yaml", "--arm", "ppo"], "'ppo' has no teacher"),
        (["ask", "tiny.yaml", "--arm", "taugt"], "'taught'"),
        (["list", "runs", "--licences"], "list worlds"),
        (["run"], "missing argument 'SPEC'; see palaestra run --help"),
        (["run", "tiny.yaml", "--seed", "x"], "invalid value for '--seed'"),
        (["bench", "learner", "--device", "gpu"], "'gpu' is not one of 'auto', 'cpu', 'cuda'"),
        (["bench", "worlds", "--frob"], "no such option: --frob; see palaestra bench worlds --help"),
        (["list", "wolds"], "'wolds' is not one of 'worlds'"),
        (["eat"], "no such command 'eat'; see palaestra --help"),
        (
            ["ask", "tiny.yaml", "--set", "teacher.model={backend: openai, model: m, api_key_env: NO_SUCH_KEY}"],
            "variable NO_SUCH_KEY is not set",
        ),
        (
            ["run", "tiny.yaml", "--set", "teacher.model={backend: openai, model: m, api_key_env: NO_SUCH_KEY}"],
            "variable NO_SUCH_KEY is not set",
        ),
        (["run", "tiny.yaml", "--set", "arms.taugt.teacher.form=object"], "did you mean 'taught'?"),
        (["run", "tiny.yaml", "--set", "world.id={"], "world.id={: the value is no YAML: expected"),
    ],
)
def test_input_that_cannot_be_used(cli: Cli, folder: Path, arguments: list[str], expected: str) -> None:
    wrong = cli(*arguments)
    assert expected in wrong.error
    assert wrong.code == 2


def test_an_unexpected_error_leaves_its_traceback_in_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, explain_errors():
        raise ZeroDivisionError("a fault")
    assert ended.value.code == 1
    line = capsys.readouterr().err
    found = re.search(r"unexpected ZeroDivisionError: a fault; the traceback is in (\S+)", line)
    assert found is not None
    assert line.count("\n") == 1
    assert "raise ZeroDivisionError" in Path(found[1]).read_text()
    Path(found[1]).unlink()


def test_debug_shows_the_traceback(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PALAESTRA_DEBUG", "0")
    wrong = cli("--debug", "run", "tiny.yaml", "--set", "budget.steps=soon")
    assert wrong.code == 2
    assert "Traceback" in wrong.err
    assert "SpecError" in wrong.err


# ---------------------------------------------------------------------------------------------- list


def test_list_worlds_shows_every_id_and_what_is_missing(cli: Cli) -> None:
    from palaestra_worlds.registry import world_entries

    listed = cli("list", "worlds", "--licences")
    assert listed.code == 0
    for entry in world_entries():
        assert f" {entry.id} " in listed.out
        assert entry.missing in listed.out
    assert "Apache-2.0" in listed.out


def test_list_names_everything_installed(cli: Cli, folder: Path) -> None:
    listed = cli("list").out
    for name in ("subgoals", "ppo", "scripted", "noisy", "openai"):
        assert re.search(rf"^ {name} ", listed, re.MULTILINE)


def test_list_schema_is_a_json_schema_of_specs(cli: Cli) -> None:
    schema = json.loads(cli("list", "--schema").out)
    assert {"world", "agent", "teacher", "arms", "budget"} <= set(schema["properties"])


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Installs a distribution with one entry point, whose module has the given text."""

    def install(group: str, text: str) -> None:
        points = f"[{group}]\nstrange = strange_plugin:Strange\n"
        installing.install(tmp_path / "site", "strange", points, {"strange_plugin.py": text})
        monkeypatch.syspath_prepend(tmp_path / "site")
        monkeypatch.delitem(sys.modules, "strange_plugin", raising=False)
        registry._providers.cache_clear()

    yield install
    registry._providers.cache_clear()


@pytest.mark.parametrize("kind", ["teachers", "agents", "models", "worlds"])
def test_a_broken_plugin_is_named_and_skipped(cli: Cli, plugin: Callable[[str, str], None], kind: str) -> None:
    plugin(f"palaestra.{'language_models' if kind == 'models' else kind}", "raise ZeroDivisionError('out of order')\n")
    listed = cli("list", kind)
    assert listed.code == 0
    assert listed.err.count("skipped") == 1
    assert "'strange' of package 'strange'" in listed.err
    assert "ZeroDivisionError: out of order" in listed.err
    right = {"teachers": "subgoals", "agents": "ppo", "models": "scripted", "worlds": "MiniGrid-Empty-5x5-v0"}[kind]
    assert f" {right} " in listed.out


# ---------------------------------------------------------------------------------------------- ask


def test_ask_shows_prompt_reply_lesson_and_its_meaning(cli: Cli, folder: Path) -> None:
    asked = cli("ask", "tiny.yaml", "--level", "3", "--schema")
    assert asked.code == 0, asked
    assert "Level 3 of MiniGrid-DoorKey-5x5-v0, arm taught, teacher subgoals" in asked.out
    from palaestra_worlds import make

    world = make("MiniGrid-DoorKey-5x5-v0")
    world.reset(seed=[3])
    assert world.describe(0) in asked.out
    world.close()
    assert '"PositionSubgoal"' in asked.out
    reply, lesson = asked.out.split("── lesson")[0].split("── reply")[1], asked.out.split("── lesson")[1]
    subgoals = json.loads(reply.split("\n", 1)[1])["subgoals"]
    assert len(subgoals) == 3
    for number, subgoal in enumerate(subgoals, start=1):
        assert re.search(
            rf"{number}\. x {subgoal['x']}, y {subgoal['y']} -> .* at \({subgoal['x']}, {subgoal['y']}\)", lesson
        )
    assert "yellow key" in lesson
    assert "locked yellow door" in lesson
    assert sorted(path.name for path in folder.iterdir()) == ["tiny.yaml"]


def test_ask_in_another_form(cli: Cli, folder: Path) -> None:
    lesson = cli("ask", "tiny.yaml", "--form", "language").out.split("── lesson")[1]
    assert "1. pick up the yellow key -> yellow key at" in lesson
    assert "form" in cli("ask", "tiny.yaml", "--form", "smell").error


def test_ask_tells_why_there_is_no_lesson(cli: Cli, folder: Path) -> None:
    asked = cli("ask", "tiny.yaml", "--set", "budget.teacher_calls=0")
    assert asked.code == 1
    assert "No lesson" in asked.out
    assert "the budget of 0 calls" in asked.out
