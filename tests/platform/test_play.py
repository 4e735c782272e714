"""People who play: keys of a terminal, games through a pseudo-terminal, a pipe and a window."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios
from collections.abc import Iterator
from io import StringIO

import numpy as np
import palaestra_worlds
import pytest
from palaestra.playing.game import CannotPlay, Game, View, play
from palaestra.playing.terminal import TerminalKeyboard, TerminalScreen, split_keys
from palaestra_worlds.base import World
from palaestra_worlds.crafter.character import ACTIONS
from rich.console import Console


class Views:
    """A screen that keeps what it was shown."""

    def __init__(self) -> None:
        self.views: list[View] = []

    def show(self, view: View) -> None:
        self.views.append(view)


@pytest.fixture(scope="module")
def crafter() -> World:
    return palaestra_worlds.make("Crafter", 1, observation="symbolic", max_steps=30)


@pytest.mark.parametrize(
    ("typed", "keys", "rest"),
    [
        ("wq", ["w", "q"], ""),
        (" \t\r\n\x7f\x03", ["space", "tab", "enter", "enter", "backspace", "ctrl-c"], ""),
        ("\x1b[A\x1bOB\x1b[C\x1b[D", ["up", "down", "right", "left"], ""),
        ("a\x1b[", ["a"], "\x1b["),
        ("\x1bx", ["escape", "x"], ""),
        ("\x1b[Z", ["unknown"], ""),
    ],
)
def test_codes_of_a_terminal_are_keys(typed: str, keys: list[str], rest: str) -> None:
    assert split_keys(typed) == (keys, rest)


def test_every_action_of_crafter_has_a_key_that_says_what_it_does(crafter: World) -> None:
    assert {action for _, action in crafter.keys.values()} == set(range(len(ACTIONS)))
    for words, action in crafter.keys.values():
        if ACTIONS[action] not in ("noop", "do"):
            assert words == ACTIONS[action].replace("_", " ")


def test_keys_do_what_actions_do(crafter: World) -> None:
    game = Game(crafter, seed=3)
    pressed = ["w", "a", "left", "tab", "space", "."]
    assert all(game.press(key) for key in pressed)
    assert not game.press("x")
    played = game.view()
    crafter.reset(seed=[3])
    for action in ("move_up", "move_left", "move_left", "sleep", "do", "noop"):
        crafter.step(np.array([ACTIONS.index(action)]))
    np.testing.assert_array_equal(played.picture, crafter.render_frame(0))
    assert played.lines[0].startswith("Crafter, level 3, step 6,")
    assert "health 9" in played.lines[1]


@pytest.fixture(scope="module")
def overworld() -> World:
    return palaestra_worlds.make("Overworld", 1)


def names_of(world: World, keys: set[str]) -> set[str]:
    return {world.action_names[world.keys[key][1]] for key in keys}


def test_every_action_towards_a_diamond_has_a_key(overworld: World) -> None:
    assert names_of(overworld, set(overworld.keys)) == set(overworld.action_names)
    assert all(words == overworld.action_names[action].replace("_", " ") for words, action in overworld.keys.values())


def test_what_has_no_key_is_called_by_its_name() -> None:
    task = '{"inventory": [{"item": "oak_log", "count": 2}]}'
    world = palaestra_worlds.make("Overworld", 1, actions="all")
    game = Game(world, seed=0, task=world.task_space.model_validate_json(task))
    assert "/ action by name" in game.help()
    for key in ("/", *"craft", "space", *"oak_planq", "backspace"):
        assert game.press(key)
    assert game.is_typing
    shown = game.view()
    assert shown.lines[-1].startswith("/craft oak_plan: craft oak_planks")
    assert ", step 0," in shown.lines[0]
    game.press("enter")
    assert "Inventory: 1 oak_log, 4 oak_planks" in game.view().lines
    # Nothing but Enter: the same again.
    game.press("/")
    game.press("enter")
    assert "Inventory: 8 oak_planks" in game.view().lines
    assert ", step 2," in game.view().lines[0]


def test_a_name_that_no_action_has_does_nothing(overworld: World) -> None:
    game = Game(overworld, seed=0)
    for key in ("/", *"fly", "enter"):
        game.press(key)
    assert game.view().lines[-1] == "no action is called 'fly'"
    for key in ("/", "w", "escape"):
        game.press(key)
    assert not game.is_typing
    assert ", step 0," in game.view().lines[0]


def test_while_a_name_is_typed_no_letter_quits(overworld: World, terminal: tuple[int, int]) -> None:
    outer, inner = terminal
    game = Game(overworld, seed=0)
    screen = Views()
    with os.fdopen(os.dup(inner), "rb", buffering=0) as stream, TerminalKeyboard(stream).listening() as keyboard:
        os.write(outer, b"/equip wo\rq")
        play(game, keyboard, screen)
    assert screen.views[-1].lines[-1].startswith("equip wooden_pickaxe")


def test_an_episode_that_ends_is_told_and_another_begins(crafter: World) -> None:
    game = Game(crafter, seed=3)
    for _ in range(30):
        game.press(".")
    lines = game.view().lines
    assert lines[0].startswith("Crafter, level 4, step 0, return 0.00")
    assert lines[-1].startswith("The end, after 30 steps with return")
    game.press("n")
    assert game.view().lines[0].startswith("Crafter, level 5,")


def test_a_task_holds_in_every_level(crafter: World) -> None:
    task = crafter.task_space.model_validate({"inventory": {"wood": 5}})
    game = Game(crafter, seed=0, task=task)
    game.press("n")
    assert "wood 5" in game.view().lines


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """Both ends of a pseudo-terminal: what a person types into, and what a program reads."""
    outer, inner = pty.openpty()
    yield outer, inner
    os.close(outer)
    os.close(inner)


def test_a_session_in_a_terminal(crafter: World, terminal: tuple[int, int]) -> None:
    outer, inner = terminal
    before = termios.tcgetattr(inner)
    console = Console(file=StringIO(), force_terminal=True, width=80, height=24, color_system="truecolor")
    game = Game(crafter, seed=0)
    with os.fdopen(os.dup(inner), "rb", buffering=0) as stream:
        keyboard, screen = TerminalKeyboard(stream), TerminalScreen(console, game.help())
        with keyboard.listening(), screen.opened():
            os.write(outer, b"w\x1b[D zqw")
            play(game, keyboard, screen)
    assert termios.tcgetattr(inner) == before
    shown = console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
    assert "▀" in shown
    assert "Crafter, level 0, step 3," in shown
    assert "step 4" not in shown
    # The game has a screen of its own, and gives it back.
    assert shown.index("\x1b[?1049h") < shown.index("▀") < shown.index("\x1b[?1049l")


def test_a_world_that_does_not_wait_goes_on_by_itself(crafter: World, terminal: tuple[int, int]) -> None:
    outer, inner = terminal

    class Typist(Views):
        def show(self, view: View) -> None:
            super().show(view)
            if len(self.views) == 4:
                os.write(outer, b"q")

    screen = Typist()
    with os.fdopen(os.dup(inner), "rb", buffering=0) as stream, TerminalKeyboard(stream).listening() as keyboard:
        play(Game(crafter, seed=0), keyboard, screen, speed=60.0)
    assert [view.lines[0].split(", ")[2] for view in screen.views[:4]] == ["step 0", "step 1", "step 2", "step 3"]


def test_keys_can_be_piped() -> None:
    command = [sys.executable, "-m", "palaestra", "play", "Crafter", "--set", "observation=symbolic"]
    done = subprocess.run(command, input="ws?", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split(" | ")[0] for line in lines[1:]] == [
        f"Crafter, level 0, step {k}, return 0.00" for k in range(3)
    ]
    assert "w move up" in lines[0].replace("\N{NO-BREAK SPACE}", " ")


def test_a_session_in_a_window(crafter: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    import pygame
    from palaestra.playing.window import Window

    game = Game(crafter, seed=0)
    with Window("a game", game.help()).opened() as window:
        for key in (pygame.K_w, pygame.K_LEFT, pygame.K_F1, pygame.K_q):
            pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=key))
        play(game, window, window)
        assert pygame.display.get_window_size()[0] == 640
    assert game.view().lines[0].startswith("Crafter, level 0, step 2,")


def test_worlds_without_keys_are_refused() -> None:
    world = palaestra_worlds.make("AGV", 1)
    with pytest.raises(CannotPlay, match="cannot be played with keys: its actions are Box"):
        Game(world, seed=0)


def test_worlds_that_cannot_wait_have_no_speed() -> None:
    world = palaestra_worlds.make("MiniGrid-DoorKey-5x5-v0", 1)
    with pytest.raises(CannotPlay, match="no action that waits"):
        play(Game(world, seed=0), TerminalKeyboard(sys.__stdin__ or sys.stdin), Views(), speed=5.0)
