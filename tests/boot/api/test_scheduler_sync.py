"""The scheduler has what the database has, whatever was lost between the two; others' things stay."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from engine.boot.api.scheduler_sync import keep_in_step, push_all
from engine.boot.store.aggregates import add_aggregate, change_aggregate, get_aggregate, list_aggregates
from engine.boot.store.flavors import FlavorRow, add_flavor, flavor_named, remove_flavor
from engine.boot.store.retired import Kind, retire, retired_names
from engine.boot.store.server_groups import ServerGroupRow, add_server_group, list_server_groups
from engine.client import Client
from engine.rest.errors import Unavailable
from engine.v1.inventory_pb2 import Aggregate, ServerGroup
from engine.v1.request_spec_pb2 import Flavor
from tests.boot.api.extras_harness import Api, extras_api, message_of
from tests.boot.api.test_aggregates import act
from tests.boot.api.test_aggregates import made as made_aggregate
from tests.boot.api.test_flavors import body as flavor_body
from tests.boot.api.test_flavors import made as made_flavor


def row(name: str, **sizes: Any) -> FlavorRow:
    given: dict[str, Any] = {"vcpus": 1, "memory_mb": 512, "root_gb": 1, "ephemeral_gb": 0, "swap_mb": 0} | sizes
    return FlavorRow(
        flavor_id=str(uuid4()),
        name=name,
        **given,
        rxtx_factor=1.0,
        is_public=True,
        disabled=False,
        description="",
        extra_specs={"a": "b"},
        projects=[],
        created_at=0.0,
    )


@pytest.fixture
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """An API of the test's own, with the host cn1."""
    with extras_api(tmp_path_factory.mktemp("sync")) as found:
        found.add_host("cn1")
        yield found


@contextmanager
def scheduler_away(api: Api, nowhere: str) -> Iterator[None]:
    """Let the API's calls find nobody."""
    there = api.deps.scheduler
    with Client(nowhere, timeout_s=5.0) as away:
        object.__setattr__(api.deps, "scheduler", away)
        try:
            yield
        finally:
            object.__setattr__(api.deps, "scheduler", there)


def test_everything_of_the_database_is_pushed_and_changes_are_repaired(api: Api) -> None:
    group = ServerGroupRow(str(uuid4()), "g", "anti-affinity", 2, "p", "u", 0.0)

    def store(connection: Any) -> str:
        add_flavor(connection, row("f1"))
        add_flavor(connection, row("too large", vcpus=2**31 - 1))
        add_server_group(connection, group)
        made = add_aggregate(connection, uuid=str(uuid4()), name="a1", metadata={"k": "v"}, now=0.0)
        change_aggregate(connection, made.number, {"hosts": ["cn1", "gone"]})
        return made.uuid

    uuid = api.write(store)
    client = api.scheduler.client
    for _ in range(2):
        api.run(push_all(api.deps))
        assert [(item.name, dict(item.extra_specs)) for item in client.list_flavors().flavors] == [("f1", {"a": "b"})]
        (known_group,) = client.list_server_groups().server_groups
        assert (known_group.uuid, known_group.max_server_per_host) == (group.uuid, 2)
        (known,) = client.list_aggregates().aggregates
        assert (known.uuid, known.name, list(known.host_ids), dict(known.metadata)) == (uuid, "a1", ["cn1"], {"k": "v"})
        # what another client changed or lost is put right by the second push
        client.update_flavors([Flavor(name="f1", vcpus=9, memory_mb=9)])
        client.update_server_groups(delete_uuids=[group.uuid])
        client.update_aggregates([Aggregate(uuid=uuid, name="a1")])


def test_a_push_that_changes_nothing_sends_nothing(api: Api) -> None:
    made_flavor(api)
    found = made_aggregate(api)
    act(api, found["id"], "add_host", host="cn1")
    before = api.scheduler.client.list_flavors().inventory_generation

    api.run(push_all(api.deps))

    assert api.scheduler.client.list_flavors().inventory_generation == before


def test_only_what_was_once_ours_is_removed(api: Api) -> None:
    ours, theirs = str(uuid4()), str(uuid4())
    client = api.scheduler.client
    client.update_server_groups([ServerGroup(uuid=uuid, name="g", policy="affinity") for uuid in (ours, theirs)])
    client.update_aggregates([Aggregate(uuid=uuid, name=f"a-{uuid}") for uuid in (ours, theirs)])
    client.update_flavors([Flavor(name=name, vcpus=1) for name in ("ours", "theirs")])

    def store(connection: Any) -> None:
        for kind, name in ((Kind.FLAVOR, "ours"), (Kind.SERVER_GROUP, ours), (Kind.AGGREGATE, ours)):
            retire(connection, kind, name, now=time.time())

    api.write(store)
    api.run(push_all(api.deps))

    assert [item.name for item in client.list_flavors().flavors] == ["theirs"]
    assert [item.uuid for item in client.list_server_groups().server_groups] == [theirs]
    assert [item.uuid for item in client.list_aggregates().aggregates] == [theirs]


