"""Undoing a build on this host: nothing of it is left here, nor at the other services."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable

from engine.boot.compute.threads import in_thread
from engine.boot.compute.tools import Tools
from engine.boot.effects.cleanup import undo_remote
from engine.boot.openstack.errors import CloudError
from engine.errors import EngineError
from engine.v1 import instance_pb2

_LOG = logging.getLogger("berth.compute")
_PAUSES_S = (0.2, 1.0, 3.0)
_PATIENCE_S = 5.0


async def undo_build(tools: Tools, host: str, instance: instance_pb2.Instance) -> bool:
    """Undo all that a failed build did, with the service user's rights alone; return whether nothing is left."""
    here = await destroy_domain(tools, host, instance.uuid)
    # the conductor goes on with what is not undone soon
    deadline = time.monotonic() + _PATIENCE_S
    left: list[str] = []
    for pause_s in (*_PAUSES_S, None):
        try:
            left = await undo_remote(tools.clouds, instance, failed_build=True)
        except EngineError as error:
            left = [error.message]
        if not left:
            return here
        if pause_s is None or time.monotonic() + pause_s >= deadline:
            break
        await asyncio.sleep(pause_s)
    _LOG.warning("instance %s on %s: not undone: %s", instance.uuid, host, "; ".join(left))
    return False


async def undo_overtaken(
    tools: Tools, host: str, instance_uuid: str, interfaces: Iterable[instance_pb2.NetworkInterface]
) -> None:
    """Undo what a build did that another attempt has overtaken.

    What carries the instance's uuid may by now be the other attempt's: beside the domain only ports go that this build
    made itself and that are still bound to this host. Whoever overtook it has undone what there was before.
    """
    await destroy_domain(tools, host, instance_uuid)
    for item in interfaces:
        if item.preexisting:
            continue
        try:
            port = await tools.clouds.networks.get_port(None, item.port_id)
            if port.get("binding:host_id") == host and port.get("device_id") == instance_uuid:
                await tools.clouds.networks.delete_port(item.port_id)
        except CloudError as error:
            if error.status != 404:
                _LOG.warning("port %s of an overtaken build on %s may be left: %s", item.port_id, host, error.message)


async def destroy_domain(tools: Tools, host: str, instance_uuid: str) -> bool:
    """Destroy a domain, tried a few times; return whether it is gone. Power syncs find one that is left."""
    for pause_s in (*_PAUSES_S, None):
        try:
            await tools.points.reach("destroy", host)
            await in_thread(tools.threads, tools.driver.destroy, host, instance_uuid)
        except EngineError as error:
            if pause_s is None:
                _LOG.warning("the domain of %s on %s cannot be destroyed: %s", instance_uuid, host, error.message)
                return False
            await asyncio.sleep(pause_s)
        else:
            return True
    return False
