"""Capacity calls at the client: snapshots and answers are whole, or an error says that they are not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.arrow_chunks import arrow_chunks
from engine.capacity_client import SnapshotParts, no_progress, save_answer, snapshot_parts
from engine.errors import EngineError, InvalidRequestError
from engine.v1.capacity_service_pb2 import AnswerFile, AskProgress, AskResponse, GetSnapshotResponse, SnapshotFacts

HOSTS = pa.table({"host_id": [f"h{number}" for number in range(1000)], "vcpus": list(range(1000))})
_END_MARK_BYTES = 10
HELD = pa.table({"instance": ["a", "b"], "host_id": pa.array(["h1", "h1"]).dictionary_encode()})


def messages(chunk_bytes: int = 1 << 20, hosts: pa.Table = HOSTS) -> list[GetSnapshotResponse]:
    """The messages of a snapshot, in pieces of some size."""
    facts = SnapshotFacts(inventory_generation=7, time_us=9, hosts=hosts.num_rows, allocations=HELD.num_rows)
    return [
        GetSnapshotResponse(facts=facts),
        *(GetSnapshotResponse(documents=piece) for piece in (b'{"a":', b"1}")),
        *(GetSnapshotResponse(hosts=piece) for piece in arrow_chunks(hosts, chunk_bytes=chunk_bytes, batch_rows=300)),
        *(GetSnapshotResponse(allocations=piece) for piece in arrow_chunks(HELD, chunk_bytes=chunk_bytes)),
    ]


def parts(given: list[GetSnapshotResponse]) -> SnapshotParts:
    return snapshot_parts(iter(given))


@pytest.mark.parametrize("chunk_bytes", [7, 1000, 1 << 20])
def test_a_snapshot_comes_together_from_pieces_of_any_size(chunk_bytes: int) -> None:
    found = parts(messages(chunk_bytes))
    assert (found.facts.inventory_generation, found.documents) == (7, b'{"a":1}')
    assert found.hosts.equals(HOSTS)
    assert found.allocations.equals(HELD)


def test_an_empty_fleet_is_a_whole_snapshot() -> None:
    assert parts(messages(hosts=HOSTS.slice(0, 0))).hosts.num_rows == 0


@given(st.integers(0, 60))
def test_a_snapshot_that_lacks_a_message_is_an_error(left_out: int) -> None:
    # without the marks at the ends of streams, which say nothing that is not known
    given_ = [message for message in messages(3000) if message.ByteSize() != _END_MARK_BYTES]
    taken = given_.pop(left_out % len(given_))
    if taken.WhichOneof("part") != "documents":
        # what documents say is looked at later
        with pytest.raises(EngineError):
            parts(given_)


@given(st.integers(0, 60), st.integers(0, 60))
def test_messages_in_another_order_are_an_error_unless_they_are_whole_batches(moved: int, place: int) -> None:
    given_ = [message for message in messages(3000) if message.ByteSize() != _END_MARK_BYTES]
    taken = given_.pop(moved % len(given_))
    given_.insert(place % len(given_), taken)
    try:
        found = parts(given_)
    except EngineError:
        return
    assert found.hosts.sort_by("host_id").equals(HOSTS.sort_by("host_id"))
    assert found.allocations.equals(HELD)


def test_hosts_that_are_not_as_many_as_was_said_are_an_error() -> None:
    given_ = messages()
    given_[0].facts.hosts = 999
    with pytest.raises(EngineError, match="not whole"):
        parts(given_)
    with pytest.raises(EngineError, match="not whole"):
        parts([*messages(), GetSnapshotResponse(allocations=b"more")])
    with pytest.raises(EngineError, match="sent no snapshot"):
        parts([])


def piece(name: str, data: bytes) -> AskResponse:
    return AskResponse(file=AnswerFile(name=name, data=data))


ANSWER = [
    AskResponse(progress=AskProgress(what="replaying", done=1, total=2)),
    piece("report.html", b"<!doc"),
    piece("report.html", b"type>"),
    piece("summary.json", b""),
]


def test_an_answers_files_are_put_together(tmp_path: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    out = tmp_path / "deep" / "out"
    save_answer(ANSWER, out, lambda *step: steps.append(step))
    assert {file.name: file.read_bytes() for file in out.iterdir()} == {
        "report.html": b"<!doctype>",
        "summary.json": b"",
    }
    assert steps == [("replaying", 1, 2)]


def test_a_call_that_fails_half_way_leaves_no_file_and_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("old")

    def failing() -> Iterator[AskResponse]:
        yield from ANSWER
        raise EngineError("gone")

    with pytest.raises(EngineError, match="gone"):
        save_answer(failing(), tmp_path, no_progress)
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_text() == "old"


@pytest.mark.parametrize("name", ["../x", "/x", "a/b", "", "."])
def test_a_file_that_would_lie_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(EngineError, match="none of an answer"):
        save_answer([piece(name, b"")], tmp_path / "out", no_progress)
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


def test_a_file_that_comes_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="none of an answer"):
        save_answer([*ANSWER, piece("report.html", b"again")], tmp_path, no_progress)


def test_no_files_are_no_answer(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="without an answer"):
        save_answer(ANSWER[:1], tmp_path, no_progress)


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidRequestError, match="cannot write the answer"):
        save_answer(ANSWER, tmp_path / "file", no_progress)
