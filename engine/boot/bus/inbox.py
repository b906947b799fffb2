"""What every carrier of messages offers to an agent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol, TypeAlias

from engine.boot.messages import Message

CallHandler: TypeAlias = Callable[[str, str, dict[str, Any]], Awaitable[Any]]
"""Answers a question to a host: ``(host, method, body)`` in, a value that JSON can carry out; errors are told back."""


class Delivery(Protocol):
    """A message for a host. It comes again, to this agent or the next, until ``done`` is called.

    Whoever takes it calls exactly one of ``done`` and ``later``; neither raises, neither waits for the carrier.
    """

    @property
    def host(self) -> str:
        """The host that the message is for."""
        ...

    @property
    def message(self) -> Message:
        """The message."""
        ...

    async def done(self) -> None:
        """Let the message go: its effect is recorded."""
        ...

    async def later(self, delay_s: float) -> None:
        """Have the message again after a while."""
        ...


class Inbox(Protocol):
    """The messages of an agent's hosts."""

    def deliveries(self) -> AsyncIterator[Delivery]:
        """Yield messages as they come, those of one host in the order they were cast; lost connections are made again.

        Raises ConflictError when another agent has taken the hosts over.
        """
        ...

    async def close(self) -> None:
        """Send what is done and end; messages that are neither done nor postponed come again to the next agent."""
        ...
