"""Names on a NATS server."""

from __future__ import annotations

import pytest

from engine.boot.bus.subjects import consumer_of, message_id, subject_of, subject_of_topic
from engine.boot.messages import compute_topic
from engine.errors import InvalidRequestError


def test_a_host_has_a_subject_of_its_own() -> None:
    assert subject_of("host-1") == "berth.compute.host-1"
    assert subject_of_topic(compute_topic("rack1.host-1")) == "berth.compute.rack1.host-1"


@pytest.mark.parametrize("host", ["", ".", "a.", ".a", "a..b", "a b", "a*", "a.>", "a\nb", "*", ">"])
def test_a_name_that_means_something_else_on_the_bus_is_refused(host: str) -> None:
    with pytest.raises(InvalidRequestError):
        subject_of(host)


def test_consumers_differ_where_hosts_do_and_hold_no_dots() -> None:
    names = {consumer_of(host) for host in ("a.b", "a_b", "a-b", "ab")}
    assert len(names) == 4
    assert not any("." in name or " " in name for name in names)


def test_a_message_is_known_by_number_and_text() -> None:
    assert message_id(1, "a") == message_id(1, "a")
    assert len({message_id(1, "a"), message_id(2, "a"), message_id(1, "b")}) == 3
