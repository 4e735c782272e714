"""Watches a trained agent: plays held-out levels without its teacher, and shows them as a film or in a terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from palaestra_worlds.demonstrations import digest_of

from palaestra import checkpoint
from palaestra.checkpoint import CheckpointError, write_atomically
from palaestra.evaluation import FIRST_EVALUATION_LEVEL, GENERATOR_SEED
from palaestra.run import Run

if TYPE_CHECKING:
    from rich.console import Console

FORMATS = (".gif", ".webp", ".mp4")
FRAMES_PER_SECOND = 8.0
_HELD_SECONDS = 1.0
"""How long the last frame of an episode stands."""
_BORDER = 4
_SUCCESS, _FAILURE = (0, 158, 115), (213, 94, 0)


class WatchError(RuntimeError):
    """There is nothing to watch; the message says why and what to do."""


@dataclass(frozen=True)
class Film:
    """One episode of an agent acting alone.

    Attributes:
        frames: uint8 (height, width, 3) each, before every `stride`-th action, from the first on.
        result: return of the task's own reward, undiscounted.
        length: in steps.
        moments: steps done, and how the world describes the state after them.
        actions: what was done, of worlds with numbered actions.
        digest: of what was seen last, see `demonstrations.digest_of`.
    """

    level_seed: int
    frames: tuple[NDArray[np.uint8], ...]
    success: bool
    result: float
    length: int
    stride: int = 1
    moments: tuple[tuple[int, str], ...] = ()
    actions: tuple[int, ...] = ()
    digest: str = ""

    @property
    def caption(self) -> str:
        outcome = "success" if self.success else "no success"
        return f"level {self.level_seed}: {outcome}, {self.length} step{'s' * (self.length != 1)}"


class Player:
    """A trained agent in a world of its own, without a teacher.

    Args:
        run: the run folder.
        arm: name of the arm.
        seed: of the trial; None: the first that has a checkpoint.
        path: a certain checkpoint of that arm; None: the newest.
        greedy: the most probable action instead of a draw; None: as the arm's evaluation.

    Attributes:
        seed: of the trial.
        step: environment steps that the agent had learned for.

    Raises:
        WatchError: there is no checkpoint.
        CheckpointError: the checkpoint cannot be used.
        ValueError: the run has no such arm, or its world or agent cannot be built.
    """

    def __init__(
        self, run: Run, arm: str, seed: int | None = None, path: Path | None = None, greedy: bool | None = None
    ) -> None:
        from palaestra.build import make_agent, make_world

        self.arm = run.spec.arm(arm)
        header, state = _load(run, arm, seed, path)
        self.seed, self.step = header.seed, header.step
        self.greedy = self.arm.evaluation.greedy if greedy is None else greedy
        self.world = make_world(self.arm, 1)
        self.agent = make_agent(self.arm, self.world, header.seed)
        try:
            self.agent.load_state_dict(state["agent"])
        except (ValueError, KeyError, TypeError) as error:
            raise CheckpointError(f"the checkpoint of arm '{arm}' does not fit its agent: {error}") from error

    def close(self) -> None:
        self.world.close()

    def play(
        self, level_seed: int = FIRST_EVALUATION_LEVEL, side: int = 480, most: int = 800, moments: int = 0
    ) -> Film:
        """Plays one episode of a level, without any lesson.

        Args:
            level_seed: of the level.
            side: the longer side of a frame in pixels at most.
            most: frames at most; of an episode with more steps, every second, fourth, ... is kept.
            moments: of the episode that are described in words, spread evenly; 0 or at least 2.
        """
        import torch

        generator = torch.Generator(self.agent.device).manual_seed(GENERATOR_SEED)
        if self.world.checks:
            self.world.watch_checks()
        self.world.assign([self.world.task_space(level_seed=level_seed)])
        observations, infos = self.world.reset(seed=[level_seed])
        state = self.agent.initial_state(1)
        frames: list[NDArray[np.uint8]] = []
        described: list[tuple[int, str]] = []
        actions: list[int] = []
        length, stride = 0, 1
        while "episode" not in infos:
            if len(frames) == most:
                frames, stride = frames[::2], 2 * stride
            if length % stride == 0:
                frames.append(shrink(self.world.render_frame(0), side).copy())
            if moments:
                described.append((length, self.world.describe(0)))
            length += 1
            chosen = self.agent.act(observations, state, greedy=self.greedy, generator=generator)
            action = chosen.actions.cpu().numpy()
            if action.dtype.kind == "i":
                actions.append(int(action[0]))
            observations, _, _, _, infos = self.world.step(action)
            state = chosen.state
        episode = infos["episode"]
        told = {round(k * (len(described) - 1) / (moments - 1)) for k in range(moments)} if moments else set()
        return Film(
            level_seed,
            tuple(frames),
            bool(self.world.checked()[0, -1] if self.world.checks else episode["success"][0]),
            float(episode["return"][0]),
            length,
            stride,
            tuple(described[k] for k in sorted(told)),
            tuple(actions),
            _digest(infos["final_obs"][0]),
        )


def _digest(last: Any) -> str:
    return digest_of(last) if isinstance(last, dict) else ""


def _load(
    run: Run, arm: str, seed: int | None, path: Path | None
) -> tuple[checkpoint.CheckpointHeader, dict[str, Any]]:
    if path is not None:
        header, state = checkpoint.load(path)
        settings = run.spec.arm(arm)
        checkpoint.check_header(header, str(path), world_id=settings.world.id, agent_kind=settings.agent.kind)
        return header, state
    if seed is not None and seed not in run.spec.seed_list:
        seeds = ", ".join(map(str, run.spec.seed_list))
        raise WatchError(f"{run.folder} has no seed {seed}; it has: {seeds}")
    for number in run.spec.seed_list if seed is None else [seed]:
        found = checkpoint.load_newest(run.checkpoint_folder(arm, number), arm=arm, seed=number)
        if found.header is not None and found.state is not None:
            return found.header, found.state
        if found.problems:
            raise CheckpointError(found.problems[0])
    which = f"arm '{arm}'" if seed is None else f"arm '{arm}' with seed {seed}"
    raise WatchError(f"{run.folder} has no checkpoint of {which} yet; run or resume it first")


# ---------------------------------------------------------------------------------------------- films


def check_format(path: Path) -> str:
    """The ending of an animation's file, one of FORMATS; raises WatchError if it has another."""
    ending = Path(path).suffix.lower()
    if ending not in FORMATS:
        raise WatchError(f"'{path}' must end with one of {', '.join(FORMATS)}: the ending says the format")
    return ending


