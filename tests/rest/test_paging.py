from __future__ import annotations

import pytest
from starlette.requests import Request

from engine.rest.errors import BadRequest
from engine.rest.paging import limit_of, next_link, page_of


def asking(query: str) -> Request:
    return Request(
        {
            "type": "http",
            "method": "GET",
            "scheme": "http",
            "path": "/v2/images",
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(b"host", b"cloud:9292")],
            "server": ("127.0.0.1", 1),
        }
    )


@pytest.mark.parametrize(
    ("query", "limit"),
    [("", 1000), ("limit=5", 5), ("limit=0", 0), ("limit=5000", 1000), ("limit=" + "9" * 9999, 1000)],
)
def test_the_limit_is_what_is_asked_up_to_the_most(query: str, limit: int) -> None:
    assert limit_of(asking(query)) == limit


@pytest.mark.parametrize("text", ["-1", "x", "1.5", "", "1e3", "%20", "0x5", "²"])
def test_what_is_no_limit_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        limit_of(asking(f"limit={text}"))


def test_pages_follow_one_another() -> None:
    items = ["a", "b", "c", "d", "e"]
    assert page_of(asking("limit=2"), items, str) == ["a", "b"]
    assert page_of(asking("limit=2&marker=b"), items, str) == ["c", "d"]
    assert page_of(asking("marker=e"), items, str) == []
    assert page_of(asking("marker="), items, str) == items
    assert page_of(asking(""), items, str, most=3) == ["a", "b", "c"]


def test_a_marker_that_is_not_there_is_refused() -> None:
    with pytest.raises(BadRequest, match=r"marker \[zz\] not found"):
        page_of(asking("marker=zz"), ["a"], str)
    with pytest.raises(BadRequest) as refused:
        page_of(asking("marker=" + "z" * 5000), ["a"], str)
    assert len(refused.value.message) < 150


def test_the_next_link_keeps_the_other_parameters() -> None:
    link = next_link(asking("limit=2&name=a%26b&marker=old&tag=x&tag=y"), "new/1")
    assert link == "http://cloud:9292/v2/images?limit=2&name=a%26b&tag=x&tag=y&marker=new%2F1"
