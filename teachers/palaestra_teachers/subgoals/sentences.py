"""The sentence encoder behind the extra `language`: all-MiniLM-L6-v2, which comes as a package and runs offline."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class MissingExtra(ImportError):
    """Something that is not installed by default; the message says how to install it."""


def encode(phrases: Sequence[str]) -> NDArray[np.float32]:
    """Sentence embeddings of unit length: float32 (len(phrases), 384).

    Raises:
        MissingExtra: the encoder is not installed.
    """
    raise MissingExtra("the sentence encoder is not installed; install it with: pip install 'palaestra[language]'")
