"""The game server as a child of this process: its folder, its configuration, and its end."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import weakref
from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path

from palaestra_worlds.luanti.errors import LuantiError, PortTaken, ServerGone, ServerMissing
from palaestra_worlds.luanti.settings import LuantiSettings

PROGRAMS = ("minetestserver", "luantiserver")
FOLDERS = (Path("/usr/games"), Path("/usr/local/games"), Path("/usr/lib/minetest"))
"""Where distributions put games, beside the PATH."""
SHARES = (
    Path("/usr/share/games/minetest/games"),
    Path("/usr/share/minetest/games"),
    Path("/usr/share/luanti/games"),
    Path("/usr/local/share/minetest/games"),
    Path("/usr/local/share/luanti/games"),
)
GAME = "minetest_game"
INSTALL = "apt-get install minetest-server minetest-data"
MOD = "palaestra"
LAST_LINES = 6
STOPPING_SECONDS = 5.0


def find_server(settings: LuantiSettings) -> Path:
    """The server's program.

    Raises:
        ServerMissing: there is none.
    """
    if settings.server is not None:
        if not os.access(settings.server, os.X_OK):
            raise ServerMissing(f"server: {settings.server} is no program; leave it out, or install one: {INSTALL}")
        return settings.server
    path = os.pathsep.join((os.environ.get("PATH", ""), *map(str, FOLDERS)))
    found = next((one for name in PROGRAMS if (one := shutil.which(name, path=path))), None)
    if found is None:
        raise ServerMissing(f"Luanti needs its server, and there is no {' or '.join(PROGRAMS)}: {INSTALL}")
    return Path(found)


def find_game(settings: LuantiSettings) -> Path:
    """The folder of the game that the server is to run.

    Raises:
        ServerMissing: there is none.
    """
    if settings.game is not None:
        game = settings.game.expanduser().resolve()
        if not (game / "game.conf").is_file():
            raise ServerMissing(f"game: {game} has no game.conf; give the folder of a game for Luanti")
        return game
    found = next((share / GAME for share in SHARES if (share / GAME / "game.conf").is_file()), None)
    if found is None:
        raise ServerMissing(f"Luanti needs a game, and {GAME} is not installed: {INSTALL}; or give `game`, a folder")
    return found


def missing(settings: LuantiSettings) -> str:
    """How to install what is missing; empty: nothing is."""
    try:
        find_server(settings)
        find_game(settings)
    except ServerMissing:
        return INSTALL
    return ""


class Server:
    """A running game server in a folder of its own that goes when it ends.

    Args:
        settings: of the world.
        seed: of the map.
        url: that the mod asks for commands.
        token: that it shows.

    Raises:
        ServerMissing: server or game is not installed.
        PortTaken: another program has the port.
    """

    def __init__(self, settings: LuantiSettings, seed: int, url: str, token: str) -> None:
        program, game = find_server(settings), find_game(settings)
        self.port = settings.port or _free_port()
        _check_port(self.port)
        self._folder = Path(tempfile.mkdtemp(prefix="palaestra-luanti-"))
        self._log = self._folder / "server.log"
        _write_world(self._folder, settings, game, seed, self.port, url, token)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    program,
                    "--config",
                    self._folder / "server.conf",
                    "--world",
                    self._folder / "world",
                    "--gameid",
                    game.name,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_environment(self._folder),
                # Ctrl-C in the terminal is for this program, which then stops the server.
                start_new_session=True,
            )
        self.stop = weakref.finalize(self, _stop, self._process, self._folder)
        """Ends the server and removes its folder; does so by itself when this object or the process goes."""

    @property
    def process_id(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """Ends it at once, as a crash would: what comes next is told that it is gone."""
        self._process.kill()
        self._process.wait()

    def last_lines(self) -> str:
        """The last lines that it wrote, for messages."""
        try:
            lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(line for line in lines if line.strip())[-200 * LAST_LINES :]

    def how_it_ended(self) -> LuantiError:
        """Why a server that is no longer running is not."""
        lines = self.last_lines()
        if "Failed to bind" in lines or "failed to bind" in lines:
            return PortTaken(_taken(self.port))
        return ServerGone(
            f"the game server ended with code {self._process.poll()}; reset begins anew. Its last lines:\n{lines}"
        )


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _check_port(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        try:
            one.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortTaken(_taken(port)) from error


def _taken(port: int) -> str:
    return f"port: another program has UDP port {port}; give another, or leave it out for any that is free"


def _environment(folder: Path) -> dict[str, str]:
    """Without proxies, which the server's HTTP client would send its local requests to."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    games = str(folder / "games")
    return {**kept, "HOME": str(folder), "MINETEST_SUBGAME_PATH": games, "MINETEST_GAME_PATH": games}


def _write_world(
    folder: Path, settings: LuantiSettings, game: Path, seed: int, port: int, url: str, token: str
) -> None:
    world = folder / "world"
    (world / "worldmods").mkdir(parents=True)
    (folder / "games").mkdir()
    (folder / "games" / game.name).symlink_to(game, target_is_directory=True)
    with as_file(files("palaestra_worlds.luanti") / "mod") as mod:
        shutil.copytree(mod, world / "worldmods" / MOD)
    kept = {
        "gameid": game.name,
        "backend": "dummy",
        "player_backend": "dummy",
        "auth_backend": "sqlite3",
        "mod_storage_backend": "sqlite3",
    }
    _write_settings(world / "world.mt", kept)
    lines = {
        "bind_address": "127.0.0.1",
        "port": port,
        "server_announce": "false",
        "fixed_map_seed": seed,
        "mg_name": "v6",
        "num_emerge_threads": 1,
        "dedicated_server_step": 0.03,
        "active_block_mgmt_interval": 0.2,
        "max_forceloaded_blocks": 2000,
        "abm_time_budget": 0.02,
        "time_speed": 0,
        "enable_damage": "true",
        "creative_mode": "false",
        "mg_flags": "caves,dungeons,light,decorations,biomes,ores",
        "secure.enable_security": "true",
        "secure.http_mods": MOD,
        "curl_timeout": 60000,
        "debug_log_level": "warning",
        "palaestra.url": url,
        "palaestra.token": token,
        "palaestra.easy": str(settings.rules == "easy").lower(),
    }
    config = folder / "server.conf"
    config.touch(mode=0o600)
    _write_settings(config, lines)


def _write_settings(path: Path, lines: Mapping[str, object]) -> None:
    path.write_text("".join(f"{name} = {value}\n" for name, value in lines.items()), encoding="utf-8")


def _stop(process: subprocess.Popen[bytes], folder: Path) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOPPING_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    shutil.rmtree(folder, ignore_errors=True)
