from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from engine.errors import EngineError, ServiceUnavailableError
from engine.placement_stream import NO_HOST, batch_answers
from engine.v1.scheduler_service_pb2 import SelectDestinationsStreamRequest, SelectDestinationsStreamResponse


class Call:
    """A stream whose far side is a function from a request to a reply (None: never)."""

    def __init__(self, requests, reply):
        self.requests = requests
        self.reply = reply
        self.cancelled = threading.Event()
        self.taken = 0

    def __iter__(self):
        for request in self.requests:
            self.taken += 1
            reply = self.reply(request)
            if reply is None:
                self.cancelled.wait()
                raise ConnectionError("cancelled")
            yield reply

    def cancel(self):
        self.cancelled.set()


def requests(count, size=2):
    for sequence in range(count):
        yield SelectDestinationsStreamRequest(sequence=sequence, tokens=bytes(range(1, 17)) * size)


def placed(request, **changes):
    size = len(request.tokens) // 16
    fields = {
        "sequence": request.sequence,
        "outcomes": b"\x01" * size,
        "host_codes": np.zeros(size, "<u4").tobytes(),
        "new_host_ids": ["alpha"] if request.sequence == 0 else [],
    }
    return SelectDestinationsStreamResponse(**(fields | changes))


def answers(reply, source, *, window=4, stall_s=5.0):
    calls = []

    def open_call(outgoing):
        calls.append(Call(outgoing, reply))
        return calls[0]

    return batch_answers(open_call, source, window=window, stall_s=stall_s), calls


def test_hosts_are_named_by_the_dictionary_as_it_grows():
    replies = [
        {"host_codes": np.array([0, 1], "<u4").tobytes(), "new_host_ids": ["alpha", "beta"]},
        {"host_codes": np.array([1, 2], "<u4").tobytes(), "new_host_ids": ["gamma"]},
        {"host_codes": np.array([NO_HOST, 0], "<u4").tobytes(), "outcomes": b"\x02\x01", "new_host_ids": []},
    ]
    stream, _ = answers(lambda request: placed(request, **replies[request.sequence]), requests(3))
    assert [answer.hosts() for answer in stream] == [["alpha", "beta"], ["beta", "gamma"], [None, "alpha"]]


def test_answers_come_in_order_with_what_was_said():
    stream, _ = answers(
        lambda request: placed(request, released=request.sequence, inventory_generation=9), requests(50)
    )
    got = list(stream)
    assert [answer.sequence for answer in got] == list(range(50))
    assert [answer.released for answer in got] == list(range(50))
    assert {answer.inventory_generation for answer in got} == {9}
    assert all(answer.outcomes.tolist() == [1, 1] for answer in got)


def test_a_stream_without_batches_has_no_answers():
    stream, _ = answers(placed, iter(()))
    assert list(stream) == []


@pytest.mark.parametrize(
    "reply",
    [
        lambda request: placed(request, sequence=request.sequence + 1),
        lambda request: placed(request, outcomes=b"\x01"),
    ],
)
def test_an_answer_to_another_batch_is_an_error(reply):
    stream, calls = answers(reply, requests(2))
    with pytest.raises(EngineError, match="was due"):
        list(stream)
    assert calls[0].cancelled.is_set()


def test_what_the_source_of_batches_raises_is_raised():
    def source():
        yield from requests(1)
        raise ZeroDivisionError("in the source")

    stream, _ = answers(placed, source())
    with pytest.raises(ZeroDivisionError, match="in the source"):
        list(stream)


def test_a_batch_without_an_answer_ends_the_stream():
    stream, calls = answers(lambda _request: None, requests(3), stall_s=0.2)
    began = time.monotonic()
    with pytest.raises(ServiceUnavailableError, match=r"0\.2 s"):
        list(stream)
    assert time.monotonic() - began < 5
    assert calls[0].cancelled.is_set()


def test_a_slow_source_is_no_stall():
    def source():
        for request in requests(3):
            time.sleep(0.3)
            yield request

    stream, _ = answers(placed, source(), stall_s=0.2)
    assert len(list(stream)) == 3


def test_a_slow_reader_is_no_stall():
    stream, _ = answers(placed, requests(3), stall_s=0.2)
    for _answer in stream:
        time.sleep(0.3)


def test_leaving_early_ends_the_call():
    stream, calls = answers(placed, requests(100))
    next(stream)
    stream.close()
    assert calls[0].cancelled.is_set()
    assert calls[0].taken < 100
