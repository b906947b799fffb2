"""What a flavor and an image say of one thing together."""

from __future__ import annotations

import pytest

from engine.errors import InvalidRequestError
from engine.scheduler.translate.guest import Guest, guest_of, is_true
from tests.builders import request


def guest(specs: dict[str, str], properties: dict[str, object]) -> Guest:
    return guest_of(request(extra_specs=specs, properties=properties))


@pytest.mark.parametrize(
    ("mine", "its", "value"),
    [(None, None, None), ("a", None, "a"), (None, "a", "a"), ("a", "a", "a"), ("", "a", "a"), ("", None, None)],
)
def test_the_agreed_value(mine: str | None, its: str | None, value: str | None) -> None:
    specs = {} if mine is None else {"hw:sound_model": mine}
    assert guest(specs, {} if its is None else {"hw_sound_model": its}).agreed("sound_model") == value


def test_values_that_differ_name_both_sides() -> None:
    with pytest.raises(InvalidRequestError, match="hw:sound_model = 'a' but its image has hw_sound_model = 'b'"):
        guest({"hw:sound_model": "a"}, {"hw_sound_model": "b"}).agreed("sound_model")


def test_a_choice_is_one_of_its_words() -> None:
    assert guest({"os:secure_boot": "x"}, {}).choice("secure_boot", ("x", "y"), prefix="os") == "x"
    assert guest({"os:secure_boot": ""}, {"hw_sound_model": "b"}).choice("secure_boot", ("x",), prefix="os") is None
    with pytest.raises(InvalidRequestError, match="must be one of x, y, not 'z'"):
        guest({"os:secure_boot": "z"}, {}).choice("secure_boot", ("x", "y"), prefix="os")


@pytest.mark.parametrize(
    ("mine", "its", "on"),
    [(None, None, False), ("yes", None, True), (None, "1", True), ("no", "false", False), ("nonsense", None, False)],
)
def test_a_switch(mine: str | None, its: str | None, on: bool) -> None:
    specs = {} if mine is None else {"hw:mem_encryption": mine}
    assert guest(specs, {} if its is None else {"hw_mem_encryption": its}).switch("mem_encryption") is on


def test_an_image_that_switches_off_what_the_flavor_switches_on_is_a_conflict() -> None:
    with pytest.raises(InvalidRequestError, match="they must agree"):
        guest({"hw:mem_encryption": "yes"}, {"hw_mem_encryption": "false"}).switch("mem_encryption")


@pytest.mark.parametrize("text", ["1", "t", "TRUE", " on ", "Y", "yes"])
def test_what_means_yes(text: str) -> None:
    assert is_true(text)


@pytest.mark.parametrize("text", ["", "0", "2", "nope", "yes please", "\x00"])
def test_what_means_no(text: str) -> None:
    assert not is_true(text)
