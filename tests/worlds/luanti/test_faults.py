"""What goes wrong around a server, before a game begins."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from palaestra_worlds.luanti import PROVIDER
from palaestra_worlds.luanti.bridge import Bridge
from palaestra_worlds.luanti.errors import ModMismatch, PortTaken, ServerGone, ServerMissing, WrongToken
from palaestra_worlds.luanti.settings import LuantiSettings

MISSING = PROVIDER.entries()[0].missing
installed = pytest.mark.skipif(bool(MISSING), reason=f"the game server is not installed: {MISSING}")

OLDER = """#!{python}
# A server with the mod of another version.
import sys, urllib.request
kept = dict(line.strip().split(" = ", 1) for line in open(sys.argv[sys.argv.index("--config") + 1]))
headers = {{"Authorization": "Bearer " + kept["palaestra.token"]}}
urllib.request.urlopen(urllib.request.Request(kept["palaestra.url"], b'{{"protocol": 0}}', headers), timeout=20)
"""


def game(folder: Path) -> Path:
    """A folder that is a game by its looks."""
    made = folder / "some_game"
    made.mkdir()
    (made / "game.conf").write_text("title = Some game\n")
    return made


def program(folder: Path, text: str) -> Path:
    made = folder / "server"
    made.write_text(text)
    made.chmod(0o755)
    return made


def test_a_missing_server_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("palaestra_worlds.luanti.server.FOLDERS", (tmp_path,))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert PROVIDER.entries()[0].missing == "apt-get install minetest-server minetest-data"
    with pytest.raises(ServerMissing, match="apt-get install minetest-server minetest-data"):
        PROVIDER.make("Luanti", 1)
    with pytest.raises(ServerMissing, match="is no program"):
        PROVIDER.make("Luanti", 1, server=tmp_path / "nothing")


def test_a_folder_that_is_no_game_is_refused(tmp_path: Path) -> None:
    server = program(tmp_path, "#!/bin/sh\n")
    with pytest.raises(ServerMissing, match=r"has no game\.conf"):
        PROVIDER.make("Luanti", 1, game=tmp_path, server=server)


def test_only_one_environment_and_known_settings(tmp_path: Path) -> None:
    settings = {"game": game(tmp_path), "server": program(tmp_path, "#!/bin/sh\n")}
    with pytest.raises(ValueError, match="num_envs must be 1, not 2"):
        PROVIDER.make("Luanti", 2, **settings)
    with pytest.raises(ValueError, match="no_such_setting"):
        PROVIDER.make("Luanti", 1, no_such_setting=1)


def test_a_port_that_another_program_has(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        settings = LuantiSettings(game=game(tmp_path), server=program(tmp_path, "#!/bin/sh\n"), port=port)
        with pytest.raises(PortTaken, match=f"another program has UDP port {port}"):
            Bridge(settings, seed=1)


def test_a_server_that_ends_at_once_is_named_with_its_last_lines(tmp_path: Path) -> None:
    server = program(tmp_path, "#!/bin/sh\necho no such world\nexit 3\n")
    with pytest.raises(ServerGone, match=r"(?s)ended with code 3.*no such world"):
        Bridge(LuantiSettings(game=game(tmp_path), server=server), seed=1)


def test_a_mod_of_another_version_is_named(tmp_path: Path) -> None:
    server = program(tmp_path, OLDER.format(python=sys.executable))
    with pytest.raises(ModMismatch, match="speaks version 0 of the bridge"):
        Bridge(LuantiSettings(game=game(tmp_path), server=server), seed=1)


@installed
def test_a_mod_with_another_token_is_refused_and_its_server_ends() -> None:
    with pytest.raises(WrongToken, match="came with another token"):
        Bridge(LuantiSettings(), seed=1, token="somebody else's")


PLAYS = """
import sys
from palaestra_worlds.luanti.bridge import Bridge
from palaestra_worlds.luanti.settings import LuantiSettings
bridge = Bridge(LuantiSettings(), seed=1)
print(bridge.server.process_id, flush=True)
while True:
    bridge.call("biome", x=0, y=0, z=0)
"""


@installed
def test_ctrl_c_leaves_no_server_behind() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PLAYS], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as playing:
        assert playing.stdout is not None
        server = int(playing.stdout.readline())
        playing.send_signal(signal.SIGINT)
        _, errors = playing.communicate(timeout=60)
    assert "KeyboardInterrupt" in errors
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)
