"""Listening: a gRPC server, made only once its address is known to be one that can be listened on.

A server that is made and never started is not freed safely: the process may end with a segmentation fault.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable
from typing import NamedTuple

import grpc

from engine.errors import InvalidSettingError

_LAST_PORT = 65_535
_BRACKETED = re.compile(r"\[[^\[\]]+\]")


class Address(NamedTuple):
    """Where to listen: the host as given, IPv6 in brackets, and the port, 0 for any that is free."""

    host: str
    port: int

    @property
    def text(self) -> str:
        """HOST:PORT."""
        return f"{self.host}:{self.port}"


def parsed_address(listen: str) -> Address:
    """Return the address of a ``listen`` setting; raise InvalidSettingError for what is none."""
    host, _, port = listen.rpartition(":")
    if not host or not (port.isascii() and port.isdecimal() and len(port) <= 5 and int(port) <= _LAST_PORT):
        raise InvalidSettingError(f"listen must be HOST:PORT, not {listen!r}", setting="listen")
    if (":" in host or "[" in host) and not _BRACKETED.fullmatch(host):
        raise InvalidSettingError(f"listen must have an IPv6 address in [ ], not {listen!r}", setting="listen")
    return Address(host, int(port))


async def started_server(
    address: Address, max_message_bytes: int, add_services: Callable[[grpc.aio.Server], None]
) -> tuple[grpc.aio.Server, str]:
    """Return a server that listens and answers, and its address; raise InvalidSettingError where it cannot listen."""
    await _try(address)
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", max_message_bytes),
            ("grpc.max_send_message_length", max_message_bytes),
            # a second service on the same port must fail, not share it
            ("grpc.so_reuseport", 0),
        ]
    )
    add_services(server)
    try:
        bound = server.add_insecure_port(address.text)
    except RuntimeError as error:
        # someone else took the port in between
        await server.start()
        await server.stop(None)
        raise _cannot_listen(address) from error
    await server.start()
    return server, f"{address.host}:{bound}"


async def _try(address: Address) -> None:
    """Raise InvalidSettingError unless a socket can be bound to one of the host's addresses, as gRPC would."""
    host = address.host.removeprefix("[").removesuffix("]")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        raise _cannot_listen(address) from error
    failures = []
    for family, kind, protocol, _, place in found:
        try:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(place)
                return
        except OSError as error:
            failures.append(error)
    raise _cannot_listen(address) from failures[0]


def _cannot_listen(address: Address) -> InvalidSettingError:
    return InvalidSettingError(
        f"cannot listen on {address.text}: the port is taken or the address is not this machine's", setting="listen"
    )
