from __future__ import annotations

import pytest

from engine.cli.paging import PAGE_SIZE, shown, up_to
from engine.errors import InvalidRequestError


def pages_of(total, sizes):
    def fetch(size, token):
        sizes.append(size)
        begin = int(token or 0)
        end = min(begin + size, total)
        return list(range(begin, end)), str(end) if end < total else ""

    return fetch


@pytest.mark.parametrize(
    ("limit", "total", "expected"), [(3, 10, 3), (0, 25_000, 25_000), (15_000, 25_000, 15_000), (5, 0, 0)]
)
def test_up_to_returns_the_first_so_many(limit, total, expected):
    sizes = []
    assert up_to(limit, pages_of(total, sizes)) == list(range(expected))
    assert max(sizes) <= PAGE_SIZE


def test_a_negative_limit_is_refused():
    with pytest.raises(InvalidRequestError):
        up_to(-1, pages_of(1, []))


def test_what_is_left_out_is_said():
    assert "--limit 0" in shown(3, 10, "hosts")
    assert shown(10, 10, "hosts") == "10 hosts"
