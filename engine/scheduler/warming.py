"""A chain's kernels made ready: compiled on disk by a process of its own, or loaded into this one."""

from __future__ import annotations

import os
import random
import sys
from contextlib import suppress
from subprocess import DEVNULL, PIPE, Popen

import msgspec

from engine.errors import EngineError
from engine.inventory.generate import generate_fleet
from engine.inventory.table import HostTable
from engine.model.flavor import Flavor
from engine.model.request_spec import RequestSpec
from engine.scheduler.chain import Chain
from engine.scheduler.compiler import compiling
from engine.scheduler.explain import explain
from engine.scheduler.inquiry import make_inquiry
from engine.scheduler.judgement import judge
from engine.scheduler.multi_create import warm
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.select import Selector
from engine.scheduler.sparse import GroupState, SelectionContext

_NICENESS = 5
"""Compiling waits for whatever else wants a processor: the service that goes on placing, first of all."""


def start_compiling(options: SchedulerOptions) -> Popen[bytes]:
    """Return a process that compiles the kernels of the options' chain into the cache, and then ends with status 0.

    Compiling holds Python's lock for most of its many seconds, so that a thread of the service would hold up calls.
    """
    process = Popen(
        [sys.executable, "-m", "engine.scheduler.warming"],
        stdin=PIPE,
        stdout=DEVNULL,
        stderr=PIPE,
        # what a terminal sends to the service is not meant for this process
        start_new_session=True,
    )
    assert process.stdin is not None
    # one that is gone already says why when it is waited for
    with suppress(BrokenPipeError), process.stdin as pipe:
        pipe.write(msgspec.json.encode(options))
    return process


def compiled(process: Popen[bytes]) -> None:
    """Wait until a process of ``start_compiling`` has ended; raise EngineError with its last words if it failed."""
    assert process.stderr is not None
    with process.stderr as pipe:
        said = pipe.read().decode(errors="replace").strip()
    status = process.wait()
    if status:
        last = said.splitlines()[-1] if said else f"status {status}"
        raise EngineError(f"the kernels could not be compiled: {last}")


def load_first(chain: Chain) -> None:
    """Compile or load the kernels that place single instances and refuse them, by running each once on no hosts."""
    table = HostTable()
    selector = Selector(table, chain, random.Random(0), view_budget_bytes=1)
    selector.warm()
    demand = selector.demand(RequestSpec(flavor=Flavor("any", 1, 1, 0)))
    judge(make_inquiry(chain, table, demand, SelectionContext(table), selector.verdicts))


def load_rest(chain: Chain) -> None:
    """Compile or load the kernels that place many instances at once and explain decisions."""
    table = HostTable()
    warm(table, chain)
    table.upsert(generate_fleet(1, 0))
    # its service sends no heartbeats, so that it is up at any time
    table.refresh_services(0, chain.options.service_down_time)
    request = RequestSpec(flavor=Flavor("any", 1, 1, 0))
    # for a server group, hosts are weighed another way
    for group in (None, GroupState("anti-affinity", 1, {}, set())):
        explain(chain, table.snapshot(), request, SelectionContext(table, group), hosts=[0])


def main() -> None:
    """Compile the kernels of the options that come as JSON."""
    os.nice(_NICENESS)
    chain = Chain.from_options(msgspec.json.decode(sys.stdin.buffer.read(), type=SchedulerOptions))
    with compiling():
        load_first(chain)
        load_rest(chain)


if __name__ == "__main__":
    main()
