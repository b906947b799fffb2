"""Kinds: requests as what a kernel has to know of them: which hosts stand open to them and what they need of meters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.model.request_spec import RequestSpec
from engine.whatif.measure.meters import Floats, Meters
from engine.whatif.measure.standing import Mask, Standings


@dataclass(frozen=True, slots=True)
class Kinds:
    """Different kinds of requests, those of equal masks next to each other.

    ``masks`` is uint8[masks, rows]; the kinds of mask g are those from ``ends[g]`` to ``ends[g + 1]``. ``needs`` and
    ``taken`` are float64[meters, kinds]. ``kind_of`` int64: the kind of each request given.
    """

    masks: Mask
    ends: npt.NDArray[np.int64]
    needs: Floats
    taken: Floats
    kind_of: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.needs.shape[1])


def kinds_of(standings: Standings, meters: Meters, requests: Sequence[RequestSpec]) -> Kinds:
    """Return the kinds of some requests; raise InvalidRequestError for one that contradicts itself."""
    masks: dict[object, int] = {}
    arrays: list[Mask] = []
    numbers: dict[tuple[int, tuple[float, ...], tuple[float, ...]], int] = {}
    numbered: list[int] = []
    for request in requests:
        standing = standings.of(request)
        mask = masks.setdefault(standing.key, len(masks))
        if mask == len(arrays):
            arrays.append(standing.mask)
        amounts = standings.selector.demand(request).amounts
        key = (mask, tuple(meters.needs(amounts)), tuple(meters.taken(amounts)))
        numbered.append(numbers.setdefault(key, len(numbers)))
    kept = list(numbers)
    order = np.argsort([key[0] for key in kept], kind="stable").astype(np.int64)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    shape = (len(meters.meters), len(kept))
    needs = np.array([kept[number][1] for number in order.tolist()], dtype=np.float64).reshape(shape[::-1]).T
    taken = np.array([kept[number][2] for number in order.tolist()], dtype=np.float64).reshape(shape[::-1]).T
    sizes = np.bincount(np.array([key[0] for key in kept], dtype=np.int64), minlength=len(arrays))
    rows = meters.values.shape[1]
    return Kinds(
        np.array(arrays, dtype=np.uint8).reshape(len(arrays), rows),
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        np.ascontiguousarray(needs),
        np.ascontiguousarray(taken),
        place[np.array(numbered, dtype=np.int64)],
    )


def smallest(kinds: Kinds) -> Kinds:
    """Return the kinds that need no more of any meter than another of the same mask: one of them fits if any kind does.

    The numbers of requests' kinds are not kept.
    """
    kept: list[int] = []
    ends = [0]
    for first, last in zip(kinds.ends[:-1].tolist(), kinds.ends[1:].tolist(), strict=True):
        needs = kinds.needs[:, first:last]
        for number in range(last - first):
            less = (needs <= needs[:, number, np.newaxis]).all(axis=0)
            # of equal ones the first stays
            equal = (needs == needs[:, number, np.newaxis]).all(axis=0)
            if not (less & ~equal).any() and int(np.argmax(equal)) == number:
                kept.append(first + number)
        ends.append(len(kept))
    columns = np.array(kept, dtype=np.int64)
    return Kinds(
        kinds.masks,
        np.array(ends, dtype=np.int64),
        np.ascontiguousarray(kinds.needs[:, columns]),
        np.ascontiguousarray(kinds.taken[:, columns]),
        np.empty(0, dtype=np.int64),
    )
