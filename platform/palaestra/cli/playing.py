"""`palaestra play`: a person plays a world, in the terminal or in a window."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palaestra.cli.errors import CommandError, refusing
from palaestra.cli.output import console, login

if TYPE_CHECKING:
    from palaestra_worlds.base import Task, World

    from palaestra.playing.recording import Recording

EXAMPLES = (
    "palaestra play Crafter",
    "palaestra play Crafter --speed 5 --window",
    """palaestra play Crafter --task '{"biome": "mountain", "inventory": {"wood_pickaxe": 1}}'""",
    "palaestra play MiniGrid-DoorKey-8x8-v0 --seed 3",
    "palaestra play Overworld-FindCave --window --record caves.demonstrations",
)


def play(
    world: Annotated[str, typer.Argument(metavar="WORLD", help="Id of a world: `palaestra list worlds`.")],
    seed: Annotated[int, typer.Option("--seed", min=0, help="The first level.")] = 0,
    task: Annotated[
        str | None, typer.Option("--task", metavar="JSON", help="What a teacher may set in the world's levels.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of the world. Repeatable.")
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option("--speed", min=0.1, max=60.0, help="Steps a second, also while no key is pressed."),
    ] = None,
    window: Annotated[bool, typer.Option("--window", help="In a window instead of the terminal.")] = False,
    record: Annotated[
        Path | None,
        typer.Option("--record", metavar="FILE", help="Keep what you do as demonstrations; goes on where it stopped."),
    ] = None,
    by: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="Who plays. [dim]default: your login[/dim]")
    ] = None,
) -> None:
    """Play a world yourself, in the terminal (also over ssh) or in a window. `q` ends it."""
    import palaestra_worlds

    from palaestra.playing.game import Game
    from palaestra.playing.game import play as play_game
    from palaestra.playing.terminal import TerminalKeyboard, TerminalScreen
    from palaestra.playing.window import Window

    with refusing(ValueError):
        given = _settings(settings or [])
        made = palaestra_worlds.make(world, 1, **given)
        set_task = _task(made, task)
        recording = None if record is None else _recording(record, by or login(), made, given, set_task, seed)
        first = seed if recording is None else recording.first_level(seed)
        game = Game(made, first, set_task, recording)
        if window:
            with Window(f"Palaestra: {world}", game.help()).opened() as opened:
                play_game(game, opened, opened, speed)
            return
        keyboard, screen = TerminalKeyboard(sys.stdin), TerminalScreen(console(), game.help())
        with keyboard.listening(), screen.opened():
            play_game(game, keyboard, screen, speed)


def _recording(path: Path, by: str, world: World, settings: dict[str, Any], task: Task | None, seed: int) -> Recording:
    """Raises CommandError where nothing should be recorded, DemonstrationsError where it cannot be."""
    from palaestra_worlds.demonstrations import Demonstrations

    from palaestra.evaluation import FIRST_EVALUATION_LEVEL
    from palaestra.playing.recording import Recording

    if seed >= FIRST_EVALUATION_LEVEL:
        raise CommandError(
            f"levels from {FIRST_EVALUATION_LEVEL:,} on are kept for evaluations; record in others, e.g. --seed 0"
        )
    return Recording(Demonstrations(path, create=True), by, world, settings, task)


def _settings(given: list[str]) -> dict[str, Any]:
    import yaml

    found = {}
    for entry in given:
        key, equals, value = entry.partition("=")
        if not equals or not key.isidentifier():
            raise CommandError(f"--set {entry}: write it as KEY=VALUE, e.g. --set max_steps=500")
        found[key] = yaml.safe_load(value)
    return found


def _task(world: World, text: str | None) -> Task | None:
    from pydantic import ValidationError

    if text is None:
        return None
    try:
        return world.task_space.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise CommandError(f"--task: {f'{where}: ' if where else ''}{first['msg']}") from error
