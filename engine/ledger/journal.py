"""The journal's bytes: records encoded one by one (msgpack) and framed together as one msgpack array per commit.

Encoding happens where a record is submitted, so that a malformed record is refused there and never shares a group
with good ones, and so that the committing thread only joins bytes.
"""

from __future__ import annotations

import msgspec

from engine.errors import LedgerCorruptError
from engine.ledger.records import JournalRecord

_ARRAY32 = b"\xdd"


class JournalCodec:
    """Encodes and decodes journal records; keep one per thread that encodes."""

    def __init__(self) -> None:
        self._encoder = msgspec.msgpack.Encoder()
        self._record = msgspec.msgpack.Decoder(JournalRecord)
        self._records = msgspec.msgpack.Decoder(list[JournalRecord])

    def encode(self, record: JournalRecord) -> bytes:
        """Return the record's bytes, read back once as a check; raises ValueError or TypeError for a wrong field."""
        encoded = self._encoder.encode(record)
        self._record.decode(encoded)
        return encoded

    def decode(self, sequence: int, payload: bytes) -> list[JournalRecord]:
        """Return the records of journal row ``sequence``; raises LedgerCorruptError when they are not records."""
        try:
            return self._records.decode(payload)
        except (msgspec.MsgspecError, TypeError) as error:
            message = (
                f"the ledger's journal row {sequence} cannot be read ({error}); restore the state directory from a copy"
            )
            raise LedgerCorruptError(message, sequence=sequence) from error


def frame(count: int, items: bytes) -> bytes:
    """Return ``count`` encoded items that follow one another as one msgpack array (by adding its five-byte header)."""
    return b"".join((_ARRAY32, count.to_bytes(4, "big"), items))
