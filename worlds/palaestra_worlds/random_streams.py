"""Each environment's own random stream: NumPy's PCG64 `Generator`, draw for draw, in compiled code.

A stream is one row of uint64: the 128-bit state, the increment, and the upper half of the last 64-bit output while it
is still unused (NumPy hands out 32-bit numbers low half first).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.compiled import jitable

# Columns of a stream's row.
STATE_HIGH, STATE_LOW, INCREMENT_HIGH, INCREMENT_LOW, HAS_HALF, HALF = range(6)
NUM_RANDOM = 6

_MULTIPLIER_HIGH = np.uint64(2549297995355413924)
_MULTIPLIER_LOW = np.uint64(4865540595714422341)
_LOW_HALF = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_64 = np.uint64(64)
_63 = np.uint64(63)
_58 = np.uint64(58)
_11 = np.uint64(11)
_1 = np.uint64(1)
_0 = np.uint64(0)


@jitable
def _multiply_high(a: Any, b: Any) -> Any:
    """Upper 64 bits of a 64 by 64 bit product."""
    a_low, a_high = a & _LOW_HALF, a >> _32
    b_low, b_high = b & _LOW_HALF, b >> _32
    middle = a_high * b_low + (a_low * b_low >> _32)
    other = a_low * b_high + (middle & _LOW_HALF)
    return a_high * b_high + (middle >> _32) + (other >> _32)


@jitable
def random_word(random: Any, i: Any) -> Any:
    """The next 64 bits of stream i (PCG XSL-RR 128/64)."""
    high, low = random[i, STATE_HIGH], random[i, STATE_LOW]
    product_high = _multiply_high(low, _MULTIPLIER_LOW) + high * _MULTIPLIER_LOW + low * _MULTIPLIER_HIGH
    product_low = low * _MULTIPLIER_LOW
    new_low = product_low + random[i, INCREMENT_LOW]
    carry = _1 if new_low < product_low else _0
    new_high = product_high + random[i, INCREMENT_HIGH] + carry
    random[i, STATE_HIGH] = new_high
    random[i, STATE_LOW] = new_low
    mixed = new_high ^ new_low
    turn = new_high >> _58
    return mixed >> turn | mixed << ((_64 - turn) & _63)


@jitable
def random_half(random: Any, i: Any) -> Any:
    """The next 32 bits, as uint64: the unused upper half of the last word first."""
    if random[i, HAS_HALF] != _0:
        random[i, HAS_HALF] = _0
        return random[i, HALF]
    word = random_word(random, i)
    random[i, HAS_HALF] = _1
    random[i, HALF] = word >> _32
    return word & _LOW_HALF


@jitable
def random_integer(random: Any, i: Any, low: Any, high: Any) -> Any:
    """`Generator.integers(low, high)` for ranges below 2**32: Lemire's method on 32-bit draws.

    A range of one draws nothing.
    """
    size = np.uint64(high - low)
    if size <= _1:
        return np.int64(low)
    product = random_half(random, i) * size
    left = product & _LOW_HALF
    if left < size:
        threshold = (_LOW_HALF - (size - _1)) % size
        while left < threshold:
            product = random_half(random, i) * size
            left = product & _LOW_HALF
    return np.int64(low) + np.int64(product >> _32)


@jitable
def random_double(random: Any, i: Any) -> Any:
    """`Generator.random()`: uniform in [0, 1), from a fresh word; the unused half stays."""
    return np.float64(random_word(random, i) >> _11) * (1.0 / 9007199254740992.0)


@jitable
def random_below(random: Any, i: Any, largest: Any) -> Any:
    """A number from 0 to `largest`, both included, by masked rejection: what `Generator.shuffle` draws."""
    limit = np.uint64(largest)
    if limit == _0:
        return np.int64(0)
    mask = limit
    for shift in (1, 2, 4, 8, 16):
        mask |= mask >> np.uint64(shift)
    value = random_half(random, i) & mask
    while value > limit:
        value = random_half(random, i) & mask
    return np.int64(value)


@jitable
def shuffle(random: Any, i: Any, items: Any, first: Any, count: Any) -> None:
    """`Generator.shuffle` of the list items[first : first + count]: from the end, by masked rejection."""
    for last in range(count - 1, 0, -1):
        chosen = random_below(random, i, last)
        items[first + last], items[first + chosen] = items[first + chosen], items[first + last]


def seed_streams(seeds: Sequence[int], stream: int | None = None) -> NDArray[np.uint64]:
    """Streams as gymnasium's `np_random(seed)` starts them, one row for each seed.

    Args:
        seeds: integers from 0 on.
        stream: None for gymnasium's own; a number for a stream apart from it (`SeedSequence`'s spawn key).
    """
    rows = np.zeros((len(seeds), NUM_RANDOM), dtype=np.uint64)
    spawn_key = () if stream is None else (stream,)
    for row, seed in zip(rows, seeds, strict=True):
        from_generator(row, np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=spawn_key))))
    return rows


def from_generator(row: NDArray[np.uint64], generator: np.random.Generator) -> None:
    """Writes where a NumPy generator stands into a stream's row."""
    found: Any = generator.bit_generator.state
    state, increment = found["state"]["state"], found["state"]["inc"]
    row[STATE_HIGH], row[STATE_LOW] = state >> 64, state & 0xFFFFFFFFFFFFFFFF
    row[INCREMENT_HIGH], row[INCREMENT_LOW] = increment >> 64, increment & 0xFFFFFFFFFFFFFFFF
    row[HAS_HALF], row[HALF] = found["has_uint32"], found["uinteger"]


def to_generator(row: NDArray[np.uint64]) -> np.random.Generator:
    """A NumPy generator that stands where a stream stands."""
    bits = np.random.PCG64(0)
    words = [int(word) for word in row]
    bits.state = {
        "bit_generator": "PCG64",
        "state": {
            "state": words[STATE_HIGH] << 64 | words[STATE_LOW],
            "inc": words[INCREMENT_HIGH] << 64 | words[INCREMENT_LOW],
        },
        "has_uint32": words[HAS_HALF],
        "uinteger": words[HALF],
    }
    return np.random.Generator(bits)
