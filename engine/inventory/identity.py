"""Identity: what names the hosts of a table, and the providers under theirs."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from engine.inventory.name_index import NameIndex
from engine.inventory.provider_shapes import ProviderNames
from engine.inventory.texts import TextColumn


@dataclass(frozen=True, slots=True)
class IdentityTexts:
    """The texts of a batch of hosts, by index."""

    host_ids: TextColumn = field(default_factory=TextColumn)
    uuids: TextColumn = field(default_factory=TextColumn)
    nodenames: TextColumn = field(default_factory=TextColumn)
    host_ips: TextColumn = field(default_factory=TextColumn)


@dataclass(slots=True)
class Identity:
    """The text that is a host's own, a column an item, by row; ``providers`` names those under its own (see devices).

    ``row_of`` has the hosts there are, not those removed. It is replaced whole before a change that must not show in
    a snapshot.
    """

    host_ids: TextColumn = field(default_factory=TextColumn)
    uuids: TextColumn = field(default_factory=TextColumn)
    nodenames: TextColumn = field(default_factory=TextColumn)
    host_ips: TextColumn = field(default_factory=TextColumn)
    disabled_reasons: dict[int, str] = field(default_factory=dict)
    row_of: NameIndex = field(init=False)
    providers: dict[int, ProviderNames] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.row_of = NameIndex(self.host_ids)

    def copy(self) -> Identity:
        """Return a copy that can be changed without showing in this one; what neither changes stays shared."""
        made = Identity(
            self.host_ids.copy(),
            self.uuids.copy(),
            self.nodenames.copy(),
            self.host_ips.copy(),
            dict(self.disabled_reasons),
            dict(self.providers),
        )
        made.row_of = self.row_of.copy(made.host_ids)
        return made

    def resize(self, rows: int) -> None:
        """Make every column ``rows`` long; new rows have empty texts."""
        for texts in (self.host_ids, self.uuids, self.nodenames, self.host_ips):
            texts.resize(rows)

    def write(self, rows: npt.NDArray[np.int64], texts: IdentityTexts) -> int:
        """Put the texts of hosts at their rows, all different, and return how many of the hosts are new."""
        self._write_texts(rows, texts)
        return self.row_of.put(list(texts.host_ids), rows)

    def fill(self, texts: IdentityTexts, present: npt.NDArray[np.int64]) -> None:
        """Name all rows at once, of which those ``present`` are hosts and the others were or never are."""
        self._write_texts(np.arange(len(texts.host_ids)), texts)
        self.row_of.reserve(len(present))
        self.row_of.put(self.host_ids.take(present), present)

    def _write_texts(self, rows: npt.NDArray[np.int64], texts: IdentityTexts) -> None:
        self.host_ids.write(rows, texts.host_ids)
        self.uuids.write(rows, texts.uuids)
        self.nodenames.write(rows, texts.nodenames)
        # nearly always the node is called what the host is
        self.nodenames.share_with(self.host_ids, rows)
        self.host_ips.write(rows, texts.host_ips)

    @property
    def nbytes(self) -> int:
        """Bytes that columns and index take, shared ones counted once."""
        columns = (self.host_ids, self.uuids, self.nodenames, self.host_ips)
        return sum(item.nbytes for item in columns) - self.nodenames.shared_bytes(self.host_ids) + self.row_of.nbytes
