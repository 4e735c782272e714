"""Each world's own random stream: NumPy's legacy `RandomState` (MT19937), draw for draw, in compiled code.

A stream is one row of uint32: the generator's 624 words and, in column POSITION, which of them is made next. NumPy
makes all 624 anew at once; here each is made when it is drawn, which gives the same numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import register_jitable
from numpy.typing import NDArray

from palaestra_worlds.crafter.state import POSITION

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


@register_jitable(forceinline=True)
def _mix(word: Any, following: Any) -> Any:
    """What MT19937 makes of a word's highest bit and the next word's others."""
    joined = np.uint32(np.uint32(word & _UPPER) | np.uint32(following & _LOWER))
    return np.uint32(np.uint32(joined >> _1) ^ np.uint32(np.uint32(_0 - np.uint32(joined & _1)) & _TWIST))


@register_jitable(forceinline=True)
def random_word(random: Any, i: Any) -> Any:
    """The next 32 bits of stream i, as uint64."""
    k = np.int64(random[i, POSITION])
    following = k + 1 if k + 1 < WORDS else 0
    ahead = k + _AHEAD if k + _AHEAD < WORDS else k + _AHEAD - WORDS
    word = random[i, ahead] ^ _mix(random[i, k], random[i, following])
    random[i, k] = word
    random[i, POSITION] = following
    tempered = np.uint64(word)
    tempered ^= tempered >> np.uint64(11)
    tempered ^= tempered << np.uint64(7) & np.uint64(0x9D2C5680)
    tempered ^= tempered << np.uint64(15) & np.uint64(0xEFC60000)
    return tempered ^ tempered >> np.uint64(18)


@register_jitable(forceinline=True)
def random_double(random: Any, i: Any) -> Any:
    """`RandomState.uniform()`: in [0, 1), from two words."""
    upper = random_word(random, i) >> np.uint64(5)
    lower = random_word(random, i) >> np.uint64(6)
    return (np.float64(upper) * 67108864.0 + np.float64(lower)) / 9007199254740992.0


@register_jitable(forceinline=True)
def random_integer(random: Any, i: Any, low: Any, high: Any) -> Any:
    """`RandomState.randint(low, high)` for ranges below 2**32: masked rejection; a range of one draws nothing."""
    largest = np.uint64(high - low - 1)
    if largest == np.uint64(0):
        return np.int64(low)
    mask = largest
    for shift in (1, 2, 4, 8, 16):
        mask |= mask >> np.uint64(shift)
    value = random_word(random, i) & mask
    while value > largest:
        value = random_word(random, i) & mask
    return np.int64(low) + np.int64(value)


@register_jitable
def _make_words(words: Any, first: Any, end: Any) -> None:
    """Makes words[first:end] anew where they are."""
    for k in range(first, min(end, WORDS - _AHEAD)):
        words[k] = words[k + _AHEAD] ^ _mix(words[k], words[k + 1])
    for k in range(max(first, WORDS - _AHEAD), min(end, WORDS - 1)):
        words[k] = words[k + _AHEAD - WORDS] ^ _mix(words[k], words[k + 1])
    if end == WORDS:
        words[WORDS - 1] = words[_AHEAD - 1] ^ _mix(words[WORDS - 1], words[0])


@register_jitable
def _make_all(old: Any, new: Any) -> None:
    """Makes all words anew in another place.

    Each follows from old words only, through up to three mixes, because a word that was just written would have to be
    waited for; and indices are unsigned, which need no check for negative ones. So it is done with vectors.
    """
    lag = np.uint64(WORDS - _AHEAD)
    next = np.uint64(1)
    for j in range(lag):
        k = np.uint64(j)
        new[k] = old[k + np.uint64(_AHEAD)] ^ _mix(old[k], old[k + next])
    for j in range(lag, 2 * lag):
        k = np.uint64(j)
        last = k - lag
        new[k] = old[last + np.uint64(_AHEAD)] ^ _mix(old[last], old[last + next]) ^ _mix(old[k], old[k + next])
    for j in range(2 * lag, WORDS - 1):
        k = np.uint64(j)
        last = k - lag
        first = last - lag
        mixed = _mix(old[first], old[first + next]) ^ _mix(old[last], old[last + next])
        new[k] = old[first + np.uint64(_AHEAD)] ^ mixed ^ _mix(old[k], old[k + next])
    new[WORDS - 1] = new[_AHEAD - 1] ^ _mix(old[WORDS - 1], new[0])


@register_jitable
def skip_doubles(random: Any, i: Any, count: Any) -> None:
    """Goes on as if `count` doubles had been drawn."""
    words = random[i]
    first = np.int64(words[POSITION])
    end = min(WORDS, first + 2 * count)
    _make_words(words, first, end)
    left = 2 * count - (end - first)
    words[POSITION] = end % WORDS
    if left == 0:
        return
    made = np.empty(WORDS, dtype=np.uint32)
    while left >= 2 * WORDS:
        _make_all(words, made)
        _make_all(made, words)
        left -= 2 * WORDS
    while left > 0:
        _make_all(words, made)
        kept = min(left, WORDS)
        for k in range(kept):
            words[np.uint64(k)] = made[np.uint64(k)]
        left -= kept
        words[POSITION] = kept % WORDS


@register_jitable
def peek_doubles(stream: Any, found: Any) -> None:
    """Fills `found` (K,) with the doubles that a stream (NUM_RANDOM,) gives next; the stream stays where it is."""
    count = 2 * len(found)
    place, filled = np.int64(stream[POSITION]), 0
    words, made = stream[:WORDS].copy(), np.empty(WORDS, dtype=np.uint32)
    numbers = np.empty(count, dtype=np.uint32)
    _make_words(words, place, WORDS)
    while filled < count:
        if place == WORDS:
            _make_all(words, made)
            words[:] = made
            place = 0
        taken = min(WORDS - place, count - filled)
        for k in range(taken):
            word = words[np.uint64(place + k)]
            word ^= word >> np.uint32(11)
            word ^= np.uint32(word << np.uint32(7)) & np.uint32(0x9D2C5680)
            word ^= np.uint32(word << np.uint32(15)) & np.uint32(0xEFC60000)
            numbers[np.uint64(filled + k)] = word ^ word >> np.uint32(18)
        filled += taken
        place += taken
    for k in range(len(found)):
        upper, lower = numbers[2 * k] >> np.uint32(5), numbers[2 * k + 1] >> np.uint32(6)
        found[k] = (np.float64(upper) * 67108864.0 + np.float64(lower)) / 9007199254740992.0


@register_jitable
def seed_stream(random: Any, i: Any, seed: Any) -> None:
    """`RandomState(seed)` for a seed from 0 to 2**32 - 1."""
    word = np.uint64(seed)
    for k in range(WORDS):
        random[i, k] = word
        word = np.uint64(1812433253) * (word ^ word >> np.uint64(30)) + np.uint64(k + 1) & np.uint64(0xFFFFFFFF)
    random[i, POSITION] = 0


@register_jitable
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
    words = row[:WORDS].copy()
    position = int(row[POSITION])
    if position == 0:
        position = WORDS
    else:
        _make_the_rest(words, position)
    found = np.random.RandomState(0)
    found.set_state(("MT19937", words, position, 0, 0.0))
    return found


def _make_the_rest(words: NDArray[np.uint32], first: int) -> None:
    """Makes the words from `first` on anew, as NumPy has done already."""
    for k in range(first, WORDS):
        joined = int(words[k]) & 0x80000000 | int(words[(k + 1) % WORDS]) & 0x7FFFFFFF
        words[k] = int(words[(k + _AHEAD) % WORDS]) ^ joined >> 1 ^ (0x9908B0DF if joined & 1 else 0)
