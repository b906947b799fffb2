"""TextColumn: a text a row in immutable pieces, a tenth of what a list of strings takes and cheap to copy."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Protocol, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

PIECE_BITS = 10
PIECE_ROWS = 1 << PIECE_BITS
"""Rows of a piece; only a column's last one has fewer."""

_PLACE = PIECE_ROWS - 1
_UUID_LENGTH = 36
_DASHES = (8, 13, 18, 23)
_SHORT = 1 << 16


class Piece(Protocol):
    """Up to PIECE_ROWS texts that never change; ``nbytes`` is what they take."""

    nbytes: int

    def __len__(self) -> int:
        """Return how many texts there are."""

    def text(self, place: int) -> str:
        """Return the text at a place, which must be one of the piece's."""

    def texts(self) -> list[str]:
        """Return all texts, in order."""


class PlainPiece:
    """Texts one behind the other, with where each ends."""

    __slots__ = ("_bounds", "_joined", "nbytes")

    def __init__(self, joined: str, bounds: npt.NDArray[np.integer[Any]]) -> None:
        """``bounds`` are those of each text in ``joined``, in characters, one more than there are texts."""
        code, kind = ("H", np.uint16) if len(joined) < _SHORT else ("I", np.uint32)
        self._joined = joined
        self._bounds = array(code, bounds.astype(kind).tobytes())
        self.nbytes = joined.__sizeof__() + self._bounds.itemsize * len(self._bounds)

    def __len__(self) -> int:
        return len(self._bounds) - 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PlainPiece) and self._joined == other._joined and self._bounds == other._bounds

    def __hash__(self) -> int:
        return hash(self._joined)

    def text(self, place: int) -> str:
        """Return the text at a place."""
        bounds = self._bounds
        return self._joined[bounds[place] : bounds[place + 1]]

    def texts(self) -> list[str]:
        """Return all texts."""
        joined = self._joined
        return [joined[start:end] for start, end in pairwise(self._bounds.tolist())]


class UuidPiece:
    """Uuids in their canonical text (lower case, five groups), 16 bytes each."""

    __slots__ = ("_packed", "nbytes")

    def __init__(self, packed: bytes) -> None:
        self._packed = packed
        self.nbytes = len(packed)

    def __len__(self) -> int:
        return len(self._packed) // 16

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UuidPiece) and self._packed == other._packed

    def __hash__(self) -> int:
        return hash(self._packed)

    def text(self, place: int) -> str:
        """Return the text at a place."""
        return _uuid_text(self._packed[16 * place : 16 * place + 16].hex())

    def texts(self) -> list[str]:
        """Return all texts."""
        digits = self._packed.hex()
        return [_uuid_text(digits[start : start + 32]) for start in range(0, len(digits), 32)]


def _uuid_text(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _piece(joined: str, bounds: npt.NDArray[np.integer[Any]]) -> Piece:
    """Return the smallest piece of these texts, from which they come back exactly as they are."""
    count = len(bounds) - 1
    packed = _packed_uuids(joined, count) if count and len(joined) == _UUID_LENGTH * count else None
    # the same length in all is not yet the same length in each
    if packed is not None and bool((np.diff(bounds) == _UUID_LENGTH).all()):
        return UuidPiece(packed)
    return PlainPiece(joined, bounds)


def _packed_uuids(joined: str, count: int) -> bytes | None:
    """Return the bytes of ``count`` canonical uuids, None where one of the texts is anything else."""
    if not joined.isascii() or joined.count("-") != len(_DASHES) * count or joined != joined.lower():
        return None
    letters = np.frombuffer(joined.encode(), dtype=np.uint8).reshape(count, _UUID_LENGTH)
    if not (letters[:, _DASHES] == ord("-")).all():
        return None
    try:
        packed = bytes.fromhex(joined.replace("-", ""))
    except ValueError:
        return None
    # fromhex passes over blanks
    return packed if len(packed) == 16 * count else None


def _piece_of(texts: Sequence[str]) -> Piece:
    """Return a piece of up to PIECE_ROWS texts."""
    bounds = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)), out=bounds[1:])
    return _piece("".join(texts), bounds)


