from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.novaconf.values import to_bool, to_float, to_int, to_list, to_text


@pytest.mark.parametrize("text", ["true", "TRUE", "1", "on", "Yes"])
def test_texts_that_mean_yes(text):
    assert to_bool(text) is True


@pytest.mark.parametrize("text", ["false", "False", "0", "OFF", "no"])
def test_texts_that_mean_no(text):
    assert to_bool(text) is False


@pytest.mark.parametrize(
    ("read", "text", "said"),
    [
        (to_bool, "", "neither true nor false"),
        (to_bool, "t", "neither true nor false"),
        (to_bool, " true", "neither true nor false"),
        (to_int, "", "no number"),
        (to_int, "  ", "no number"),
        (to_int, "1.5", "not a whole number"),
        (to_int, "0x10", "not a whole number"),
        (to_int, "9" * 5000, "not a whole number"),
        (to_float, "", "no number"),
        (to_float, "1,5", "not a number"),
        (to_float, "x" * 1000, "not a number"),
    ],
)
def test_what_is_no_value_is_refused_in_few_words(read, text, said):
    with pytest.raises(ValueError, match=said) as caught:
        read(text)
    assert len(str(caught.value)) < 120


def test_numbers():
    assert to_int(" -3 ") == -3
    assert to_int(str(-(2**70))) == -(2**70)
    assert to_float("1e6") == 1_000_000.0
    assert to_float("-0.5") == -0.5


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("", ()),
        (" , ", ()),
        (", ,", ("", "")),
        (",,", ()),
        ("a", ("a",)),
        (" a ,b\n,c ", ("a", "b", "c")),
        ("a,,b,", ("a", "", "b")),
    ],
)
def test_lists_are_split_at_commas(text, items):
    assert to_list(text) == items


@given(st.text())
def test_a_text_stays_as_it_is(text):
    assert to_text(text) == text


@given(st.text(alphabet=st.sampled_from("a1, \n\t.-+e_naif"), max_size=12))
def test_values_are_converted_as_oslo_config_converts_them(text):
    types = pytest.importorskip("oslo_config.types")
    pairs = ((to_bool, types.Boolean()), (to_int, types.Integer()), (to_float, types.Float()), (to_list, types.List()))
    for mine, theirs in pairs:
        try:
            wanted = theirs(text)
        except ValueError:
            wanted = None
        wanted = tuple(wanted) if isinstance(wanted, list) else wanted
        try:
            found = mine(text)
        except ValueError:
            found = None
        # As texts, so that not-a-number equals itself.
        assert repr(found) == repr(wanted)
