from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.service.answer_bytes import Choices, varint
from engine.v1.scheduler_service_pb2 import SelectDestinationsResponse

UUID = "6f1d2a1c-0000-4000-8000-000000000002"
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300)
WEIGHTS = st.floats(allow_nan=False) | st.sampled_from([0.0, -0.0, 5e-324, float("inf"), float("-inf")])


def message(host_ids: list[str], rows: list[int], weights: list[float], generation: int) -> SelectDestinationsResponse:
    """The same answer as protobuf makes it."""
    answer = SelectDestinationsResponse(inventory_generation=generation)
    selection = answer.selections.add(instance_uuid=UUID)
    selection.host.host_id, selection.host.weight = host_ids[rows[0]], weights[0]
    for row, weight in zip(rows[1:], weights[1:], strict=True):
        if row >= 0:
            selection.alternates.add(host_id=host_ids[row], weight=weight)
    return answer


@given(
    choices=st.lists(st.tuples(NAMES, WEIGHTS), min_size=1, max_size=12),
    missing=st.integers(0, 3),
    generation=st.integers(1, 2**63 - 1),
)
def test_an_answer_is_byte_for_byte_what_protobuf_writes(choices, missing, generation):
    host_ids = [name for name, _ in choices]
    rows = [*range(len(choices)), *[-1] * missing]
    weights = [*[weight for _, weight in choices], *[0.0] * missing]
    made = Choices(host_ids)
    expected = message(host_ids, rows, weights, generation).SerializeToString()
    # the second is made of what the first has put together
    for _ in range(2):
        assert made.answer(UUID.encode(), rows, weights, generation) == expected


@given(weights=st.lists(WEIGHTS, min_size=2, max_size=20))
def test_one_host_with_different_weights_is_written_with_each(weights):
    made = Choices(["only"])
    for weight in weights:
        assert made.answer(UUID.encode(), [0], [weight], 1) == message(["only"], [0], [weight], 1).SerializeToString()


@pytest.mark.parametrize("value", [0, 1, 127, 128, 300, 2**14 - 1, 2**14, 2**31, 2**63 - 1])
def test_a_varint_is_read_back(value):
    read, shift = 0, 0
    for byte in varint(value):
        read |= (byte & 0x7F) << shift
        shift += 7
    assert read == value
    assert [byte >> 7 for byte in varint(value)] == [1] * (len(varint(value)) - 1) + [0]
