"""Instructions in words -> vectors that the policy sees."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

HASHED_SIZE = 64


def embed(phrases: Sequence[str], config: BaseModel | None = None) -> NDArray[np.float32]:
    """One vector for each phrase, of unit length: float32 (len(phrases), d).

    Args:
        phrases: instructions.
        config: the teacher's; its `encoder` says how, "hashed" or "sentence". Without one: hashed words.

    Raises:
        MissingExtra: the sentence encoder is not installed; the message says how to install it.
    """
    if getattr(config, "encoder", "hashed") == "sentence":
        return _embed_sentences(phrases)
    return np.stack([_hashed(phrase) for phrase in phrases]) if phrases else np.zeros((0, HASHED_SIZE), np.float32)


def _hashed(phrase: str) -> NDArray[np.float32]:
    """Sum of one random vector of signs for each word and each pair of neighbours, ends included: (HASHED_SIZE,).

    Similarity of two phrases is near the share of words and pairs that they have in common.
    """
    words = ["", *re.findall(r"\w+", phrase.lower()), ""]
    pairs = [f"{first} {second}" for first, second in pairwise(words)]
    total = np.sum([_signs(part) for part in words[1:-1] + pairs], axis=0)
    return (total / np.linalg.norm(total)).astype(np.float32)


def _signs(part: str) -> NDArray[np.floating]:
    digest = hashlib.blake2b(part.encode("utf-8", "replace"), digest_size=HASHED_SIZE // 8).digest()
    return np.unpackbits(np.frombuffer(digest, dtype=np.uint8)) * 2.0 - 1.0


def _embed_sentences(phrases: Sequence[str]) -> NDArray[np.float32]:
    from palaestra_teachers.subgoals.sentences import encode

    return encode(phrases)
