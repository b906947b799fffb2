"""What a stream's batches are made of: the codes of hosts."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.service.batch import NO_HOST, StreamDictionary

HOSTS = [f"h{row}" for row in range(5_000)]


def decoded(dictionary: StreamDictionary, named: list[str], rows: list[int]) -> list[str | None]:
    """The hosts of rows after a trip through their codes, ``named`` being the client's dictionary."""
    codes, new = dictionary.encode(np.array(rows, dtype=np.int64), HOSTS)
    named += new
    assert codes.dtype == np.uint32
    return [None if code == NO_HOST else named[code] for code in codes.tolist()]


@settings(deadline=None)
@given(st.lists(st.lists(st.one_of(st.integers(-1, 40), st.sampled_from([1_022, 1_023, 1_024, 4_999])))))
def test_every_row_comes_back_as_its_host_and_no_host_is_named_twice(batches: list[list[int]]) -> None:
    dictionary, named = StreamDictionary(), []
    for rows in batches:
        assert decoded(dictionary, named, rows) == [None if row < 0 else HOSTS[row] for row in rows]
    assert len(named) == len(set(named)) == dictionary.size


def test_a_row_at_the_end_of_the_codes_is_not_taken_for_no_host() -> None:
    dictionary, named = StreamDictionary(), []
    last = len(dictionary.codes) - 1
    assert decoded(dictionary, named, [last, -1]) == [HOSTS[last], None]
    assert decoded(dictionary, named, [-1, last]) == [None, HOSTS[last]]
    assert decoded(dictionary, named, []) == []
