"""How one process runs some of the parts."""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

import uvloop

from engine.config import Settings
from engine.errors import EngineError
from engine.up.part import CLOUD_PARTS, READY, Part
from engine.up.telemetry import set_up_telemetry


def run_parts(parts: Sequence[Part], settings: Settings) -> None:
    """Run some parts in this process until SIGTERM or SIGINT; raise the EngineError that keeps one from starting."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s", stream=sys.stderr)
    for noisy in ("asyncio", "keystoneauth", "urllib3", "uvicorn"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # a part is asked for things of one user's: none of its files is for others
    os.umask(0o077)
    set_up_telemetry("-".join(parts))
    # what a request makes is gone by counting references; the collector is for the rare rest, so it looks more rarely
    gc.set_threshold(50_000, 20, 50)
    uvloop.run(_run(parts, settings))


async def _run(parts: Sequence[Part], settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    running = [asyncio.create_task(_serve(part, settings, stop), name=part) for part in parts]
    try:
        await asyncio.wait(running, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        # one part that fails takes the others of its process along, in order
        stop.set()
        ended = await asyncio.gather(*running, return_exceptions=True)
    for failure in ended:
        if isinstance(failure, EngineError):
            raise failure
    for failure in ended:
        if isinstance(failure, BaseException):
            raise failure


async def _serve(part: Part, settings: Settings, stop: asyncio.Event) -> None:
    """Run one part; its code is loaded here, so that a process holds only what it runs."""
    ready = _announcer(part)
    if part in CLOUD_PARTS:
        service: Any = importlib.import_module(f"engine.cloud.{part}.service")
        await service.serve(settings.cloud, settings.state_dir, stop, ready)
    else:
        service = importlib.import_module(f"engine.boot.{part}.service")
        await service.serve(settings, stop, ready)


def _announcer(part: Part) -> Callable[[str], None]:
    def announce(address: str) -> None:
        sys.stderr.write(READY.format(part=part, address=address) + "\n")
        sys.stderr.flush()

    return announce
