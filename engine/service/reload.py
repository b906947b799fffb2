"""Reload: which settings a running service takes from a file that is read again, and how a new chain is made ready."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Final

from engine.config import Settings
from engine.errors import InvalidSettingError
from engine.scheduler.chain import Chain
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.warming import compiled, load_first, load_rest, start_compiling
from engine.service.daemon_thread import in_daemon_thread

RELOADED: Final = ("scheduler", "seed", "token_retention_s", "drain_s", "view_budget_mb")
"""The settings that a running service takes over."""
FIXED: Final = ("listen", "state_dir", "max_message_mb", "whatif_at_once", "whatif_waiting", "ledger")
"""Those that it opened something with when it started."""
NOT_READ: Final = ("boot", "cloud")
"""Those of other processes, which may stand in the same file."""


def changed_settings(old: Settings, new: Settings) -> list[str]:
    """Return what a reload changes, each as ``name: before, now after``.

    Raises InvalidSettingError that names the settings that differ and cannot change while the service runs.
    """
    refused = [text for name in FIXED for text in _differences(name, getattr(old, name), getattr(new, name))]
    if refused:
        raise InvalidSettingError(
            f"cannot change while the service runs: {'; '.join(refused)}: restart the service, or set it back",
            setting=refused[0].split(":")[0],
        )
    return [text for name in RELOADED for text in _differences(name, getattr(old, name), getattr(new, name))]


def _differences(name: str, old: object, new: object) -> Iterator[str]:
    """Yield how a setting, or each option of a group of them, differs."""
    if old == new:
        return
    if is_dataclass(old) and is_dataclass(new):
        for item in fields(old):
            yield from _differences(f"{name}.{item.name}", getattr(old, item.name), getattr(new, item.name))
    else:
        yield f"{name}: {_shown(old)}, now {_shown(new)}"


def _shown(value: object) -> str:
    """Return a value's text, without what a terminal or log would take for more than text."""
    return repr(value) if isinstance(value, (str, int, float, tuple, type(None))) else repr(str(value))


async def chain_made_ready(options: SchedulerOptions, in_force: Chain) -> Chain:
    """Return the chain of options with its kernels loaded, while placing goes on; cancelled, it leaves nothing running.

    Kernels that are not those of the chain ``in_force`` are compiled by another process and then loaded in a thread.
    Raises InvalidSettingError for options that name no such plug-in, EngineError where the kernels cannot be compiled.
    """
    chain = Chain.from_options(options)
    if chain.plan == in_force.plan:
        return chain
    await _compile(options)
    await _in_thread_to_the_end(lambda: load_first(chain))
    await _in_thread_to_the_end(lambda: load_rest(chain))
    return chain


async def rest_made_ready(options: SchedulerOptions, chain: Chain) -> None:
    """Load the kernels that the options' chain, by which instances are placed already, needs beyond that.

    Raises EngineError where they cannot be compiled.
    """
    if not await in_daemon_thread(lambda: chain.is_compiled):
        await _compile(options)
    await _in_thread_to_the_end(lambda: load_rest(chain))


async def _compile(options: SchedulerOptions) -> None:
    """Compile the kernels of the options' chain in another process; cancelled, it leaves none running."""
    process = start_compiling(options)
    try:
        await in_daemon_thread(lambda: compiled(process))
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


async def _in_thread_to_the_end(load: Callable[[], object]) -> None:
    """Load code in a thread; the interpreter must not end meanwhile, so that a cancelled caller waits for it too."""
    loading = asyncio.ensure_future(in_daemon_thread(load))
    try:
        await asyncio.shield(loading)
    except asyncio.CancelledError:
        await asyncio.wait({loading})
        raise
