"""Uuids' texts are those that the standard library gives."""

from __future__ import annotations

from uuid import UUID

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from engine.inventory.uuid_texts import uuid_texts


@given(st.lists(st.binary(min_size=16, max_size=16), max_size=20))
def test_texts_are_those_of_the_standard_library(uuids: list[bytes]) -> None:
    packed = b"".join(uuids)
    expected = [str(UUID(bytes=item)) for item in uuids]
    made = uuid_texts(packed)
    made.validate(full=True)
    assert made.type == pa.string()
    assert made.to_pylist() == expected
    assert uuid_texts(np.frombuffer(packed, dtype=np.uint64).reshape(-1, 2)).to_pylist() == expected
