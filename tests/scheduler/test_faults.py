"""FilterFault: the reason, the message and the details that a caller sees."""

from __future__ import annotations

from engine.errors import EngineError
from engine.scheduler.faults import FilterFault, fault_text
from engine.scheduler.operators import match


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


def test_the_text_of_a_fault_is_its_message_and_of_an_answer_empty() -> None:
    assert fault_text(lambda: match("4", ">= 2")) == ""
    assert fault_text(lambda: match("4", ">= 5")) == ""
    assert fault_text(lambda: match("four", ">= 5")).startswith("the requirement '>= 5' compares numbers")
