"""FilterFault: the reason, the message and the details that a caller sees."""

from __future__ import annotations

from engine.errors import EngineError
from engine.scheduler.faults import FilterFault


def test_a_fault_carries_novas_exception_and_its_details_as_text() -> None:
    fault = FilterFault("why", nova_exception="ValueError", key="capabilities:host", value=46)
    assert isinstance(fault, EngineError)
    assert (str(fault), fault.message, fault.reason, fault.nova_exception) == (
        "why",
        "why",
        "INVALID_REQUEST",
        "ValueError",
    )
    assert fault.details == {"nova_exception": "ValueError", "key": "capabilities:host", "value": "46"}
