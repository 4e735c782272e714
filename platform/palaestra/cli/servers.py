"""How commands that serve are ended."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def ended_by_signals(server: Any) -> Iterator[None]:
    """Inside, SIGINT and SIGTERM end `serve_forever`, after which replies under way are dropped."""
    import threading

    def end(*_: Any) -> None:
        # Waits for `serve_forever`, which runs in this thread.
        threading.Thread(target=server.shutdown, daemon=True).start()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
