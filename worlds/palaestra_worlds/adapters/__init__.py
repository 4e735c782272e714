"""Other libraries' environments as worlds: `gymnasium:<id>` and `envpool:<id>`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from palaestra_worlds.adapters.settings import AdapterSettings, EnvpoolSettings
from palaestra_worlds.base import Mistakes, World, WorldEntry, checked_settings

if TYPE_CHECKING:
    import numpy as np

INSTALL_ENVPOOL = "pip install 'palaestra[envpool]'"


class AdapterProvider:
    """Ids with one prefix, made by one library.

    Attributes:
        prefix: of the ids.
    """

    has_tasks = False

    def __init__(
        self,
        prefix: str,
        listed: dict[str, str],
        kind: Callable[[], type[World]],
        settings: type[AdapterSettings],
        licence: str,
        package: str,
        install: str,
    ) -> None:
        """
        Args:
            prefix: with its colon.
            listed: what some of the library's ids are, to be shown in lists; all others are served too.
            kind: loads the class of its worlds.
            settings: of these worlds.
            licence: of the library.
            package: that must be there.
            install: how to get it.
        """
        self.prefix = prefix
        self._listed = listed
        self._kind = kind
        self._settings = settings
        self._licence = licence
        self._package = package
        self._install = install

    def _missing(self) -> str:
        return self._install if find_spec(self._package) is None else ""

    def entries(self) -> Sequence[WorldEntry]:
        return tuple(
            WorldEntry(
                id=f"{self.prefix}{id}",
                summary=summary,
                levels="reference",
                missing=self._missing(),
                licences=(self._licence,),
            )
            for id, summary in self._listed.items()
        )

    def settings(self) -> type[AdapterSettings]:
        return self._settings

    def make(self, id: str, num_envs: int, **settings: Any) -> World:
        if missing := self._missing():
            raise ValueError(f"{id} needs the package {self._package}: {missing}")
        checked = checked_settings(self._settings, id, settings)
        return self._kind()(id, num_envs, checked)  # pyright: ignore[reportCallIssue]

    def oracle(self, prompt: str, schema: dict[str, Any] | None) -> dict[str, Any] | None:
        """Nobody knows what to do in these."""
        return None

    def misread(
        self, prompt: str, answer: dict[str, Any], mistakes: Mistakes, random: np.random.Generator
    ) -> dict[str, Any] | None:
        return None


def _gymnasium_world() -> type[World]:
    from palaestra_worlds.adapters.gymnasium_world import GymnasiumWorld

    return GymnasiumWorld


def _envpool_world() -> type[World]:
    from palaestra_worlds.adapters.envpool_world import EnvpoolWorld

    return EnvpoolWorld


GYMNASIUM = AdapterProvider(
    "gymnasium:",
    {"CartPole-v1": "any environment registered with gymnasium, stepped one by one"},
    _gymnasium_world,
    AdapterSettings,
    "MIT (gymnasium)",
    "gymnasium",
    "pip install gymnasium",
)
ENVPOOL = AdapterProvider(
    "envpool:",
    dict.fromkeys(("Ant-v5", "CartPole-v1", "HalfCheetah-v5"), "any of envpool's environments, stepped in C++"),
    _envpool_world,
    EnvpoolSettings,
    "Apache-2.0 (envpool; see its notices for what it carries)",
    "envpool",
    INSTALL_ENVPOOL,
)
