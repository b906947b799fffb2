from __future__ import annotations

import uuid

import pytest

from tests.cloud.network.api import Api


def test_tags_are_set_added_and_removed(demo: Api) -> None:
    path = f"/networks/{demo.network()['id']}/tags"
    assert demo.put(path, {"tags": ["a", "b", "a"]}) == {"tags": ["a", "b"]}
    demo.put(path + "/c", None, expect=201)
    demo.get(path + "/c", expect=204)
    demo.delete(path + "/a")
    assert demo.get(path) == {"tags": ["b", "c"]}
    assert demo.post(path, {"tags": ["d"]}, expect=200) == {"tags": ["b", "c", "d"]}
    assert demo.refused("GET", path + "/a", None, 404)[0] == "TagNotFound"
    assert demo.refused("DELETE", path + "/a", None, 404)[0] == "TagNotFound"
    demo.delete(path)
    assert demo.get(path) == {"tags": []}


def test_everything_that_can_be_tagged(demo: Api) -> None:
    network_id, subnet_id = demo.wired("10.0.0.0/24")
    group = demo.get("/security-groups?name=default")["security_groups"][0]["id"]
    for path in (f"/subnets/{subnet_id}", f"/ports/{demo.port(network_id)['id']}", f"/security-groups/{group}"):
        demo.put(path + "/tags", {"tags": ["x"]})
        (shown,) = demo.get(path).values()
        assert shown["tags"] == ["x"]
        demo.delete(path + "/tags")


def test_filters_by_tags(demo: Api) -> None:
    mark = str(uuid.uuid4())
    ids = {}
    for tags in ("", "red", "blue", "red,blue"):
        ids[tags] = demo.network(description=mark)["id"]
        demo.put(f"/networks/{ids[tags]}/tags", {"tags": [tag for tag in tags.split(",") if tag]})

    def found(query: str) -> set[str]:
        listed = demo.get(f"/networks?description={mark}&{query}")["networks"]
        return {tags for tags, network_id in ids.items() if network_id in {one["id"] for one in listed}}

    assert found("tags=red") == {"red", "red,blue"}
    assert found("tags=red,blue") == {"red,blue"}
    assert found("tags-any=red,blue") == {"red", "blue", "red,blue"}
    assert found("not-tags=red,blue") == {"", "red", "blue"}
    assert found("not-tags-any=red,blue") == {""}
    demo.get("/networks?tags=" + "a," * 60, expect=400)


@pytest.mark.parametrize(
    "body",
    [{}, {"tags": "a"}, {"tags": [1]}, {"tags": [""]}, {"tags": ["x" * 256]}, {"tags": [f"{n}" for n in range(51)]}],
)
def test_bad_tags_are_refused(demo: Api, body: object) -> None:
    demo.put(f"/networks/{demo.network()['id']}/tags", body, expect=400)


def test_tags_of_others_are_not_touched(demo: Api, admin: Api) -> None:
    hidden, shared = admin.network()["id"], admin.network(shared=True)["id"]
    demo.put(f"/networks/{hidden}/tags/x", None, expect=404)
    demo.put(f"/networks/{shared}/tags/x", None, expect=403)
    demo.get(f"/networks/{shared}/tags")
