"""libvirt's states as nova's numbers."""

from __future__ import annotations

import pytest

from engine.boot.libvirt.power import power_state_of


@pytest.mark.parametrize(("state", "number"), [(0, 0), (1, 1), (2, 1), (3, 3), (4, 4), (5, 4), (6, 6), (7, 7), (99, 0)])
def test_the_table_is_novas(state: int, number: int) -> None:
    assert power_state_of(state) == number
