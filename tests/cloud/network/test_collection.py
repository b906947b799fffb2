from __future__ import annotations

import uuid
from urllib.parse import urlsplit

import pytest

from tests.cloud.network.api import Api


@pytest.fixture(scope="module")
def mark(demo: Api) -> str:
    """The description of twelve networks named a to l."""
    mark = str(uuid.uuid4())
    for index, name in enumerate("lkjihgfedcba"):
        demo.network(name=name, description=mark, mtu=1400 + index % 3, admin_state_up=index % 2 == 0)
    return mark


def names(api: Api, query: str) -> list[str]:
    return [network["name"] for network in api.get(f"/networks?{query}")["networks"]]


def test_repeated_values_are_alternatives(demo: Api, mark: str) -> None:
    assert names(demo, f"description={mark}&name=a&name=c&name=nobody&sort_key=name") == ["a", "c"]


def test_ids_are_filtered(demo: Api, mark: str) -> None:
    found = demo.get(f"/networks?description={mark}&sort_key=name")["networks"]
    wanted = "&".join(f"id={network['id']}" for network in found[:3])
    assert names(demo, wanted + "&sort_key=name") == ["a", "b", "c"]


@pytest.mark.parametrize(("text", "count"), [("True", 6), ("true", 6), ("1", 6), ("False", 6), ("0", 6)])
def test_booleans_come_as_text(demo: Api, mark: str, text: str, count: int) -> None:
    assert len(names(demo, f"description={mark}&admin_state_up={text}")) == count


def test_both_booleans_are_all(demo: Api, mark: str) -> None:
    assert len(names(demo, f"description={mark}&admin_state_up=True&admin_state_up=False")) == 12


def test_what_is_no_boolean_is_refused(demo: Api) -> None:
    assert demo.refused("GET", "/networks?shared=maybe", None, 400)[0] == "InvalidInput"


def test_numbers_are_compared_as_numbers(demo: Api, mark: str) -> None:
    assert len(names(demo, f"description={mark}&mtu=1401")) == 4
    assert names(demo, f"description={mark}&mtu=--5&mtu=x") == []
    assert names(demo, f"description={mark}&mtu={'9' * 50}") == []


@pytest.mark.parametrize("query", ["unknown=1", "network[name]=x", "%00=1", "subnets=x", "fields=name", "project=x"])
def test_unknown_filters_are_left_aside(demo: Api, mark: str, query: str) -> None:
    assert len(demo.get(f"/networks?description={mark}&{query}")["networks"]) == 12


def test_what_a_caller_may_not_see_it_cannot_ask_for(demo: Api, admin: Api, mark: str) -> None:
    assert len(names(demo, f"description={mark}&provider:network_type=vlan")) == 12
    assert names(admin, f"description={mark}&provider:network_type=vlan") == []
    demo.get("/networks?sort_key=provider:segmentation_id", expect=400)


def test_the_project_goes_by_two_names(admin: Api, demo: Api, mark: str) -> None:
    assert len(names(admin, f"description={mark}&tenant_id={demo.project_id}")) == 12
    assert len(names(admin, f"description={mark}&project_id={demo.project_id}")) == 12
    assert names(admin, f"description={mark}&tenant_id={admin.project_id}") == []


def test_several_keys_sort_in_several_directions(demo: Api, mark: str) -> None:
    query = f"description={mark}&sort_key=mtu&sort_dir=desc&sort_key=name&sort_dir=asc"
    found = [(network["mtu"], network["name"]) for network in demo.get(f"/networks?{query}")["networks"]]
    assert found == sorted(found, key=lambda one: (-one[0], one[1]))


@pytest.mark.parametrize(
    "query",
    [
        "sort_key=nothing",
        "sort_key=status",
        "sort_key=subnets",
        "sort_key=tags",
        "sort_key=name&sort_dir=up",
        "sort_key=name&sort_dir=asc&sort_dir=asc",
        "sort_dir=asc",
        "limit=-1",
        "limit=x",
        "limit=1.5",
        "marker=nobody",
        "&".join(["sort_key=name"] * 9),
    ],
)
def test_bad_sorting_and_paging_is_refused(demo: Api, query: str) -> None:
    demo.get(f"/networks?{query}", expect=400)


@pytest.mark.parametrize(
    "order",
    [
        "",
        "&sort_key=name&sort_dir=desc",
        "&sort_key=mtu&sort_dir=asc&sort_key=name&sort_dir=desc",
    ],
)
def test_pages_follow_their_links_to_the_end(demo: Api, mark: str, order: str) -> None:
    whole = names(demo, f"description={mark}{order}")
    path = f"/networks?description={mark}{order}&limit=5"
    seen: list[str] = []
    for expected in (5, 5, 2):
        answer = demo.get(path)
        assert len(answer["networks"]) == expected
        seen += [network["name"] for network in answer["networks"]]
        if expected < 5:
            assert "networks_links" not in answer
            break
        (link,) = answer["networks_links"]
        assert link["rel"] == "next"
        parts = urlsplit(link["href"])
        path = parts.path.removeprefix("/v2.0") + "?" + parts.query
    assert seen == whole


def test_a_limit_of_nothing_is_no_limit(demo: Api, mark: str) -> None:
    assert len(names(demo, f"description={mark}&limit=0")) == 12
    assert len(names(demo, f"description={mark}&limit={'9' * 40}")) == 12


def test_pages_by_an_attribute_that_may_be_none(demo: Api) -> None:
    network_id = demo.network()["id"]
    for index in range(4):
        extra = {"gateway_ip": None} if index % 2 else {}
        demo.subnet(network_id, f"10.9.{index}.0/24", **extra)
    seen: list[str] = []
    marker = ""
    while page := demo.get(f"/subnets?network_id={network_id}&sort_key=gateway_ip&limit=1{marker}")["subnets"]:
        seen.append(page[0]["cidr"])
        marker = f"&marker={page[0]['id']}"
    assert sorted(seen[:2]) == ["10.9.1.0/24", "10.9.3.0/24"]
    assert seen[2:] == ["10.9.0.0/24", "10.9.2.0/24"]


def test_lists_longer_than_a_part_are_whole(admin: Api) -> None:
    project = uuid.uuid4().hex
    network_id = admin.network()["id"]
    for _ in range(5):
        admin.post("/ports", {"ports": [{"network_id": network_id, "project_id": project}] * 250})
    listed = admin.get(f"/ports?project_id={project}&fields=id")["ports"]
    assert len({port["id"] for port in listed}) == 1250
    assert len(admin.get(f"/ports?project_id={project}&limit=1100")["ports"]) == 1100
