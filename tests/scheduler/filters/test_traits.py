"""The host has every required trait and no forbidden one."""

from __future__ import annotations

import pytest

from tests.builders import passing, request

NAME = "TraitsFilter"


HOSTS = [{"traits": ["CUSTOM_A", "CUSTOM_B"]}, {"traits": ["CUSTOM_A"]}, {}]


@pytest.mark.parametrize(
    ("required", "forbidden", "passes"),
    [
        ((), (), {"h0", "h1", "h2"}),
        (("CUSTOM_A",), (), {"h0", "h1"}),
        (("CUSTOM_A", "CUSTOM_B"), (), {"h0"}),
        ((), ("CUSTOM_B",), {"h1", "h2"}),
        (("CUSTOM_A",), ("CUSTOM_B",), {"h1"}),
        (("CUSTOM_A",), ("CUSTOM_A",), set()),
        (("CUSTOM_NOBODYS",), (), set()),
        ((), ("CUSTOM_NOBODYS",), {"h0", "h1", "h2"}),
    ],
)
def test_required_and_forbidden(required: tuple[str, ...], forbidden: tuple[str, ...], passes: set[str]) -> None:
    spec = request(required_traits=frozenset(required), forbidden_traits=frozenset(forbidden))
    assert passing(NAME, HOSTS, spec) == passes


@pytest.mark.parametrize(
    ("value", "passes"), [("required", {"h0"}), ("forbidden", {"h1", "h2"}), ("perhaps", {"h0", "h1", "h2"})]
)
def test_a_flavor_requires_and_forbids(value: str, passes: set[str]) -> None:
    assert passing(NAME, HOSTS, request(extra_specs={"trait:CUSTOM_B": value})) == passes


@pytest.mark.parametrize(("value", "passes"), [("required", {"h0"}), ("forbidden", {"h0", "h1", "h2"})])
def test_an_image_can_only_require(value: str, passes: set[str]) -> None:
    assert passing(NAME, HOSTS, request(properties={"trait:CUSTOM_B": value})) == passes


def test_all_sources_add_up() -> None:
    spec = request(
        required_traits=frozenset({"CUSTOM_A"}),
        extra_specs={"trait:CUSTOM_B": "forbidden", "hw:cpu_policy": "shared"},
        properties={"trait:CUSTOM_A": "required"},
    )
    assert passing(NAME, HOSTS, spec) == {"h1"}