class TextColumn(Sequence[str]):
    """Texts by row. Reads as a list of them does; a copy shares the pieces until one of the two is written to."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, texts: Iterable[str] = ()) -> None:
        given = list(texts)
        self._rows = len(given)
        self._pieces: list[Piece] = [
            _piece_of(given[start : start + PIECE_ROWS]) for start in range(0, len(given), PIECE_ROWS)
        ]

    @classmethod
    def from_arrow(cls, values: pa.ChunkedArray | pa.Array) -> TextColumn:
        """Return a column of text without nulls; dictionaries are read through."""
        if isinstance(values, pa.ChunkedArray):
            values = values.combine_chunks()
        # 64-bit offsets: a slice of a large column may lie anywhere in its bytes
        plain = values.cast(pa.large_string())
        column = cls()
        column._rows = len(plain)
        if not len(plain):
            return column
        _, offsets_buffer, bytes_buffer = plain.buffers()
        offsets = np.frombuffer(offsets_buffer, dtype=np.int64)[plain.offset : plain.offset + len(plain) + 1]
        octets = memoryview(bytes_buffer) if bytes_buffer is not None else memoryview(b"")
        for start in range(0, len(plain), PIECE_ROWS):
            bounds = offsets[start : start + PIECE_ROWS + 1]
            joined = str(octets[bounds[0] : bounds[-1]], "utf-8")
            if len(joined) != bounds[-1] - bounds[0]:
                lengths = pc.utf8_length(plain.slice(start, PIECE_ROWS)).to_numpy(zero_copy_only=False)
                bounds = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths, dtype=np.int64)])
            column._pieces.append(_piece(joined, bounds - bounds[0]))
        return column

    @property
    def nbytes(self) -> int:
        """Bytes that the texts take, without the few of each piece's own."""
        return sum(piece.nbytes for piece in {id(piece): piece for piece in self._pieces}.values())

    def shared_bytes(self, other: TextColumn) -> int:
        """Return how many of the bytes are those of ``other`` too, held once."""
        theirs = {id(piece) for piece in other._pieces}
        return sum(piece.nbytes for piece in self._pieces if id(piece) in theirs)

    def __len__(self) -> int:
        return self._rows

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> list[str]: ...
    def __getitem__(self, row: int | slice) -> str | list[str]:
        if isinstance(row, slice):
            return self._slice(*row.indices(self._rows))
        if row < 0:
            row += self._rows
        if not 0 <= row < self._rows:
            raise IndexError(f"row {row} of {self._rows}")
        return self._pieces[row >> PIECE_BITS].text(row & _PLACE)

    def __setitem__(self, row: int, text: str) -> None:
        if not 0 <= row < self._rows:
            raise IndexError(f"row {row} of {self._rows}")
        self.write(np.array([row], dtype=np.int64), TextColumn([text]))

    def __iter__(self) -> Iterator[str]:
        for piece in self._pieces:
            yield from piece.texts()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, TextColumn | list):
            return len(self) == len(other) and all(mine == theirs for mine, theirs in zip(self, other, strict=True))
        return NotImplemented

    def __repr__(self) -> str:
        return f"TextColumn({self[:8]!r}{f', {self._rows} in all' if self._rows > 8 else ''})"

    def text(self, row: int) -> str:
        """Return the text of a row that is known to be one: in half the time."""
        return self._pieces[row >> PIECE_BITS].text(row & _PLACE)

    def _slice(self, start: int, stop: int, step: int) -> list[str]:
        if step != 1:
            return [self[row] for row in range(start, stop, step)]
        found: list[str] = []
        while start < stop:
            place = start & _PLACE
            piece = self._pieces[start >> PIECE_BITS]
            end = min(len(piece), place + stop - start)
            found += piece.texts()[place:end] if end - place > 1 else [piece.text(place)]
            start += end - place
        return found

    def take(self, rows: npt.NDArray[np.int64]) -> list[str]:
        """Return the texts of rows, which may repeat; many that are next to each other cost least."""
        if len(rows) > 1 and bool((np.diff(rows) == 1).all()):
            return self[int(rows[0]) : int(rows[-1]) + 1]
        pieces = self._pieces
        return [pieces[row >> PIECE_BITS].text(row & _PLACE) for row in rows.tolist()]

    def index(self, value: str, start: int = 0, stop: int | None = None) -> int:
        """Return the first row from ``start`` on with this text; raise ValueError where there is none."""
        start, stop, _ = slice(start, stop).indices(self._rows)
        while start < stop:
            number, place = start >> PIECE_BITS, start & _PLACE
            texts = self._pieces[number].texts()
            try:
                return (number << PIECE_BITS) + texts.index(value, place, place + stop - start)
            except ValueError:
                start = (number + 1) << PIECE_BITS
        raise ValueError(f"{value!r} is no text of the column")

    def copy(self) -> TextColumn:
        """Return a copy that can be written to without showing here."""
        made = TextColumn()
        made._rows, made._pieces = self._rows, self._pieces.copy()
        return made

    def resize(self, rows: int) -> None:
        """Make the column ``rows`` long: new rows are empty texts, rows beyond are dropped."""
        keep, rest = divmod(rows, PIECE_ROWS)
        if rows < self._rows:
            last = self._pieces[keep].texts()[:rest] if rest else []
            del self._pieces[keep:]
        else:
            last = self._pieces.pop().texts() if self._rows % PIECE_ROWS else []
            empty = PlainPiece("", np.zeros(PIECE_ROWS + 1, dtype=np.int64))
            whole = keep - len(self._pieces)
            if last and whole > 0:
                self._pieces.append(_piece_of(last + [""] * (PIECE_ROWS - len(last))))
                last, whole = [], whole - 1
            self._pieces += [empty] * whole
            last += [""] * (rest - len(last))
        if last:
            self._pieces.append(_piece_of(last))
        self._rows = rows

    def write(self, rows: npt.NDArray[np.int64], texts: TextColumn) -> None:
        """Put ``texts`` at ``rows``, all different and within the column; pieces that do not change are not touched."""
        if not len(rows):
            return
        done = self._write_whole_pieces(rows, texts)
        numbers = rows[done:] >> PIECE_BITS
        order = np.argsort(numbers, kind="stable")
        cuts = np.flatnonzero(np.diff(numbers[order])) + 1
        for group in np.split(order, cuts) if len(order) else ():
            number = int(numbers[group[0]])
            piece = self._pieces[number]
            places = (rows[done + group] & _PLACE).tolist()
            new = texts.take(done + group)
            if all(piece.text(place) == text for place, text in zip(places, new, strict=True)):
                continue
            changed = piece.texts()
            for place, text in zip(places, new, strict=True):
                changed[place] = text
            self._pieces[number] = _piece_of(changed)

    def _write_whole_pieces(self, rows: npt.NDArray[np.int64], texts: TextColumn) -> int:
        """Take over the pieces of ``texts`` that are pieces here too, and return how many rows that wrote."""
        first = int(rows[0])
        if first & _PLACE or not bool((np.diff(rows) == 1).all()):
            return 0
        done = 0
        for number, piece in enumerate(texts._pieces, first >> PIECE_BITS):
            if len(piece) != len(self._pieces[number]):
                break
            if piece != self._pieces[number]:
                self._pieces[number] = piece
            done += len(piece)
        return done

    def share_with(self, other: TextColumn, rows: npt.NDArray[np.int64]) -> None:
        """Hold the pieces of these rows that say the same as those of ``other`` only once."""
        for number in np.unique(rows >> PIECE_BITS).tolist():
            if self._pieces[number] == other._pieces[number]:
                self._pieces[number] = other._pieces[number]
