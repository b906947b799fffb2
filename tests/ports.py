"""Ports for listeners to come: apart from those of the kernel's outgoing connections and of the other test workers."""

from __future__ import annotations

import os
import random
import socket

# below the range (from 32768 on by default) from which the kernel takes the ports of outgoing connections
_FIRST, _LAST = 10_000, 32_000
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_given: set[int] = set()


def free_port() -> int:
    """Return one such port."""
    return free_ports(1)[0]


def free_ports(count: int) -> range:
    """Return ``count`` ports in a row where nothing listens on 127.0.0.1, none of them given before in this run."""
    share = (_LAST - _FIRST) // _WORKERS
    first = _FIRST + _WORKER * share
    for _ in range(1_000):
        base = random.randrange(first, first + share - count)
        ports = range(base, base + count)
        if _given.isdisjoint(ports) and all(_is_free(port) for port in ports):
            _given.update(ports)
            return ports
    raise RuntimeError(f"no {count} free ports in a row between {first} and {first + share}")


def _is_free(port: int) -> bool:
    try:
        with socket.create_server(("127.0.0.1", port)):
            return True
    except OSError:
        return False
