from __future__ import annotations

import pytest

from engine.errors import NoValidHostError
from engine.scheduler.chain import Chain
from engine.scheduler.options import SchedulerOptions
from tests.builders import host_table, request, selector


def test_a_zone_stays_known_while_its_hosts_are_away() -> None:
    table = host_table([{"availability_zone": "a"}, {"availability_zone": "b"}])
    lost = table.present_rows()[1:]
    table.set_away(lost, away=True)
    assert table.zones == table.snapshot().zones == {"a", "b"}
    assert table.host_count == 1
    with pytest.raises(NoValidHostError):
        selector(table, Chain.from_options(SchedulerOptions())).select(request(availability_zone="b"))
    table.set_away(lost, away=False)
    (found,) = selector(table, Chain.from_options(SchedulerOptions())).select(request(availability_zone="b"))
    assert found.row == 1
