"""Untrusted text on its way to a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """Without characters that could steer a terminal, or turn the direction of what follows."""
    return "".join(letter if letter.isprintable() or letter in "\n\t" else "\ufffd" for letter in text)
