"""Tells the scheduler which hosts there are, that they live, and how many builds failed on them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from engine.boot.compute.timeline import now_us
from engine.boot.libvirt.driver import Driver, HostProfile, HostResources
from engine.boot.libvirt.host_numa import host_numa
from engine.client import Client
from engine.errors import EngineError, InvalidRequestError, NotFoundError
from engine.model.numa import HostNuma
from engine.v1 import inventory_pb2, numa_pb2
from engine.v1 import inventory_service_pb2 as inventory_service

_LOG = logging.getLogger("berth.compute")
_BATCH = 500
_CALL_S = 30.0
_AWAY_S = 1.0
_LAST_CALL_S = 2.0


class HostReporter:
    """Reports in a thread of its own every ``interval_s``; while the scheduler is away it tries again every second.

    The scheduler's documented default allocation ratios hold until somebody changes them there: none are sent.
    ``registered``: the scheduler knows the hosts. ``answered``: it has known them once, or nobody asks it any more.
    """

    def __init__(
        self,
        target: str,
        driver: Driver,
        profiles: Sequence[HostProfile],
        *,
        interval_s: float,
        clock_us: Callable[[], int] = now_us,
    ) -> None:
        self._target = target
        self._driver = driver
        self._profiles = list(profiles)
        self._interval_s = interval_s
        self._clock_us = clock_us
        self._lock = threading.Lock()
        self._failed: dict[str, int] = {}
        self._changed: set[str] = set()
        self._wake = threading.Event()
        self._stopping = False
        self.registered = threading.Event()
        self.answered = threading.Event()
        self._thread = threading.Thread(target=self._run, name="host-reports", daemon=True)

    def start(self) -> None:
        """Begin to report."""
        self._thread.start()

    def stop(self) -> None:
        """End the reports; a call under way is waited for, for a moment."""
        self._stopping = True
        self._wake.set()
        self.answered.set()
        if self._thread.is_alive():
            self._thread.join(_LAST_CALL_S)

    def build_failed(self, host: str) -> None:
        """Count a failed build, which the scheduler's BuildFailureWeigher holds against the host at once."""
        with self._lock:
            self._failed[host] = self._failed.get(host, 0) + 1
            self._changed.add(host)
        self._wake.set()

    def build_succeeded(self, host: str) -> None:
        """Forget the failed builds of a host, as nova does after one that went well."""
        with self._lock:
            if not self._failed.pop(host, 0):
                return
            self._changed.add(host)
        self._wake.set()

    def _run(self) -> None:
        while not self._stopping:
            pause_s = self._interval_s
            try:
                with Client(self._target, timeout_s=_CALL_S) as client:
                    self._report(client)
            except EngineError as error:
                _LOG.warning("the scheduler did not take the hosts' reports: %s", error.message)
                pause_s = min(_AWAY_S, self._interval_s)
            self._wait(pause_s)

    def _report(self, client: Client) -> None:
        """Report again and again until told to stop; raises when the scheduler is away or refuses."""
        if not self.registered.is_set():
            self._send(client, self._descriptions())
            self.registered.set()
            self.answered.set()
        next_beat = time.monotonic()
        while not self._stopping:
            self._wake.clear()
            try:
                if time.monotonic() >= next_beat:
                    self._send(client, self._heartbeats())
                    next_beat = time.monotonic() + self._interval_s
                elif self._changed:
                    self._send(client, self._changes())
            except (InvalidRequestError, NotFoundError):
                # the scheduler does not know the hosts (any more): they are described again
                self.registered.clear()
                raise
            self._wait(next_beat - time.monotonic())

    def _wait(self, seconds: float) -> None:
        if not self._stopping:
            self._wake.wait(max(seconds, 0.0))

    def _send(self, client: Client, hosts: Iterator[inventory_pb2.Host]) -> None:
        everything = list(hosts)
        requests = [
            inventory_service.UpdateHostsRequest(hosts=everything[start : start + _BATCH])
            for start in range(0, len(everything), _BATCH)
        ]
        for _ in client.update_hosts(requests, timeout_s=_CALL_S):
            pass

    def _descriptions(self) -> Iterator[inventory_pb2.Host]:
        for profile in self._profiles:
            yield describe(profile, self._driver.resources(profile.name))

    def _heartbeats(self) -> Iterator[inventory_pb2.Host]:
        """Yield a sign of life of every host, with the count of its failed builds."""
        with self._lock:
            failed = dict(self._failed)
            self._changed.clear()
        service = inventory_pb2.HostService(last_seen_up_us=self._clock_us())
        for profile in self._profiles:
            yield inventory_pb2.Host(host_id=profile.name, service=service, failed_builds=failed.get(profile.name, 0))

    def _changes(self) -> Iterator[inventory_pb2.Host]:
        """Yield the counts that have changed."""
        with self._lock:
            changed, self._changed = self._changed, set()
            counts = [(host, self._failed.get(host, 0)) for host in sorted(changed)]
        for host, count in counts:
            yield inventory_pb2.Host(host_id=host, failed_builds=count)


def describe(profile: HostProfile, resources: HostResources) -> inventory_pb2.Host:
    """Return what the scheduler is told of a host that it does not know yet; whole hosts only fit whole guests."""
    amounts = {
        "VCPU": (resources.vcpus, 0),
        "MEMORY_MB": (resources.memory_mb, profile.reserved_memory_mb),
        "DISK_GB": (resources.disk_gb, 0),
    }
    return inventory_pb2.Host(
        host_id=profile.name,
        uuid=profile.uuid,
        nodename=profile.name,
        inventories={
            name: inventory_pb2.ResourceInventory(
                total=total, reserved=reserved, min_unit=1, max_unit=total, step_size=1
            )
            for name, (total, reserved) in amounts.items()
            if total
        },
        hypervisor_type=resources.hypervisor_type,
        hypervisor_version=resources.hypervisor_version,
        arch=resources.arch,
        supported_instances=[
            inventory_pb2.SupportedInstance(arch=arch, hypervisor_type=kind, vm_mode=mode)
            for arch, kind, mode in resources.supported_instances
        ],
        cpu_info=resources.cpu_info,
        numa_topology=_numa_topology(host_numa(profile)),
    )


def _numa_topology(numa: HostNuma | None) -> numa_pb2.NumaTopology:
    return numa_pb2.NumaTopology(
        cells=[
            numa_pb2.HostCell(
                cell_id=cell.cell_id,
                cpus=sorted(cell.cpus),
                pinnable_cpus=sorted(cell.pinnable_cpus),
                memory_mb=cell.memory_mb,
                siblings=[numa_pb2.CpuSet(cpus=sorted(core)) for core in cell.siblings],
                pages=[numa_pb2.HostPages(size_kb=pages.size_kb, total=pages.total) for pages in cell.pages],
                socket=cell.socket,
            )
            for cell in (numa.cells if numa else ())
        ]
    )