def write_animation(films: Sequence[Film], path: Path, speed: float = FRAMES_PER_SECOND) -> Path:
    """Writes episodes one after another to a .gif, .webp or .mp4 file.

    Args:
        films: at least one, all of one world.
        path: its ending says the format.
        speed: frames per second.

    Raises:
        WatchError: unknown ending, or the file cannot be written.
    """
    ending = check_format(path)
    try:
        if ending == ".mp4":
            _write_mp4(films, Path(path), speed)
        else:
            write_atomically(Path(path), to_bytes(films, ending[1:], speed))
    except OSError as error:
        raise WatchError(f"{path} cannot be written: {error.strerror or error}") from error
    return Path(path)


def to_bytes(
    films: Sequence[Film],
    format: str = "webp",
    speed: float = FRAMES_PER_SECOND,
    side: int = 640,
    most: int = 10_000,
    outcome: bool = True,
) -> bytes:
    """Episodes as an animated picture that repeats for ever.

    Args:
        films: at least one.
        format: "webp" or "gif".
        speed: frames per second.
        side: the longer side in pixels at most.
        most: frames of one episode at most; longer ones leave out frames evenly, at the same speed of the world.
        outcome: whether the last frame has a border that says how the episode ended.
    """
    from PIL import Image

    pictures, milliseconds = [], []
    for film in films:
        stride = -(-len(film.frames) // most)
        shown = film.frames[::stride]
        pictures += [Image.fromarray(picture) for picture in _framed(film, shown, side, outcome)]
        milliseconds += [round(1000 / speed * stride * film.stride)] * (len(shown) - 1) + [round(1000 * _HELD_SECONDS)]
    out = BytesIO()
    options: dict[str, Any] = {"lossless": True, "quality": 80, "method": 3} if format == "webp" else {"optimize": True}
    pictures[0].save(out, format, save_all=True, append_images=pictures[1:], duration=milliseconds, loop=0, **options)
    return out.getvalue()


def _framed(
    film: Film, frames: Sequence[NDArray[np.uint8]], side: int, outcome: bool = True
) -> Iterator[NDArray[np.uint8]]:
    """Frames, smaller where they must be, the last with a border that says how the episode ended."""
    for k, frame in enumerate(frames):
        picture = np.array(shrink(frame, side))
        if outcome and k == len(frames) - 1:
            edge = np.ones(picture.shape[:2], dtype=bool)
            edge[_BORDER:-_BORDER, _BORDER:-_BORDER] = False
            picture[edge] = _SUCCESS if film.success else _FAILURE
        yield picture


def shrink(frame: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The picture with its longer side at most `side` pixels."""
    from PIL import Image

    height, width = frame.shape[:2]
    if max(height, width) <= side:
        return frame
    scale = side / max(height, width)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BOX))


def _write_mp4(films: Sequence[Film], path: Path, speed: float) -> None:
    import imageio_ffmpeg

    partial = path.with_name(f".{path.stem}.partial.mp4")
    first = next(_framed(films[0], films[0].frames[:1], 640))
    # Video coders want even sides.
    height, width = (length - length % 2 for length in first.shape[:2])
    writer = imageio_ffmpeg.write_frames(str(partial), (width, height), fps=max(round(speed), 1), macro_block_size=2)
    try:
        writer.send(None)
        for film in films:
            frames = list(_framed(film, film.frames, 640))
            repeats = [film.stride] * (len(frames) - 1) + [round(speed * _HELD_SECONDS) + 1]
            for picture, count in zip(frames, repeats, strict=True):
                for _ in range(count):
                    writer.send(np.ascontiguousarray(picture[:height, :width]))
        writer.close()
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


# ---------------------------------------------------------------------------------------------- in a terminal


def play_in_terminal(films: Sequence[Film], console: Console, speed: float = FRAMES_PER_SECOND) -> None:
    """Shows episodes in a terminal, two pixels in each character.

    Args:
        films: what to show, one after another.
        console: where; one that is no terminal gets the first and the last picture of each.
        speed: frames per second.
    """
    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

    room = (console.width, 2 * max(console.height - 3, 4))
    for film in films:
        pictures = [half_blocks(frame, *room) for frame in film.frames]
        if not console.is_terminal:
            console.print(pictures[0], pictures[-1], Text(film.caption), sep="\n")
            continue
        with Live(console=console, auto_refresh=False, transient=False) as live:
            for k, picture in enumerate(pictures):
                last = k == len(pictures) - 1
                caption = film.caption if last else f"level {film.level_seed}: step {k * film.stride + 1}"
                live.update(Group(picture, Text(caption)), refresh=True)
                time.sleep(_HELD_SECONDS if last else 1 / speed)


def half_blocks(frame: NDArray[np.uint8], width: int, height: int) -> Any:
    """A picture as rich text of at most `width` characters and `height` / 2 lines.

    Args:
        frame: uint8 (rows, columns, 3).
        width, height: in pixels, of which a character holds one and two.
    """
    from rich.text import Text

    side = int(min(width * max(frame.shape[:2]) / frame.shape[1], height * max(frame.shape[:2]) / frame.shape[0]))
    small = shrink(frame, max(side, 2))
    if len(small) % 2:
        small = np.concatenate([small, small[-1:]])
    text = Text(no_wrap=True)
    for above, below in zip(small[::2], small[1::2], strict=True):
        for top, bottom in zip(above, below, strict=True):
            text.append("▀", f"rgb({','.join(map(str, top))}) on rgb({','.join(map(str, bottom))})")
        text.append("\n")
    return text
