from __future__ import annotations

import pytest

from engine.cli.pairs import pair_lists, pairs
from engine.errors import InvalidRequestError


def test_pairs_keep_everything_after_the_first_equals_sign():
    assert pairs("--x", ["a=b=c", "d="]) == {"a": "b=c", "d": ""}


def test_pair_lists_gather_the_values_of_a_key_in_order():
    assert pair_lists("--x", ["a=2", "b=1", "a=1"]) == {"a": ["2", "1"], "b": ["1"]}


@pytest.mark.parametrize("text", ["a", "=b", ""])
def test_a_text_that_is_no_pair_is_refused(text):
    with pytest.raises(InvalidRequestError, match="KEY=VALUE"):
        pairs("--x", [text])


def test_a_key_given_twice_is_refused():
    with pytest.raises(InvalidRequestError, match="twice"):
        pairs("--x", ["a=1", "a=2"])
