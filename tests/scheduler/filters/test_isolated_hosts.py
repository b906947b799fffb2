"""Isolated images go to isolated hosts, and where restricted no others do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.model.image import Image
from engine.scheduler.explain import explain
from engine.scheduler.sparse import SelectionContext
from tests.builders import host_table, only, passing, request

NAME = "IsolatedHostsFilter"
HOSTS = [{}, {}, {}, {}]
EVERY = {"h0", "h1", "h2", "h3"}
ISOLATED = {"h1", "h3"}
SECRET, PLAIN = (replace(request(), image=Image(name)) for name in ("secret", "plain"))


def found(image: str, restrict: bool, images: tuple[str, ...] = ("secret",)) -> set[str]:
    return passing(
        NAME,
        HOSTS,
        replace(request(), image=Image(image)),
        isolated_images=images,
        isolated_hosts=("h1", "h3", "unknown", "H0"),
        restrict_isolated_hosts_to_isolated_images=restrict,
    )


@pytest.mark.parametrize(
    ("image", "restrict", "passes"),
    [
        ("secret", True, ISOLATED),
        ("plain", True, EVERY - ISOLATED),
        ("", True, EVERY - ISOLATED),
        ("secret", False, ISOLATED),
        ("plain", False, EVERY),
        ("", False, EVERY),
    ],
)
def test_images_and_hosts_are_isolated_together(image: str, restrict: bool, passes: set[str]) -> None:
    assert found(image, restrict) == passes


@pytest.mark.parametrize(("restrict", "passes"), [(True, EVERY - ISOLATED), (False, EVERY)])
def test_without_isolated_images_the_hosts_are_closed_or_open(restrict: bool, passes: set[str]) -> None:
    assert found("secret", restrict, images=()) == passes


def test_without_isolated_hosts_an_isolated_image_has_no_host() -> None:
    assert passing(NAME, HOSTS, SECRET, isolated_images=("secret",)) == set()
    assert passing(NAME, HOSTS, PLAIN, isolated_images=("secret",)) == EVERY


def test_it_runs_on_rebuild() -> None:
    rebuild = replace(SECRET, scheduler_hints={"_nova_check_type": ("rebuild",)})
    assert passing(NAME, HOSTS, rebuild, isolated_images=("secret",), isolated_hosts=("h1",)) == {"h1"}


def test_an_explanation_says_which_list_the_host_would_have_to_be_in() -> None:
    chain = only(filters=[NAME], isolated_images=("secret",), isolated_hosts=("h1",))
    picture = host_table(HOSTS[:2]).snapshot()
    for spec, row, start in ((SECRET, 0, "to be one of"), (PLAIN, 1, "not to be one of")):
        ((place, (change,)),) = explain(chain, picture, spec, SelectionContext(picture)).nearest
        assert (place, change.startswith(start)) == (row, True)
