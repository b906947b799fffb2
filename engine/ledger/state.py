"""LedgerState: everything the ledger knows at one moment, with allocations as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from engine.ledger.records import HostSegment, Owner, Shape, TokenAnswered


@dataclass(frozen=True, slots=True, eq=False)
class LedgerState:
    """The ledger's content; allocation columns have one entry per allocation, released ones too, in claim order.

    ``consumers`` uint8[n, 16]; ``hosts`` (host numbers), ``shapes`` and ``owners`` (codes) int32[n]; ``created_us``
    and ``released_us`` int64[n], where a ``released_us`` of 0 means held. ``host_segments`` are in the order written.
    Codes in the allocations are the caller's and are not checked against ``shape_table`` and ``owner_table``.
    ``assignments`` are payloads by consumer, of held allocations only.
    """

    consumers: npt.NDArray[np.uint8]
    hosts: npt.NDArray[np.int32]
    shapes: npt.NDArray[np.int32]
    owners: npt.NDArray[np.int32]
    created_us: npt.NDArray[np.int64]
    released_us: npt.NDArray[np.int64]
    shape_table: Mapping[int, Shape]
    owner_table: Mapping[int, Owner]
    host_segments: Sequence[HostSegment]
    documents: Mapping[str, Mapping[str, bytes]]
    tokens: Mapping[str, TokenAnswered]
    assignments: Mapping[bytes, bytes] = field(default_factory=dict)
