"""Notes: what an import of nova.conf says of the file beside the settings it makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.novaconf.reader import Entry

Kind = Literal["ignored", "differs", "renamed", "overridden"]
"""Not taken at all; taken, but Berth does otherwise; given by a name of an older nova; beaten by another entry."""


@dataclass(frozen=True, slots=True)
class Note:
    """What is to be said of one entry."""

    kind: Kind
    entry: Entry
    text: str

    def line(self) -> str:
        """Return the note as one line; the value is not shown, since it may be a password."""
        return f"{self.entry.place}: {self.entry.option} {self.kind}: {self.text}"
