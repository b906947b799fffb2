"""TextColumn: a text a row in immutable pieces, a tenth of what a list of strings takes and cheap to copy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from engine.inventory.text_pieces import Piece, PlainPiece, piece_of, piece_of_joined

PIECE_BITS = 10
PIECE_ROWS = 1 << PIECE_BITS
"""Rows of a piece; only a column's last one has fewer."""

_PLACE = PIECE_ROWS - 1
_SPARSE = 4
"""Rows that lie so many times as far apart as they would next to each other are read one by one."""


class TextColumn(Sequence[str]):
    """Texts by row. Reads as a list of them does; a copy shares the pieces until one of the two is written to."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, texts: Iterable[str] = ()) -> None:
        given = list(texts)
        self._rows = len(given)
        self._pieces: list[Piece] = [
            piece_of(given[start : start + PIECE_ROWS]) for start in range(0, len(given), PIECE_ROWS)
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
            column._pieces.append(piece_of_joined(joined, bounds - bounds[0]))
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

    def arrow(self, rows: npt.NDArray[np.int64]) -> pa.Array:
        """Return the texts of rows, which may repeat, as a column (string); whole pieces at a time where possible."""
        if not len(rows):
            return pa.array([], pa.string())
        first, end = int(rows.min()), int(rows.max()) + 1
        if end - first > _SPARSE * len(rows):
            return pa.array(self.take(rows), pa.string())
        numbers = range(first >> PIECE_BITS, ((end - 1) >> PIECE_BITS) + 1)
        found = pa.concat_arrays([self._pieces[number].arrow() for number in numbers])
        found = found.slice(first - (numbers[0] << PIECE_BITS), end - first)
        return found if bool((np.diff(rows) == 1).all()) else found.take(pa.array(rows - first))

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
                self._pieces.append(piece_of(last + [""] * (PIECE_ROWS - len(last))))
                last, whole = [], whole - 1
            self._pieces += [empty] * whole
            last += [""] * (rest - len(last))
        if last:
            self._pieces.append(piece_of(last))
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
            self._pieces[number] = piece_of(changed)

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
