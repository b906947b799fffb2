"""libvirt itself: the only module that imports its binding, and turns what it raises into LaunchError."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from engine.boot.libvirt.driver import LaunchError

_INSTALL = (
    "libvirt's Python binding is not installed: install libvirt (Debian: libvirt-dev, pkg-config, gcc, python3-dev) "
    "and libvirt-python (pip install 'berth[libvirt]'), or set launcher = \"memory\", which is no libvirt"
)
_starting = threading.Lock()
_events: list[threading.Thread] = []
"""libvirt has one event loop a process, which must run before the first connection: its thread, once it does."""


def binding() -> Any:
    """Return the module ``libvirt``, with its event loop running; raises LaunchError where it is not installed."""
    try:
        import libvirt
    except ImportError as error:
        raise LaunchError(_INSTALL) from error
    with _starting:
        if not _events:
            # the default handler prints every error to standard error, beside raising it
            libvirt.registerErrorHandler(lambda *_: None, None)
            libvirt.virEventRegisterDefaultImpl()
            thread = threading.Thread(target=_run_events, args=(libvirt,), name="libvirt-events", daemon=True)
            thread.start()
            _events.append(thread)
    return libvirt


def _run_events(libvirt: Any) -> None:
    while True:
        libvirt.virEventRunDefaultImpl()


@contextmanager
def refusals(libvirt: Any, what: str) -> Iterator[None]:
    """Raise what libvirt refuses inside the block as LaunchError that begins with ``what``."""
    try:
        yield
    except libvirt.libvirtError as error:
        raise LaunchError(f"{what}: libvirt: {error}", code=error.get_error_code()) from error
