from __future__ import annotations

import pytest

from engine.novaconf.not_taken import reason


@pytest.mark.parametrize(
    ("group", "name", "said"),
    [
        ("DEFAULT", "ram_allocation_ratio", "column ram_allocation_ratio"),
        ("filter_scheduler", "enabled_filterz", "check the spelling"),
        ("pci", "aliases", "check the spelling"),
        ("placement", "region_name", "no placement service"),
        ("database", "connection", "does not depend"),
        ("quota", "server_group_numbers", "no such quota"),
    ],
)
def test_every_other_option_has_a_reason(group, name, said):
    assert said in reason(group, name)
