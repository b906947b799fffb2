from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import pytest

from engine.cli.names import find, uuid_for
from engine.errors import ConflictError, UnknownGroupError


@dataclass
class Record:
    uuid: str
    name: str


RECORDS = [Record("u1", "one"), Record("u2", "two"), Record("u3", "two"), Record("two-uuid", "u1")]


def test_a_uuid_goes_before_a_name():
    assert find(RECORDS, "u1", UnknownGroupError, "group") is RECORDS[0]
    assert find(RECORDS, "one", UnknownGroupError, "group") is RECORDS[0]


def test_a_name_that_several_have_is_refused_with_their_uuids():
    with pytest.raises(ConflictError, match="u2, u3"):
        find(RECORDS, "two", UnknownGroupError, "group")
    with pytest.raises(ConflictError, match="u2, u3"):
        uuid_for(RECORDS, "two", "group")


def test_an_unknown_name_is_the_given_error():
    with pytest.raises(UnknownGroupError, match="'three'"):
        find(RECORDS, "three", UnknownGroupError, "group")


def test_a_known_name_keeps_its_uuid_and_a_new_one_gets_one():
    assert uuid_for(RECORDS, "one", "group") == "u1"
    assert UUID(uuid_for(RECORDS, "three", "group")) != UUID(uuid_for(RECORDS, "three", "group"))
