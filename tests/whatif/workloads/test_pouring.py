from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvalidRequestError
from engine.whatif.workloads import pouring
from engine.whatif.workloads.pouring import copies_named, drawn_until


@given(st.lists(st.integers(0, 9), min_size=1, max_size=8), st.integers(-5, 2000), st.integers(0, 99))
@settings(deadline=None)
def test_the_instance_that_reaches_what_is_wanted_is_the_last(asked, wanted, seed):
    amounts = np.array(asked)
    if wanted > 0 and not amounts.any():
        with pytest.raises(InvalidRequestError, match="no instance of the trace asks for it"):
            drawn_until(amounts, wanted, np.random.default_rng(seed))
        return
    drawn = amounts[drawn_until(amounts, wanted, np.random.default_rng(seed))]
    if wanted <= 0:
        assert not len(drawn)
    else:
        assert drawn[:-1].sum() < wanted <= drawn.sum()


def test_every_instance_is_drawn_as_often_as_any_other():
    amounts = np.array([1, 5, 2, 8])
    drawn = drawn_until(amounts, 400_000, np.random.default_rng(3))
    shares = np.bincount(drawn, minlength=4) / len(drawn)
    assert np.abs(shares - 0.25).max() < 0.01


def test_more_than_fits_in_memory_is_refused(monkeypatch):
    monkeypatch.setattr(pouring, "MAX_INSTANCES", 100)
    with pytest.raises(InvalidRequestError, match=r"workload\.trace\.pad_percent"):
        drawn_until(np.array([1]), 1000, np.random.default_rng(1))


@given(st.lists(st.integers(0, 4), max_size=20), st.booleans())
@settings(deadline=None)
def test_copies_are_numbered_and_no_two_have_one_name(picks, whole_numbers):
    names = pa.array([10, 11, 12, 13, 14] if whole_numbers else ["a", "b", "c", "d", "e"])
    named = copies_named(names, np.array(picks, np.int64)).to_pylist()
    assert len(set(named)) == len(named)
    met: Counter[int] = Counter()
    for pick, name in zip(picks, named, strict=True):
        met[pick] += 1
        base = names[pick].as_py()
        assert name == (f"{base}~{met[pick]}" if met[pick] > 1 else base) or name == str(base)
