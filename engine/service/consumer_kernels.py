"""Kernels of the consumer index: plain functions whose own text is compiled, so that nothing stale can run.

A consumer is a row of two uint64 words. The index is an open-addressed table of uint64 entries with linear probing, a
power of two long and at most half full: 0 is free, else the upper half is the upper half of the consumer's hash and the
lower half its place plus one. The hash is SipHash-1-3 under a secret key: callers choose the consumers, and without the
key nobody can choose ones that collide.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.scheduler.compiler import compiling, load_kernels
from engine.scheduler.kernel_functions import functions_text

Words: TypeAlias = npt.NDArray[np.uint64]
"""uint64[n, 2]: consumers, or uint64[m]: the index."""
Places: TypeAlias = npt.NDArray[np.int64]


def siphash_round(v0: Any, v1: Any, v2: Any, v3: Any) -> Any:
    """Return SipHash's four words after one round."""
    v0 += v1
    v1 = (v1 << np.uint64(13)) | (v1 >> np.uint64(51))
    v1 ^= v0
    v0 = (v0 << np.uint64(32)) | (v0 >> np.uint64(32))
    v2 += v3
    v3 = (v3 << np.uint64(16)) | (v3 >> np.uint64(48))
    v3 ^= v2
    v0 += v3
    v3 = (v3 << np.uint64(21)) | (v3 >> np.uint64(43))
    v3 ^= v0
    v2 += v1
    v1 = (v1 << np.uint64(17)) | (v1 >> np.uint64(47))
    v1 ^= v2
    v2 = (v2 << np.uint64(32)) | (v2 >> np.uint64(32))
    return v0, v1, v2, v3


def siphash(first: Any, second: Any, secret: Words) -> Any:
    """Return SipHash-1-3 of two words under the secret's two."""
    v0 = secret[0] ^ np.uint64(0x736F6D6570736575)
    v1 = secret[1] ^ np.uint64(0x646F72616E646F6D)
    v2 = secret[0] ^ np.uint64(0x6C7967656E657261)
    v3 = secret[1] ^ np.uint64(0x7465646279746573)
    v3 ^= first
    v0, v1, v2, v3 = siphash_round(v0, v1, v2, v3)
    v0 ^= first
    v3 ^= second
    v0, v1, v2, v3 = siphash_round(v0, v1, v2, v3)
    v0 ^= second
    # the last word holds the length in its highest byte
    length = np.uint64(16) << np.uint64(56)
    v3 ^= length
    v0, v1, v2, v3 = siphash_round(v0, v1, v2, v3)
    v0 ^= length
    v2 ^= np.uint64(0xFF)
    v0, v1, v2, v3 = siphash_round(v0, v1, v2, v3)
    v0, v1, v2, v3 = siphash_round(v0, v1, v2, v3)
    v0, v1, v2, v3 = siphash_round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3


def entry_of(first: Any, second: Any, number: Any, table: Words, consumers: Words) -> Any:
    """Return where in ``table`` the consumer of hash ``number`` is, or the free entry where it would be."""
    mask = np.uint64(len(table) - 1)
    low = np.uint64(0xFFFFFFFF)
    at = number & mask
    while table[at] != np.uint64(0):
        if (table[at] ^ number) >> np.uint64(32) == np.uint64(0):
            place = (table[at] & low) - np.uint64(1)
            if consumers[place, 0] == first and consumers[place, 1] == second:
                break
        at = (at + np.uint64(1)) & mask
    return at


def find(wanted: Words, table: Words, consumers: Words, secret: Words, places: Places) -> None:
    """Fill ``places`` with the place of each wanted consumer, -1 where it has none."""
    for i in range(len(wanted)):
        first, second = wanted[i, 0], wanted[i, 1]
        at = entry_of(first, second, siphash(first, second, secret), table, consumers)
        places[i] = np.int64(table[at] & np.uint64(0xFFFFFFFF)) - 1


