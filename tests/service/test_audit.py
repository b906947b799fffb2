"""The audit finds every way in which ledger, memory and columns can disagree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from engine.errors import LedgerError, NotFoundError
from engine.service.audit import audit_state_dir
from tests.service.harness import serving
from tests.service.messages import add_hosts, new_uuid, spec

UUID_HELD = new_uuid()


def place(local: Any) -> int:
    """The place of an allocation of ``UUID_HELD`` on h0."""
    add_hosts(local.client, {}, {})
    local.client.select_destinations(spec(instance_uuids=[UUID_HELD], force_hosts=["h0"]))
    return int(local.placer.book.places([UUID(UUID_HELD).bytes])[0])


def forget(local: Any, at: int) -> None:
    import numpy as np

    local.placer.book.remove(np.array([at]))


def invent(local: Any, at: int) -> None:
    import numpy as np

    local.placer.book.add([b"\1" * 16], np.array([1]), np.array([0]), 0, 1)


def misplace(local: Any, at: int) -> None:
    local.placer.book.move(at, 1, 0, None)


def reshape(local: Any, at: int) -> None:
    from engine.inventory.usage import Amounts

    code = local.placer.book.shape_code("other", Amounts(3, 3, 3, 3, 3, 3))
    local.placer.book._shape[at] = code


def lose_usage(local: Any, at: int) -> None:
    local.placer.table.own(["vcpu_used"])[0][0] -= 1


def lose_host(local: Any, at: int) -> None:
    local.placer.table.delete(["h1"])


DAMAGES: dict[str, tuple[Callable[[Any, int], None], str, str]] = {
    "an allocation only the ledger has": (forget, UUID_HELD, "ledger but not in memory"),
    "an allocation only memory has": (invent, "01010101-0101-0101-0101-010101010101", "memory but not in the ledger"),
    "an allocation elsewhere": (misplace, UUID_HELD, "on h1 in memory, on h0 in the ledger"),
    "an allocation of another shape": (reshape, UUID_HELD, "shape"),
    "usage that nobody holds": (lose_usage, "h0", "vcpu_used"),
    "a host only the ledger has": (lose_host, "h1", "in the ledger but not in the table"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_difference_is_found_and_named(local, name):
    damage, subject, problem = DAMAGES[name]
    at = place(local)
    local.assert_clean()
    local.on_loop(lambda: damage(local, at))
    reply = local.client.audit_allocations()
    assert not reply.clean
    found = [item.problem for item in reply.differences if item.subject == subject]
    assert any(problem in text for text in found), reply.differences


def test_many_differences_are_counted_not_listed(local):
    add_hosts(local.client, *[{}] * 60)

    def damage() -> None:
        local.placer.table.own(["vcpu_used"])[0][:60] += 1

    local.on_loop(damage)
    reply = local.client.audit_allocations()
    assert len(reply.differences) < 60
    assert any("more" in item.problem for item in reply.differences)


def test_a_stopped_service_can_be_audited(tmp_path):
    with serving(tmp_path / "state") as local:
        place(local)
        # also while it runs: the audit takes no lock
        assert audit_state_dir(tmp_path / "state").clean
    reply = audit_state_dir(tmp_path / "state")
    assert (reply.clean, reply.hosts, reply.allocations) == (True, 2, 1)


def test_where_there_is_no_ledger_there_is_no_audit(tmp_path):
    with pytest.raises(NotFoundError):
        audit_state_dir(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(LedgerError):
        audit_state_dir(tmp_path / "empty")


def test_a_ledger_that_contradicts_itself_is_reported_not_raised(tmp_path):
    from engine.ledger.options import LedgerOptions
    from engine.ledger.records import Claims
    from engine.ledger.store import Ledger

    with Ledger.open(tmp_path, LedgerOptions(), lambda tickets, error: None) as ledger:
        ledger.submit([Claims(b"\1" * 16, b"\7\0\0\0", bytes(4), 0, 1)], None)
        ledger.flush()
    reply = audit_state_dir(tmp_path)
    assert not reply.clean
    assert "host" in reply.differences[0].problem
