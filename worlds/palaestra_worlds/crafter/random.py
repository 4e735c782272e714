"""Each world's own random stream: NumPy's legacy `RandomState` (MT19937), draw for draw, in compiled code.

A stream is one row of uint32: the generator's 624 words and, in column POSITION, how many of them are drawn; when all
are, all are made anew.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from palaestra_worlds.compiled import allocating, inlined, jitable
from palaestra_worlds.crafter.state import NUM_RANDOM, POSITION

WORDS = 624
_AHEAD = 397
_UPPER = np.uint32(0x80000000)
_LOWER = np.uint32(0x7FFFFFFF)
_TWIST = np.uint32(0x9908B0DF)
_1 = np.uint32(1)
_0 = np.uint32(0)

# Primes of xxHash, by which CPython hashes tuples, and the modulus of its hashes of integers.
_PRIME_1 = np.uint64(11400714785074694791)
_PRIME_2 = np.uint64(14029467366897019727)
_PRIME_5 = np.uint64(2870177450012600261)
_LENGTH_2 = np.uint64(2) ^ (_PRIME_5 ^ np.uint64(3527539))
_MERSENNE = np.uint64(2**61 - 1)


@inlined
def _mix(word: Any, following: Any) -> Any:
    """What MT19937 makes of a word's highest bit and the next word's others."""
    joined = np.uint32(np.uint32(word & _UPPER) | np.uint32(following & _LOWER))
    return np.uint32(np.uint32(joined >> _1) ^ np.uint32(np.uint32(_0 - np.uint32(joined & _1)) & _TWIST))


@jitable
def _make_words(words: Any) -> None:
    """Makes all words anew where they are.

    In stretches within which no word follows from another, and with unsigned indices, which need no check for negative
    ones: so it is done with vectors.
    """
    ahead, lag, next = np.uint64(_AHEAD), np.uint64(WORDS - _AHEAD), np.uint64(1)
    for j in range(WORDS - _AHEAD):
        k = np.uint64(j)
        words[k] = words[k + ahead] ^ _mix(words[k], words[k + next])
    for j in range(WORDS - _AHEAD, 2 * (WORDS - _AHEAD)):
        k = np.uint64(j)
        words[k] = words[k - lag] ^ _mix(words[k], words[k + next])
    for j in range(2 * (WORDS - _AHEAD), WORDS - 1):
        k = np.uint64(j)
        words[k] = words[k - lag] ^ _mix(words[k], words[k + next])
    words[WORDS - 1] = words[_AHEAD - 1] ^ _mix(words[WORDS - 1], words[0])


@inlined
def _tempered(word: Any) -> Any:
    """The number that a word gives."""
    word ^= np.uint32(word >> np.uint32(11))
    word ^= np.uint32(np.uint32(word << np.uint32(7)) & np.uint32(0x9D2C5680))
    word ^= np.uint32(np.uint32(word << np.uint32(15)) & np.uint32(0xEFC60000))
    return np.uint32(word ^ np.uint32(word >> np.uint32(18)))


@jitable
def random_word(level: Any) -> Any:
    """The next 32 bits of a level's stream, as uint64."""
    k = level.random[POSITION]
    if k == WORDS:
        _make_words(level.random)
        k = np.uint32(0)
    level.random[POSITION] = k + np.uint32(1)
    return np.uint64(_tempered(level.random[k]))


@jitable
def random_double(level: Any) -> Any:
    """`RandomState.uniform()`: in [0, 1), from two words."""
    upper = random_word(level) >> np.uint64(5)
    lower = random_word(level) >> np.uint64(6)
    return (np.float64(upper) * 67108864.0 + np.float64(lower)) / 9007199254740992.0


@jitable
def random_integer(level: Any, low: Any, high: Any) -> Any:
    """`RandomState.randint(low, high)` for ranges below 2**32: masked rejection; a range of one draws nothing."""
    largest = np.uint64(high - low - 1)
    if largest == np.uint64(0):
        return np.int64(low)
    mask = largest
    for shift in (1, 2, 4, 8, 16):
        mask |= mask >> np.uint64(shift)
    value = random_word(level) & mask
    while value > largest:
        value = random_word(level) & mask
    return np.int64(low) + np.int64(value)


@jitable
def skip_doubles(level: Any, count: Any) -> None:
    """Goes on as if `count` doubles had been drawn."""
    place = np.int64(level.random[POSITION]) + 2 * count
    while place > WORDS:
        _make_words(level.random)
        place -= WORDS
    level.random[POSITION] = place


@allocating
def take_doubles(stream: Any, found: Any, first: Any) -> None:
    """Fills `found[first:]` with the doubles that a stream (NUM_RANDOM,) gives next; the stream goes on."""
    count, filled = 2 * (len(found) - first), 0
    place = np.int64(stream[POSITION])
    numbers = np.empty(count, dtype=np.uint32)
    while filled < count:
        if place == WORDS:
            _make_words(stream)
            place = 0
        taken = min(WORDS - place, count - filled)
        for k in range(taken):
            numbers[np.uint64(filled + k)] = _tempered(stream[np.uint64(place + k)])
        filled += taken
        place += taken
    stream[POSITION] = place
    for j in range(len(found) - first):
        k = np.uint64(j)
        upper = numbers[k + k] >> np.uint32(5)
        lower = numbers[k + k + np.uint64(1)] >> np.uint32(6)
        found[np.uint64(first) + k] = (np.float64(upper) * 67108864.0 + np.float64(lower)) / 9007199254740992.0


@allocating
def peek_doubles(stream: Any, found: Any) -> None:
    """The same from the first on; the stream stays where it is."""
    words = np.empty(NUM_RANDOM, dtype=np.uint32)
    for k in range(NUM_RANDOM):
        words[k] = stream[k]
    take_doubles(words, found, 0)


@jitable
def seed_stream(level: Any, seed: Any) -> None:
    """`RandomState(seed)` for a seed from 0 to 2**32 - 1."""
    word = np.uint64(seed)
    for k in range(WORDS):
        level.random[k] = word
        word = np.uint64(1812433253) * (word ^ word >> np.uint64(30)) + np.uint64(k + 1) & np.uint64(0xFFFFFFFF)
    level.random[POSITION] = WORDS


@jitable
def episode_seed(seed: Any, episode: Any) -> Any:
    """`hash((seed, episode)) % (2**31 - 1)` as 64-bit CPython computes it, for numbers from 0 on."""
    mixed = _PRIME_5
    for number in (np.uint64(seed), np.uint64(episode)):
        mixed += number % _MERSENNE * _PRIME_2
        mixed = mixed << np.uint64(31) | mixed >> np.uint64(33)
        mixed *= _PRIME_1
    mixed += _LENGTH_2
    # -1 means an error to CPython, so it takes another number in its place.
    found = np.int64(mixed) if mixed != np.uint64(0xFFFFFFFFFFFFFFFF) else np.int64(1546275796)
    return found % np.int64(2**31 - 1)


def to_random_state(row: NDArray[np.uint32]) -> np.random.RandomState:
    """A NumPy generator that stands where a stream stands."""
    found = np.random.RandomState(0)
    found.set_state(("MT19937", row[:WORDS].copy(), int(row[POSITION]), 0, 0.0))
    return found
