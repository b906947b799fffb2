"""FilterFault: a filter or weigher has no answer for a host: nova fails the whole request, Berth passes the host over.

Which of the two it is decides the option nova_quirks. Without it a filter's fault makes the host one that fails the
filter, and the fault's message is the reason that an explanation gives.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.errors import EngineError


class FilterFault(EngineError):  # noqa: N818  (the plug-ins' own word: a filter broke down, no one reports an error)
    """What nova's scheduler abandons a request for, with the exception ``nova_exception``, such as ``"ValueError"``.

    nova evaluates filters and weighers without isolation per host, so one host whose facts a filter cannot digest ends
    the request for all of them. The message is for the caller: it names the key, the requirement and the value that do
    not go together.
    """

    reason = "INVALID_REQUEST"

    def __init__(self, message: str, *, nova_exception: str, **details: object) -> None:
        super().__init__(message, nova_exception=nova_exception, **details)
        self.nova_exception = nova_exception


def fault_text(evaluate: Callable[[], object]) -> str:
    """Return the message of the fault that an evaluation ends in, empty where it has an answer."""
    try:
        evaluate()
    except FilterFault as fault:
        return fault.message
    return ""
