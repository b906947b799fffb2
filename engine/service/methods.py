"""Methods: the handlers of all services of a server, found by one look-up, some of them given the message's bytes.

grpc.aio keeps a pending accept for each method that is registered with it, and looks at all of them whenever one call
arrives; methods that only a generic handler knows share one. So they all become generic here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import grpc

_Method = TypeVar("_Method", bound=Callable[..., Awaitable[Any]])
_IN_BYTES = "takes_and_returns_bytes"


def in_bytes(method: _Method) -> _Method:
    """Mark a unary method that takes its request, and returns its answer, as bytes instead of messages."""
    setattr(method, _IN_BYTES, True)
    return method


class Methods(grpc.GenericRpcHandler):  # type: ignore[misc]
    """What generated code adds services to, in a server's place: the handler of every method of theirs."""

    def __init__(self) -> None:
        self._handlers: dict[str, grpc.RpcMethodHandler] = {}

    def add_generic_rpc_handlers(self, generic_rpc_handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """Take nothing: the same methods come to ``add_registered_method_handlers``, with their names."""

    def add_registered_method_handlers(
        self, service_name: str, method_handlers: Mapping[str, grpc.RpcMethodHandler]
    ) -> None:
        """Take the handlers of a service by the name of their method."""
        for name, handler in method_handlers.items():
            behaviour = handler.unary_unary
            if getattr(behaviour, _IN_BYTES, False):
                handler = grpc.unary_unary_rpc_method_handler(behaviour)
            self._handlers[f"/{service_name}/{name}"] = handler

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """Return the handler of the method that a call names, None where there is none."""
        return self._handlers.get(handler_call_details.method)
