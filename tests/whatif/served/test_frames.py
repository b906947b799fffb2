"""Frames come back as they were written, and what is none is told apart from the end."""

from __future__ import annotations

import io

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import errors
from engine.errors import EngineError, NoValidHostError, UnknownHostError
from engine.whatif.served.frames import MAX_FRAME_BYTES, Answered, Failed, Step, Task, read_task, read_word, write_frame
from engine.whatif.served.snapshot_files import SnapshotPaths

TASK = Task("fits", "[fleet]", "s.toml", 3, "f", ("a",), SnapshotPaths("d", "h", "a"), "out")
NUMBERS = st.integers(-(2**63), 2**63 - 1)
WORDS = st.one_of(
    st.builds(Step, st.text(), NUMBERS, NUMBERS),
    st.builds(Answered, st.lists(st.text(), max_size=3).map(tuple)),
    st.builds(Failed, st.text(), st.text(), st.dictionaries(st.text(), st.text(), max_size=3)),
)


@given(st.lists(WORDS, max_size=6))
def test_words_come_back_in_order_and_then_the_end(words: list[Step | Answered | Failed]) -> None:
    stream = io.BytesIO()
    for word in words:
        write_frame(stream, word)
    stream.seek(0)
    assert [read_word(stream) for _ in words] == words
    assert read_word(stream) is None


@given(st.integers(0, 1000))
def test_a_frame_that_is_cut_short_is_the_end(left: int) -> None:
    stream = io.BytesIO()
    write_frame(stream, TASK)
    whole = stream.getvalue()
    found = read_task(io.BytesIO(whole[:left]))
    assert found == (TASK if left >= len(whole) else None)


@pytest.mark.parametrize(
    "payload",
    [b"", b"\xc1", b"nonsense", msgspec.msgpack.encode({"type": "other"}), msgspec.msgpack.encode({"type": "step"})],
)
def test_what_is_no_word_is_an_error(payload: bytes) -> None:
    with pytest.raises((ValueError, msgspec.MsgspecError)):
        read_word(io.BytesIO(len(payload).to_bytes(4, "little") + payload))


def test_a_length_beyond_all_frames_is_an_error() -> None:
    with pytest.raises(ValueError, match="none of ours"):
        read_word(io.BytesIO((MAX_FRAME_BYTES + 1).to_bytes(4, "little")))


def test_an_error_keeps_its_kind_message_and_details() -> None:
    error = Failed.of(UnknownHostError("no host is called 'x'", host_id="x")).error()
    assert type(error) is UnknownHostError
    assert (str(error), error.message, error.details) == ("no host is called 'x'",) * 2 + ({"host_id": "x"},)
    placed = Failed.of(NoValidHostError("none", rejections={"A": 1}, hosts_total=1)).error()
    assert type(placed) is EngineError
    assert type(Failed("NO_SUCH_REASON", "m", {}).error()) is EngineError


def test_every_error_of_the_family_can_be_told() -> None:
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, EngineError) and kind is not NoValidHostError:
            assert type(Failed.of(kind("m", a=1)).error()) is kind
