"""A piece is as small as its texts allow, and says them in each of its ways."""

from __future__ import annotations

from uuid import UUID

import pyarrow as pa
import pytest

from engine.inventory.text_pieces import PlainPiece, UuidPiece, piece_of

UUIDS = [str(UUID(int=(number + 10) * 2**64 + number)) for number in range(5)]


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (UUIDS, UuidPiece),
        ([*UUIDS, ""], PlainPiece),
        ([UUIDS[0].upper()], PlainPiece),
        (["", "a", "é𝄞", "日本"], PlainPiece),
        (["x" * 70_000, "y"], PlainPiece),
        ([], PlainPiece),
    ],
)
def test_a_piece_says_its_texts_in_each_of_its_ways(texts: list[str], kind: type) -> None:
    piece = piece_of(texts)
    assert type(piece) is kind
    assert len(piece) == len(texts)
    assert piece.texts() == texts
    assert [piece.text(place) for place in range(len(texts))] == texts
    column = piece.arrow()
    column.validate(full=True)
    assert column.equals(pa.array(texts, pa.string()))


def test_uuids_take_sixteen_bytes_each() -> None:
    assert piece_of(UUIDS).nbytes == 16 * len(UUIDS)