def put(places: Places, table: Words, consumers: Words, secret: Words) -> int:
    """Index the consumers at ``places``, instead of any earlier place of theirs; return how many had none."""
    new = 0
    for i in range(len(places)):
        place = places[i]
        first, second = consumers[place, 0], consumers[place, 1]
        number = siphash(first, second, secret)
        at = entry_of(first, second, number, table, consumers)
        if table[at] == np.uint64(0):
            new += 1
        table[at] = (number >> np.uint64(32) << np.uint64(32)) | np.uint64(place + 1)
    return new


def take_out(places: Places, table: Words, consumers: Words, secret: Words) -> int:
    """Take the consumers at ``places`` out of the index where it names these very places; return how many were."""
    mask = np.uint64(len(table) - 1)
    low = np.uint64(0xFFFFFFFF)
    gone = 0
    for i in range(len(places)):
        first, second = consumers[places[i], 0], consumers[places[i], 1]
        at = entry_of(first, second, siphash(first, second, secret), table, consumers)
        if np.int64(table[at] & low) - 1 != places[i]:
            continue
        gone += 1
        # what was put beyond this entry because it was taken moves up, so that no search ends too early
        following = (at + np.uint64(1)) & mask
        while table[following] != np.uint64(0):
            place = (table[following] & low) - np.uint64(1)
            home = siphash(consumers[place, 0], consumers[place, 1], secret) & mask
            if ((following - home) & mask) >= ((following - at) & mask):
                table[at] = table[following]
                at = following
            following = (following + np.uint64(1)) & mask
        table[at] = np.uint64(0)
    return gone


def look_up(
    wanted: Words,
    table: Words,
    consumers: Words,
    secret: Words,
    scratch: Words,
    places: Places,
    repeated: npt.NDArray[np.bool_],
) -> None:
    """Fill ``places`` as ``find`` does, and ``repeated``: whether a consumer is in ``wanted`` before.

    ``scratch`` is an index of zeros, at least twice as long as ``wanted``, which names the consumers of ``wanted``.
    """
    for i in range(len(wanted)):
        first, second = wanted[i, 0], wanted[i, 1]
        number = siphash(first, second, secret)
        places[i] = np.int64(table[entry_of(first, second, number, table, consumers)] & np.uint64(0xFFFFFFFF)) - 1
        at = entry_of(first, second, number, scratch, wanted)
        repeated[i] = scratch[at] != np.uint64(0)
        if not repeated[i]:
            scratch[at] = (number >> np.uint64(32) << np.uint64(32)) | np.uint64(i + 1)


def match(wanted: Words, among: Words, secret: Words, scratch: Words, indices: Places) -> None:
    """Fill ``indices`` with where each wanted consumer is first in ``among``, -1 where it is not.

    ``scratch`` is an index of zeros, at least twice as long as ``among``.
    """
    for i in range(len(among)):
        first, second = among[i, 0], among[i, 1]
        number = siphash(first, second, secret)
        at = entry_of(first, second, number, scratch, among)
        if scratch[at] == np.uint64(0):
            scratch[at] = (number >> np.uint64(32) << np.uint64(32)) | np.uint64(i + 1)
    find(wanted, scratch, among, secret, indices)


_HELPERS: tuple[Callable[..., Any], ...] = (siphash_round, siphash, entry_of)
_ENTRIES: tuple[Callable[..., Any], ...] = (find, put, take_out, look_up, match)


@cache
def compiled() -> ModuleType:
    """Return the module of the compiled kernels ``find``, ``put``, ``take_out``, ``look_up`` and ``match``."""
    with compiling():
        kernels = load_kernels(functions_text(_ENTRIES, _HELPERS))
        table, consumers, places = np.zeros(2, np.uint64), np.zeros((1, 2), np.uint64), np.zeros(1, np.int64)
        none = consumers[:0]
        kernels.find(none, table, consumers, table, places)
        kernels.put(places[:0], table, consumers, table)
        kernels.take_out(places[:0], table, consumers, table)
        kernels.look_up(none, table, consumers, table, table, places, np.zeros(1, np.bool_))
        kernels.match(none, none, table, table, places)
    return kernels
