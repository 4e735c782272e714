"""Keys and pictures in a window, by pygame (which minigrid brings along)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from palaestra.playing.game import CannotPlay, View

SIDE = 640
"""The longer side of the picture in pixels, about."""
LINE = 22


class Window:
    """A keyboard and a screen in one.

    Args:
        title: of the window.
        help: what the keys do.
    """

    def __init__(self, title: str, help: tuple[str, ...]) -> None:
        self._title = title
        self._help = help
        self._surface: Any = None

    @contextmanager
    def opened(self) -> Iterator[Window]:
        """Raises CannotPlay where no window can be opened."""
        import pygame

        try:
            pygame.display.init()
            pygame.font.init()
        except pygame.error as error:
            raise CannotPlay(f"no window can be opened ({error}); play in the terminal, without --window") from error
        try:
            pygame.display.set_caption(self._title)
            pygame.key.set_repeat(300, 120)
            yield self
        finally:
            pygame.quit()

    def show(self, view: View) -> None:
        import pygame

        height, width = view.picture.shape[:2]
        scale = max(SIDE / max(height, width), 1.0)
        size = round(width * scale), round(height * scale)
        font = pygame.font.Font(None, LINE)
        lines = [*view.lines, *_rows(self._help, font, size[0])]
        wanted = size[0], size[1] + LINE * len(lines)
        if self._surface is None or self._surface.get_size() != wanted:
            try:
                self._surface = pygame.display.set_mode(wanted)
            except pygame.error as error:
                raise CannotPlay(f"no window can be opened ({error}); play without --window") from error
        self._surface.fill((0, 0, 0))
        picture = pygame.surfarray.make_surface(view.picture.swapaxes(0, 1))
        self._surface.blit(pygame.transform.scale(picture, size), (0, 0))
        for k, line in enumerate(lines):
            self._surface.blit(font.render(line, True, (220, 220, 220)), (4, size[1] + LINE * k + 2))
        pygame.display.flip()

    def read(self, seconds: float | None) -> str | None:
        import pygame

        while True:
            event = pygame.event.wait(0 if seconds is None else max(round(1000 * seconds), 1))
            if event.type == pygame.QUIT:
                raise EOFError
            if event.type == pygame.NOEVENT:
                return None
            if event.type == pygame.KEYDOWN:
                name = pygame.key.name(event.key)
                return {"return": "enter"}.get(name, name)


def _rows(words: tuple[str, ...], font: Any, width: int) -> list[str]:
    """As many words in a row as fit."""
    rows = [""]
    for word in words:
        longer = f"{rows[-1]}   {word}".strip()
        if rows[-1] and font.size(longer)[0] > width - 8:
            rows.append(word)
        else:
            rows[-1] = longer
    return rows
