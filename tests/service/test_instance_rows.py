"""The hints same_host and different_host find instances that the service placed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from engine.errors import InvalidRequestError, NoValidHostError
from engine.model.flavor import Flavor
from engine.model.request_spec import RequestSpec
from engine.scheduler.options import DEFAULT_FILTERS, SchedulerOptions
from engine.service.book import AllocationBook
from engine.service.instance_rows import hinted_instance_rows
from engine.v1.request_spec_pb2 import HintValues
from tests.service.harness import Running, serving
from tests.service.messages import add_hosts, new_uuid, spec
from tests.service.test_book import add, names, places

FILTERS = (*DEFAULT_FILTERS, "SameHostFilter", "DifferentHostFilter")


@pytest.fixture
def hinting(tmp_path: Path) -> Iterator[Running]:
    """A service of three hosts, smaller and smaller, that looks at hints."""
    with serving(tmp_path / "state", scheduler=SchedulerOptions(enabled_filters=FILTERS)) as running:
        add_hosts(running.client, {"memory_mb": 65_536}, {"memory_mb": 32_768}, {"memory_mb": 16_384})
        yield running


def hinted(name: str, *uuids: str) -> RequestSpec:
    return RequestSpec(flavor=Flavor("small", 1, 512), scheduler_hints={name: uuids})


def test_only_held_allocations_have_a_row() -> None:
    book = AllocationBook()
    first, second, released = names(3)
    add(book, [first], row=4)
    add(book, [second, released], row=7)
    book.release(places(book, [released]), 9)
    texts = [str(UUID(bytes=name)) for name in (first, second, released)]
    assert hinted_instance_rows(hinted("same_host", *texts), book) == {texts[0]: 4, texts[1]: 7}
    assert hinted_instance_rows(hinted("different_host", texts[0]), book) == {texts[0]: 4}
    assert hinted_instance_rows(hinted("same_host", ""), book) == {}
    assert hinted_instance_rows(hinted("near", "anything"), book) == {}


@pytest.mark.parametrize("name", ["same_host", "different_host"])
def test_a_text_that_is_no_uuid_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        hinted_instance_rows(hinted(name, "web-1"), AllocationBook())
    assert caught.value.details["field"] == f"scheduler_hints.{name}"


def test_instances_are_kept_together_and_apart(hinting: Running) -> None:
    client = hinting.client

    def place(**hints: list[str]) -> tuple[str, str]:
        uuid = new_uuid()
        wanted = {name: HintValues(values=values) for name, values in hints.items()}
        reply = client.select_destinations(spec(instance_uuids=[uuid], scheduler_hints=wanted))
        return uuid, reply.selections[0].host.host_id

    first, host = place()
    assert host == "h0"
    second, host = place(different_host=[first])
    assert host == "h1"
    assert place(different_host=[first, second])[1] == "h2"
    assert place(same_host=[second])[1] == "h1"
    client.move_allocation(second, "h2")
    assert place(same_host=[second])[1] == "h2"
    client.release_allocations([second])
    with pytest.raises(NoValidHostError):
        place(same_host=[second])
    with pytest.raises(NoValidHostError):
        place(same_host=[first], different_host=[first])
    hinting.assert_clean()


def test_an_explanation_sees_them_too(hinting: Running) -> None:
    client = hinting.client
    uuid = new_uuid()
    client.select_destinations(spec(instance_uuids=[uuid]))
    wanted = spec(scheduler_hints={"different_host": HintValues(values=[uuid])})
    reply = client.explain_selection(wanted)
    removed = {item.filter: item.hosts_removed for item in reply.summary.rejections}
    assert removed["DifferentHostFilter"] == 1
    assert [list(item.changes) for item in reply.nearest] == [[f"a host without instance {uuid}"]]
