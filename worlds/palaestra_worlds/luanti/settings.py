"""Settings of a Luanti world."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class LuantiSettings(BaseModel):
    """Keyword settings of a Luanti world; the same names in YAML."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: Literal["vanilla", "easy"] = Field(
        default="vanilla",
        description="vanilla: the game's own times; easy: blocks break a hundred times as fast.",
    )
    game: Path | None = Field(
        default=None,
        description="Folder of another game for the server, e.g. VoxeLibre's; null: the installed minetest_game.",
    )
    server: Path | None = Field(
        default=None, description="The server's program; null: minetestserver, luantiserver or the like, as installed."
    )
    port: int | None = Field(
        default=None,
        ge=1024,
        le=65535,
        description="UDP port of the game server, on localhost; null: any that is free.",
    )
    max_steps: int = Field(
        default=12_000,
        ge=1,
        le=1_000_000,
        description="Ticks of the game's time (20 a second) that actions take, until truncation: the steps of the "
        "papers. Thinking in between takes none.",
    )
