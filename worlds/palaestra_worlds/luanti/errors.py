"""What can go wrong with a game server; every message says what to do."""

from __future__ import annotations


class LuantiError(ConnectionError):
    """The game server cannot be used, or no longer; the message says why."""


class ServerMissing(LuantiError, ValueError):
    """No server is installed, or no game for it: the world cannot be made."""


class PortTaken(LuantiError):
    """Another program has the server's port."""


class ServerGone(LuantiError):
    """The server ended, or stopped answering, in the middle."""


class WrongToken(LuantiError):
    """The server's mod does not know this session's token."""


class ModMismatch(LuantiError):
    """The mod in the server speaks another version of the bridge's protocol."""
