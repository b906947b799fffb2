"""How many instances each host has whose images share a property: what ImagePropertiesWeigher goes by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engine.ledger.records import Owner
from engine.scheduler.image_texts import image_texts


class ImageCounter:
    """Counts instances by row and image property; ``owners`` tell an instance's image by the code it has there."""

    def __init__(self, owners: Sequence[Owner]) -> None:
        self.by_row: dict[int, dict[tuple[str, str], int]] = {}
        """By row: how many of its instances have an image with this property of this value."""
        self._owners = owners
        self._texts: dict[int, tuple[tuple[str, str], ...]] = {}

    def count(self, owners: npt.NDArray[np.int32], rows: npt.NDArray[np.int32], change: int) -> None:
        """Count the instances of these owners on these rows in (1) or out (-1)."""
        # owners are few: whoever has no image costs nothing by the instance
        for owner in np.unique(owners).tolist():
            pairs = self._pairs(owner)
            if pairs:
                for row in rows[owners == owner].tolist():
                    self._add(row, pairs, change)

    def _pairs(self, owner: int) -> tuple[tuple[str, str], ...]:
        """Return the properties of an owner's image as nova's image object has them."""
        pairs = self._texts.get(owner)
        if pairs is None:
            texts = image_texts(dict(self._owners[owner].image_properties))
            pairs = self._texts[owner] = tuple(sorted(texts.items()))
        return pairs

    def _add(self, row: int, pairs: tuple[tuple[str, str], ...], change: int) -> None:
        counts = self.by_row.setdefault(row, {})
        for pair in pairs:
            counts[pair] = counts.get(pair, 0) + change
            if not counts[pair]:
                del counts[pair]
        if not counts:
            del self.by_row[row]
