"""A world that a person plays, one key after another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from palaestra_worlds.base import Task, World

    from palaestra.playing.recording import Recording

NEXT, QUIT = "n", ("q", "escape", "ctrl-c", "ctrl-d")
"""Keys that are no actions, where a world does not use them itself."""
BY_NAME = "/"
"""The key, where a world does not use it itself, that begins the name of an action."""
MOST_NAMES = 6
"""Actions that are shown while a name is typed."""
WAIT = "."
"""The key, among a world's own, of the action that waits."""


class CannotPlay(ValueError):
    """The world cannot be played with keys; the message says why."""


@dataclass(frozen=True)
class View:
    """What a player is shown: a picture, uint8 (height, width, 3), and lines of text under it."""

    picture: NDArray[np.uint8]
    lines: tuple[str, ...]


class Keyboard(Protocol):
    """Where keys come from."""

    def read(self, seconds: float | None) -> str | None:
        """The next key, e.g. "w", "space", "up"; None where there was none within so many seconds (None: for ever).

        Raises:
            EOFError: there will be no more.
        """
        ...


class Screen(Protocol):
    """Where a player looks."""

    def show(self, view: View) -> None: ...


class Game:
    """One environment of a world, and what became of its episodes.

    Args:
        world: with one environment.
        seed: of the first level; later ones follow.
        task: what is set in every level; None: nothing.
        recording: keeps what is done; None: nothing does.

    Raises:
        CannotPlay: the world has no keys.
        TaskError: the task cannot be carried out.
        DemonstrationsError: what is done cannot be kept, or what was done before cannot be repeated.
    """

    def __init__(self, world: World, seed: int, task: Task | None = None, recording: Recording | None = None) -> None:
        if not world.keys:
            raise CannotPlay(
                f"{world.id} cannot be played with keys: its actions are {world.single_action_space}; worlds with keys "
                "are, for example, Crafter, Heist and those of MiniGrid"
            )
        self.world = world
        self.seed = seed
        self._task = task
        self._message = ""
        self._typed: str | None = None
        """Of an action's name, so far; None: keys are keys."""
        self._named: str | None = None
        """The action that was called by its name last."""
        self._recording = recording
        self.begin()
        if recording is not None:
            self._go_on(recording)

    @property
    def waits(self) -> int | None:
        """The action that waits; None where the world has none."""
        return self.world.keys[WAIT][1] if WAIT in self.world.keys else None

    def begin(self) -> None:
        """Starts the level of `seed`."""
        self._steps, self._return = 0, 0.0
        if self._task is not None:
            self.world.assign([self._task])
        self._observations, _ = self.world.reset(seed=[self.seed])
        if self._recording is not None:
            self._recording.begin(self.seed)

    @property
    def is_typing(self) -> bool:
        """Whether keys are letters of an action's name now."""
        return self._typed is not None

    def press(self, key: str) -> bool:
        """Does what the key stands for; False where it stands for nothing."""
        if self._typed is not None:
            return self._type(key, self._typed)
        if key in self.world.keys:
            words, action = self.world.keys[key]
            self._message = words
            self.act(action)
        elif key == NEXT:
            self._message = "another level"
            self._begin_next()
        elif key == BY_NAME and self.world.action_names:
            self._typed, self._message = "", self._choices("")
        else:
            return False
        return True

    def _type(self, key: str, typed: str) -> bool:
        """One more key while a name is typed: Enter does what the first of the choices says, Escape nothing."""
        if key == "enter":
            self._typed = None
            self._call(typed)
        elif key in ("escape", "ctrl-c", "ctrl-d"):
            self._typed, self._message = None, ""
        elif len(key) == 1 or key in ("space", "backspace"):
            self._typed = typed[:-1] if key == "backspace" else typed + (" " if key == "space" else key)
            self._message = self._choices(self._typed)
        else:
            return False
        return True

    def _call(self, typed: str) -> None:
        found = self._called(typed)
        if not found:
            self._message = f"no action is called {typed.strip()!r}" if typed.strip() else "no action was named yet"
            return
        self._named = self._message = found[0]
        self.act(list(self.world.action_names).index(found[0]))

    def _called(self, typed: str) -> list[str]:
        """Actions with this in their names, the likeliest first; of an empty name the one that was called last."""
        wanted = typed.strip().replace("_", " ")
        if not wanted:
            return [] if self._named is None else [self._named]
        plain = {name: name.replace("_", " ") for name in self.world.action_names}
        found = [name for name in plain if wanted in plain[name]]
        return sorted(found, key=lambda name: (plain[name] != wanted, not plain[name].startswith(wanted)))

    def _choices(self, typed: str) -> str:
        found = self._called(typed)
        more = f" and {len(found) - MOST_NAMES} more" if len(found) > MOST_NAMES else ""
        return f"{BY_NAME}{typed}: {', '.join(found[:MOST_NAMES]) or 'type the name of an action'}{more}"

    def act(self, action: int) -> None:
        """One step of the world; an episode that ends is told, and the next level begins."""
        if self._recording is not None:
            self._recording.add(action)
        infos = self._step(action)
        if "episode" in infos:
            self._begin_another(infos)

    def _begin_another(self, infos: dict[str, Any]) -> None:
        if self._recording is not None:
            self._recording.end(infos["final_obs"][0])
        self._message = self._end(infos["episode"])
        self._begin_next()

    def _go_on(self, recording: Recording) -> None:
        """Does again what was done before the episode was left off."""
        done = recording.left_off
        for step, action in enumerate(done, 1):
            infos = self._step(action)
            if "episode" not in infos:
                continue
            if step < len(done):
                recording.refuse(self.seed)
            self._begin_another(infos)

    def _step(self, action: int) -> dict[str, Any]:
        self._observations, rewards, _, _, infos = self.world.step(np.array([action]))
        self._steps += 1
        self._return += float(rewards[0])
        if float(rewards[0]):
            self._message += f"; reward {rewards[0]:+.2g}"
        return infos

    def _begin_next(self) -> None:
        self.seed += 1
        self.begin()

    def _end(self, episode: dict[str, Any]) -> str:
        succeeded = episode["success"][0] and not self.world.checks
        outcome = "Success" if succeeded else "The end"
        words = f"{outcome}, after {episode['length'][0]} steps with return {episode['return'][0]:.2f}"
        if "objectives" in episode:
            reached = [name for name, done in zip(self.world.objectives, episode["objectives"][0], strict=True) if done]
            words += f"; reached: {', '.join(reached).replace('_', ' ') or 'nothing'}"
        return f"{words}. A new level begins."

    def view(self) -> View:
        """What there is to see now."""
        mission = self._observations["mission"][0] if "mission" in self._observations else ""
        told = (mission, *self.world.status(0).splitlines())
        state = f"{self.world.id}, level {self.seed}, step {self._steps}, return {self._return:.2f}"
        return View(self.world.render_frame(0), (state, *filter(None, told), self._message))

    def help(self) -> tuple[str, ...]:
        """What each key does, e.g. "w move up"."""
        own = tuple(f"{key} {words}" for key, (words, _) in self.world.keys.items())
        named = [f"{BY_NAME} action by name"] if self.world.action_names and BY_NAME not in self.world.keys else []
        return (*own, *named, *([] if NEXT in self.world.keys else [f"{NEXT} another level"]), f"{QUIT[0]} quit")


def play(game: Game, keyboard: Keyboard, screen: Screen, speed: float | None = None) -> None:
    """Until somebody quits, or no more keys come.

    Args:
        game: what is played.
        keyboard: is read.
        screen: is shown the beginning, and what became of every key that means something.
        speed: steps a second, whether or not a key is pressed; None: the world waits for the player.

    Raises:
        CannotPlay: the world cannot wait, and `speed` is given.
    """
    if speed is not None and game.waits is None:
        raise CannotPlay(f"{game.world.id} has no action that waits, so it can be played without --speed only")
    screen.show(game.view())
    while True:
        try:
            key = keyboard.read(None if speed is None else 1.0 / speed)
        except EOFError:
            return
        if key is None:
            assert game.waits is not None
            game.act(game.waits)
        elif game.is_typing or key in game.world.keys or key not in QUIT:
            if not game.press(key):
                continue
        else:
            return
        screen.show(game.view())
