"""Names that a scenario may not know are told before a run, those that a change makes are known."""

from __future__ import annotations

import pytest

from engine.errors import InvalidRequestError
from engine.scheduler.options import SchedulerOptions
from engine.whatif.inputs import Inputs, open_world
from engine.whatif.scenario.reading import parse_scenario
from engine.whatif.served.snapshot import ALLOCATION_SCHEMA, Snapshot
from tests.builders import fleet

FLEET = "[fleet]\nsynthetic = '6 hosts of 8c 16g in 2 zones, racks of 2'\n"
LIVE = "[fleet]\nlive = 'h:1'\n"


def check(text: str) -> None:
    snapshot = Snapshot(fleet([{}]), ALLOCATION_SCHEMA.empty_table(), SchedulerOptions())
    open_world(parse_scenario(text, "s.toml"), Inputs(snapshot=snapshot) if "live" in text else Inputs(), seed=0)


@pytest.mark.parametrize(
    ("rest", "told"),
    [
        ("[[changes]]\ndo='fail'\nof={zone='az3'}", "changes[0].of.zone: there is no availability zone 'az3'; did you"),
        ("[[changes]]\ndo='drain'\nof={aggregate='rack-1'}", "changes[0].of.aggregate: there is no aggregate 'rack-1'"),
        (
            "[[changes]]\ndo='restore'\nof={hosts=['h-00001']}",
            "changes[0].of.hosts: there is no host 'h-00001'; did you mean",
        ),
        ("[drain]\nof={zone='b'}", "drain.of.zone: there is no availability zone 'b'; there are: az1, az2"),
        (
            "[[changes]]\nat=5\ndo='add_hosts'\nlike='host of 1c 1g'\nzone='z'\n"
            "[[changes]]\nat=4\ndo='fail'\nof={zone='z'}",
            "changes[1].of.zone: there is no availability zone 'z'",
        ),
        (
            "[[changes]]\ndo='add_hosts'\nlike='host of 1c 1g in 9 zones'\nzone='z'\n"
            "[[changes]]\ndo='fail'\nof={zone='az9'}",
            "changes[1].of.zone",
        ),
    ],
)
def test_what_there_is_not_is_told_with_its_key(rest: str, told: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        check(FLEET + rest)
    assert told in caught.value.message


@pytest.mark.parametrize(
    "rest",
    [
        "[[changes]]\ndo='fail'\nof={zone='az2', aggregate='rack-0002', hosts=['h-000002']}",
        "[[changes]]\ndo='add_hosts'\nlike='host of 1c 1g in 3 zones'\n[[changes]]\ndo='fail'\nof={zone='az3'}",
        "[[changes]]\ndo='add_hosts'\nlike='host of 1c 1g'\nzone='z'\naggregates=['a']\n"
        "[[changes]]\ndo='fail'\nof={zone='z', aggregate='a', hosts=['added-000007']}",
        "[[changes]]\nat=2\ndo='fail'\nof={zone='z'}\n"
        "[[changes]]\nat=1\ndo='add_hosts'\nlike='host of 1c 1g'\nzone='z'",
    ],
)
def test_what_a_change_makes_is_known_after_it(rest: str) -> None:
    check(FLEET + rest)


@pytest.mark.parametrize(
    ("rest", "told"),
    [
        ("[fits]\nflavors=['a']", "fits.flavors: there is no flavor 'a'; there is none at all"),
        ("[fits]\nstart='a'", "fits.start: there is no flavor 'a'"),
        ("[workload.fill]\nflavors={a=1}", "workload.fill.flavors: there is no flavor 'a'"),
        ("[workload.mix]\nflavors={a=1}\nper_hour=1\nduration='1d'", "workload.mix.flavors: there is no flavor 'a'"),
        ("[[changes]]\ndo='set_flavor'\nname='a'\nvcpus=1", "changes[0].name: there is no flavor 'a'"),
    ],
)
def test_flavors_that_the_service_lacks_are_told(rest: str, told: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        check(LIVE + rest)
    assert told in caught.value.message
