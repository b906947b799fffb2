"""Every rule of the table is noticed when it is broken by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from engine.inventory.check import check_invariants
from engine.inventory.schema import CLASS_PREFIX
from engine.inventory.table import HostTable
from engine.inventory.usage import Amounts
from tests.builders import host_table


def table() -> HostTable:
    made = host_table([{"vcpus_used": 1, "num_instances": 2}, {}, {}])
    made.apply(1, 1, Amounts(1, 2, 3, 4, 5, 6))
    return made


def setting(column: str, value: float, row: int = 1) -> Callable[[HostTable], None]:
    def damage(made: HostTable) -> None:
        made.columns[column][row] = value

    return damage


def rename(made: HostTable) -> None:
    made.identity.host_ids[1] = "other"


def forget(made: HostTable) -> None:
    del made.identity.row_of["h1"]


def double(made: HostTable) -> None:
    del made.identity.row_of["h1"]
    made.identity.host_ids[1] = "h2"


def drop(made: HostTable) -> None:
    made.identity.uuids.resize(2)


def shorten(made: HostTable) -> None:
    made.columns["profile"] = made.columns["profile"][:-1]


def retype(made: HostTable) -> None:
    made.columns["profile"] = made.columns["profile"].astype(np.int64)


DAMAGES: dict[str, tuple[Callable[[HostTable], None], str]] = {
    "a column too short": (shorten, "padded"),
    "a column of another type": (retype, "column profile has type int64"),
    "a host beyond the last row": (setting("present", 1, 3), "beyond the last host"),
    "a host that vanished": (setting("present", 0), "index of host ids"),
    "a host under another name": (rename, "index of host ids"),
    "a host that cannot be found": (forget, "index of host ids"),
    "two hosts of one name": (double, "3 hosts have 2 names"),
    "a host without a uuid": (drop, "identities"),
    "instances that nobody runs": (setting("num_instances", 1, 0), "num_instances covers"),
    "a CPU weight out of step": (setting("cpu_free", 0.5), "cpu_free ="),
    "an unknown profile": (setting("profile", 99), "profile is a known code"),
    "a negative profile": (setting("profile", -1), "profile is a known code"),
    "an unknown membership": (setting("membership", 99), "membership is a known code"),
    "unknown units": (setting("units", 99), "units is a known code"),
    "no generation": (setting("generation", 0), "generation lies within"),
    "a generation from the future": (setting("generation", 10**6), "generation lies within"),
    **{
        f"{prefix}: {name}": (damage, said)
        for prefix in CLASS_PREFIX.values()
        for name, damage, said in (
            ("a negative total", setting(f"{prefix}_total", -1), f"{prefix}_reserved <= {prefix}_total"),
            ("a negative reserve", setting(f"{prefix}_reserved", -1), f"0 <= {prefix}_reserved"),
            ("more reserved than there is", setting(f"{prefix}_reserved", 10**6), f"{prefix}_reserved <= "),
            ("a ratio of nothing", setting(f"{prefix}_allocation_ratio", 0.0), "is a positive number"),
            ("a ratio without end", setting(f"{prefix}_allocation_ratio", np.inf), "is a positive number"),
            ("a ratio that is none", setting(f"{prefix}_allocation_ratio", np.nan), "is a positive number"),
            ("less use than foreign use", setting(f"{prefix}_foreign", 10**6), f"{prefix}_used covers"),
            ("more free than there is", setting(f"{prefix}_free", 10**6), f"{prefix}_free ="),
        )
    },
}


def test_a_table_in_order_has_no_problems() -> None:
    assert check_invariants(table()) == []
    assert check_invariants(table().snapshot()) == []
    assert check_invariants(HostTable()) == []


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("name", DAMAGES)
def test_each_rule_is_noticed(name: str) -> None:
    made = table()
    damage, said = DAMAGES[name]
    damage(made)
    problems = check_invariants(made)
    assert any(said in problem for problem in problems), problems


def test_a_removed_hosts_row_may_hold_anything() -> None:
    made = table()
    made.delete(["h0"])
    made.columns["profile"][0] = 99
    assert check_invariants(made) == []


def test_a_problem_names_the_first_hosts_and_counts_all() -> None:
    made = host_table([{}] * 9)
    made.columns["vcpu_free"][:9] = 0
    (problem,) = check_invariants(made)
    assert problem.endswith("broken on 9 hosts (h0, h1, h2, h3, h4, …)")
