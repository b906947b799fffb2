"""The parts of a build that other services do: image, network and volumes, with the steps they stand for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.boot.compute.device_names import name_devices
from engine.boot.compute.timeline import Timeline
from engine.boot.compute.tools import Tools
from engine.boot.effects import ports, volumes
from engine.boot.messages import Caller
from engine.boot.openstack.trace import CallTrace
from engine.v1 import instance_pb2

IMAGE_STEPS = (19, 20, 21)
NETWORK_STEPS = (22, 23, 24)
VOLUME_STEPS = (25, 26, 27)


def connector_of(host: str) -> dict[str, Any]:
    """Return what the volume service is told of a host, in os-brick's words."""
    return {
        "host": host,
        "ip": "127.0.0.1",
        "initiator": f"iqn.2005-03.org.open-iscsi:{host}",
        "multipath": False,
        "platform": "x86_64",
        "os_type": "linux",
    }


async def fetch_image(tools: Tools, instance: instance_pb2.Instance, who: Caller, timeline: Timeline) -> Path | None:
    """Return where the checked image lies in the cache (steps 19 to 21); None when a volume is booted from."""
    if not instance.image_id:
        for number in IMAGE_STEPS:
            timeline.mark(number, "boots from a volume")
        return None
    trace = CallTrace()
    with _asked(timeline, IMAGE_STEPS, "image", trace, f"image {instance.image_id}") as answer:
        cached = await tools.images.fetch(who, instance, trace=trace)
        answer.detail = cached.detail
    return cached.path


async def allocate_network(
    tools: Tools, instance: instance_pb2.Instance, who: Caller, host: str, timeline: Timeline, *, resume: bool
) -> list[instance_pb2.NetworkInterface]:
    """Return the interfaces, bound to the host (steps 22 to 24)."""
    trace = CallTrace()
    with _asked(timeline, NETWORK_STEPS, "network", trace, f"{len(instance.requested_networks)} asked for") as answer:
        interfaces = await ports.allocate(tools.clouds, instance, who, host, resume=resume, trace=trace)
        answer.detail = _addresses(interfaces)
    return interfaces


async def attach_volumes(
    tools: Tools, instance: instance_pb2.Instance, who: Caller, host: str, timeline: Timeline, *, resume: bool
) -> list[instance_pb2.BlockDevice]:
    """Return the block devices, named and, where they are volumes, with connection info (steps 25 to 27)."""
    devices = name_devices(instance.block_devices)
    wanted = [device for device in devices if device.destination_type == "volume"]
    if not wanted:
        for number in VOLUME_STEPS:
            timeline.mark(number, "no volumes")
        return devices
    named = instance_pb2.Instance()
    named.CopyFrom(instance)
    del named.block_devices[:]
    named.block_devices.extend(devices)
    trace = CallTrace()
    with _asked(timeline, VOLUME_STEPS, "block-storage", trace, f"{len(wanted)} to attach") as answer:
        attached = await volumes.attach_all(
            tools.clouds,
            named,
            who,
            host,
            connector_of(host),
            resume=resume,
            poll_interval_s=tools.options.volume_poll_interval_s,
            poll_attempts=tools.options.volume_poll_attempts,
            trace=trace,
        )
        answer.detail = ", ".join(
            f"{device.device_name} volume {device.volume_id}" for device in attached if device.volume_id
        )
    return attached


@dataclass
class _Answer:
    """What a service's answers came to, in words."""

    detail: str = ""


@contextmanager
def _asked(
    timeline: Timeline, steps: tuple[int, int, int], service: str, trace: CallTrace, what: str
) -> Iterator[_Answer]:
    """Record the three steps of asking a service: the first call, its check of the token, and what came of it all."""
    asking, checking, having = steps
    answer = _Answer()
    begun_us = timeline.clock_us()
    error = ""
    try:
        yield answer
    except BaseException as failure:
        error = str(failure) or type(failure).__name__
        raise
    finally:
        calls = trace.of(service)
        if calls:
            first = calls[0]
            asked_us = first.finished_us
            timeline.add(
                asking,
                first.started_us,
                asked_us,
                detail=f"{what}; {first.method} answered {first.status or 'nothing'}",
            )
        else:
            asked_us = begun_us
            timeline.add(asking, begun_us, asked_us, detail=f"{what}; no call was needed")
        _token_check(timeline, checking, service, trace)
        timeline.add(having, asked_us, timeline.clock_us(), detail=answer.detail, error=error)


def _token_check(timeline: Timeline, number: int, service: str, trace: CallTrace) -> None:
    """Record how a service checked the token, as it told: within which call, and whether keystone was asked."""
    told = trace.token_check(service)
    if told is None:
        calls = trace.of(service)
        timeline.mark(number, "the service does not tell how" if calls else "no call was needed")
        return
    call, check = told
    detail = "token checked from cache" if check.how == "cached" else f"token {check.how or 'checked'} by keystone"
    timeline.add(number, call.started_us, min(call.started_us + check.duration_us, call.finished_us), detail=detail)


def _addresses(interfaces: Sequence[instance_pb2.NetworkInterface]) -> str:
    if not interfaces:
        return "no network"
    return "; ".join(
        f"port {item.port_id} {item.mac_address} {', '.join(address.address for address in item.addresses)}"
        for item in interfaces
    )
