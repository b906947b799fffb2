from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidRequestError
from engine.service.paging import DEFAULT_PAGE, MAX_PAGE, page_bounds, page_token


def test_no_token_and_no_size_are_the_first_page():
    assert page_bounds("", 0) == (0, DEFAULT_PAGE)


@given(place=st.integers(0, 10**18 - 1), size=st.integers(1, MAX_PAGE))
def test_a_token_leads_back_to_its_place(place, size):
    assert page_bounds(page_token(place), size) == (place, size)


@pytest.mark.parametrize("token", ["-1", "1.0", " 1", "1e3", "\u0663", "9" * 19, "9" * 5000, "\0", "next"])
def test_a_token_that_is_none_is_refused(token):
    with pytest.raises(InvalidRequestError):
        page_bounds(token, 1)


@pytest.mark.parametrize("size", [-1, MAX_PAGE + 1, 2**31 - 1])
def test_a_size_out_of_range_is_refused(size):
    with pytest.raises(InvalidRequestError):
        page_bounds("", size)
