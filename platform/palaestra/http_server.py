"""What Palaestra's small HTTP servers are."""

from __future__ import annotations

import sys
from http.server import ThreadingHTTPServer
from typing import Any


class Server(ThreadingHTTPServer):
    """Answers each client in a thread of its own, and takes it as no error when one hangs up."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Prints a traceback, unless the connection broke."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)
