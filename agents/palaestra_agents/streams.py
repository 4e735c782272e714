"""Streams of random numbers that are saved and gone on with, also on another kind of device."""

from __future__ import annotations

import hashlib

import torch


def go_on(generator: torch.Generator, state: torch.Tensor) -> None:
    """Goes on with a stream where it was saved.

    Args:
        generator: that goes on.
        state: what another's `get_state` gave, uint8 (bytes,). One of another kind of device (a GPU's stream on a CPU)
            cannot be gone on with: the generator is then seeded by it, the same each time.
    """
    saved = state.cpu()
    if saved.shape == generator.get_state().shape:
        generator.set_state(saved)
    else:
        generator.manual_seed(int.from_bytes(hashlib.sha256(saved.numpy().tobytes()).digest()[:7], "little"))
