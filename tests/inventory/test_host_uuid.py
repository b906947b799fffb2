"""Host uuids made a column at a time are the ones the standard library makes."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from engine.inventory.host_uuid import HOST_NAMESPACE, uuids_of_hosts


@given(st.lists(st.text(st.characters(codec="utf-8"))))
def test_made_uuids_equal_the_standard_library(names: list[str]) -> None:
    assert uuids_of_hosts(names).to_pylist() == [str(uuid.uuid5(HOST_NAMESPACE, name)) for name in names]
