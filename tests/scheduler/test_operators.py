"""operators.match: nova's operators on text, one line per rule, and the faults."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.scheduler.faults import FilterFault
from engine.scheduler.operators import match

OPERATORS = ["=", "==", "!=", ">=", "<=", "s==", "s!=", "s<", "s<=", "s>", "s>=", "<in>", "<all-in>", "<or>"]
NUMERIC = ["=", "==", "!=", ">=", "<="]


@pytest.mark.parametrize(
    ("value", "requirement", "expected"),
    [
        # No operator: the whole requirement, spaces included.
        ("Intel", "Intel", True),
        ("Intel", "intel", False),
        ("Intel", " Intel", False),
        ("", "", True),
        ("Intel", "", False),
        ("a b", "a b", True),
        # There is no numeric < or >: such a requirement is compared as a whole.
        ("1", "< 2", False),
        ("< 2", "< 2", True),
        ("3", "> 2", False),
        ("4", ">=4", False),
        # Numbers.
        ("4", "= 3", True),
        ("4", "= 4", True),
        ("4", "= 5", False),
        ("4", "== 4.0", True),
        ("4", "== 5", False),
        ("4", "!= 5", True),
        ("4", "!= 4.0", False),
        ("4", ">= 4", True),
        ("4", "<= 3", False),
        ("1000", ">= 1e3", True),
        (" 4 ", "== 4", True),
        ("1_000", "== 1000", True),
        ("inf", ">= 1e308", True),
        ("nan", "== nan", False),
        ("nan", "!= nan", True),
        ("4", ">= 3 and what follows", True),
        # Text: the first word behind the operator counts.
        ("10", "s== 10", True),
        ("10", "s== 10.0", False),
        ("10", "s!= 9", True),
        ("10", "s< 9", True),
        ("10", "s> 9", False),
        ("b", "s>= b", True),
        ("b", "s<= a", False),
        ("a", "s== a b", True),
        # Substrings.
        ("['aes', 'avx512f']", "<in> avx", True),
        ("['aes', 'avx512f']", "<in> avx2", False),
        ("['aes', 'avx512f']", "<in> aes nothing", True),
        ("['aes', 'avx512f']", "<all-in> aes avx", True),
        ("['aes', 'avx512f']", "<all-in> aes vmx", False),
        # Alternatives: every second word, whatever stands between.
        ("b", "<or> a <or> b", True),
        ("c", "<or> a <or> b", False),
        ("b", "<or> a b", False),
        ("c", "<or> a b c", True),
        ("a", "<or> a <or>", True),
        ("<or>", "<or> a <or>", False),
        ("<or>", "<or> <or>", True),
        # Any white space separates.
        ("4", "\t>=\n4 ", True),
    ],
)
def test_match(value: str, requirement: str, expected: bool) -> None:
    assert match(value, requirement) is expected


@pytest.mark.parametrize("name", [name for name in OPERATORS if name != "<or>"])
def test_an_operator_without_a_word_is_never_met(name: str) -> None:
    assert match(name, name) is False
    assert match("not a number", f" {name} ") is False


@pytest.mark.parametrize("name", NUMERIC)
@pytest.mark.parametrize(("value", "word"), [("Intel", "4"), ("4", "four"), ("", "4"), ("4", "0x10"), ("1,5", "1")])
def test_a_numeric_operator_on_something_else_is_a_fault(name: str, value: str, word: str) -> None:
    with pytest.raises(FilterFault) as caught:
        match(value, f"{name} {word}", key="capabilities:host")
    fault = caught.value
    assert fault.nova_exception == "ValueError"
    assert fault.reason == "INVALID_REQUEST"
    assert fault.details == {
        "nova_exception": "ValueError",
        "key": "capabilities:host",
        "requirement": f"{name} {word}",
        "value": value,
    }
    assert "'capabilities:host'" in fault.message
    assert repr(f"{name} {word}") in fault.message
    assert repr(value) in fault.message


def test_a_bare_or_is_a_fault() -> None:
    with pytest.raises(FilterFault) as caught:
        match("a", " <or> ")
    assert caught.value.nova_exception == "IndexError"
    assert "key" not in caught.value.details


def test_a_message_shows_the_beginning_of_a_long_value() -> None:
    with pytest.raises(FilterFault) as caught:
        match("x" * 10_000, ">= 1")
    assert len(caught.value.message) < 300
    assert caught.value.details["value"] == "x" * 80 + "..."


words = st.text(min_size=1).filter(lambda text: not any(char.isspace() for char in text) and text.split() == [text])


@given(value=st.integers(-(2**53), 2**53), bound=st.integers(-(2**53), 2**53))
def test_a_single_equals_sign_means_at_least(value: int, bound: int) -> None:
    assert match(str(value), f"= {bound}") is match(str(value), f">= {bound}") is (value >= bound)


@given(value=st.text(), alternatives=st.lists(words, min_size=1))
def test_or_is_met_by_its_alternatives_alone(value: str, alternatives: list[str]) -> None:
    requirement = " ".join(f"<or> {word}" for word in alternatives)
    assert match(value, requirement) is (value in alternatives)


@given(value=st.text(), sought=st.lists(words, min_size=1))
def test_all_in_is_in_for_every_word(value: str, sought: list[str]) -> None:
    assert match(value, "<all-in> " + " ".join(sought)) is all(match(value, f"<in> {word}") for word in sought)


@given(value=st.text(), requirement=st.text())
def test_what_begins_with_no_operator_is_compared_as_a_whole(value: str, requirement: str) -> None:
    if requirement.split()[:1] and requirement.split()[0] in OPERATORS:
        return
    assert match(value, requirement) is (value == requirement)
    assert match(requirement, requirement) is True