def test_a_flavor_that_is_back_under_its_name_stays(api: Api) -> None:
    flavor = made_flavor(api)
    api.delete(f"/flavors/{flavor['id']}")
    assert api.read(lambda connection: retired_names(connection, Kind.FLAVOR)).keys() == {flavor["name"]}
    made_flavor(api, name=flavor["name"])

    api.run(push_all(api.deps))

    assert [item.name for item in api.scheduler.client.list_flavors().flavors] == [flavor["name"]]
    assert api.read(lambda connection: retired_names(connection, Kind.FLAVOR)) == {}


def test_what_is_long_gone_is_forgotten(api: Api) -> None:
    api.write(lambda connection: retire(connection, Kind.FLAVOR, "old", now=time.time() - 7200))
    api.write(lambda connection: retire(connection, Kind.FLAVOR, "new", now=time.time()))

    api.run(push_all(api.deps))

    assert api.read(lambda connection: retired_names(connection, Kind.FLAVOR)).keys() == {"new"}


def test_a_name_that_others_use_keeps_the_rest_in_step(api: Api) -> None:
    api.scheduler.client.update_aggregates([Aggregate(uuid=str(uuid4()), name="theirs")])

    def store(connection: Any) -> None:
        for name in ("theirs", "mine"):
            add_aggregate(connection, uuid=str(uuid4()), name=name, metadata={}, now=0.0)

    api.write(store)
    api.run(push_all(api.deps))

    assert sorted(item.name for item in api.scheduler.client.list_aggregates().aggregates) == ["mine", "theirs"]


def test_without_the_scheduler_nothing_is_stored(api: Api, nowhere: str) -> None:
    flavor, aggregate = made_flavor(api), made_aggregate(api)
    group = {"server_group": {"name": "g", "policy": "affinity"}}
    kept = api.post("/os-server-groups", group).json()["server_group"]["id"]
    spec = f"/flavors/{flavor['id']}/os-extra_specs"
    new = flavor_body(name="never")

    with scheduler_away(api, nowhere):
        answers = [
            api.post("/flavors", new),
            api.delete(f"/flavors/{flavor['id']}"),
            api.post(spec, {"extra_specs": {"a": "b"}}),
            api.post("/os-server-groups", group),
            api.delete(f"/os-server-groups/{kept}"),
            api.post("/os-aggregates", {"aggregate": {"name": "never"}}),
            api.delete(f"/os-aggregates/{aggregate['id']}"),
            act(api, aggregate["id"], "set_metadata", metadata={"a": "b"}),
            api.get("/os-services"),
            api.get("/os-hypervisors"),
        ]
        with pytest.raises(Unavailable):
            api.run(push_all(api.deps))

    assert {answer.status_code for answer in answers} == {503}
    assert message_of(answers[0]).startswith("The scheduler is temporarily unavailable")
    assert api.read(lambda connection: flavor_named(connection, "never")) is None
    assert api.get(f"/flavors/{flavor['id']}").json()["flavor"]["extra_specs"] == {}
    assert [item.uuid for item in api.read(list_server_groups)] == [kept]
    assert [item.name for item in api.read(list_aggregates)] == [aggregate["name"]]
    assert api.read(lambda connection: get_aggregate(connection, aggregate["id"])).metadata == {}
    assert api.post("/flavors", new).status_code == 200


def test_a_change_that_arrived_although_its_answer_was_lost_is_taken_back_later(api: Api) -> None:
    client = api.scheduler.client
    client.update_flavors([Flavor(name="lost", vcpus=1)])
    api.write(lambda connection: add_flavor(connection, replace(row("lost"), flavor_id="lost")))
    api.write(lambda connection: remove_flavor(connection, "lost"))
    api.write(lambda connection: retire(connection, Kind.FLAVOR, "lost", now=time.time()))

    api.run(push_all(api.deps))

    assert client.list_flavors().flavors == []


def test_it_is_kept_in_step_as_soon_as_the_scheduler_is_there(api: Api, nowhere: str) -> None:
    api.write(lambda connection: add_flavor(connection, row("waits")))

    async def watch() -> asyncio.Task[None]:
        stop = asyncio.Event()
        task = asyncio.create_task(keep_in_step(api.deps, stop, interval_s=0.05))
        task.add_done_callback(lambda _: None)
        stops.append(stop)
        return task

    stops: list[asyncio.Event] = []

    async def end(task: asyncio.Task[None]) -> None:
        stops[0].set()
        await asyncio.wait_for(task, 10)

    with scheduler_away(api, nowhere):
        task = api.run(watch())
        time.sleep(0.3)
        assert not task.done()
    deadline = time.monotonic() + 15
    while not api.scheduler.client.list_flavors().flavors:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    api.run(end(task))
