"""FilterFault: a filter or weigher has no answer for a host, which fails the whole request as it does in nova."""

from __future__ import annotations

from engine.errors import EngineError


class FilterFault(EngineError):  # noqa: N818  (the plug-ins' own word: a filter broke down, no one reports an error)
    """A request that nova's scheduler would abandon with the exception ``nova_exception``, such as ``"ValueError"``.

    nova evaluates filters and weighers without isolation per host, so one host whose facts a filter cannot digest ends
    the request for all of them. The message is for the caller: it names the key, the requirement and the value that do
    not go together.
    """

    reason = "INVALID_REQUEST"

    def __init__(self, message: str, *, nova_exception: str, **details: object) -> None:
        super().__init__(message, nova_exception=nova_exception, **details)
        self.nova_exception = nova_exception
