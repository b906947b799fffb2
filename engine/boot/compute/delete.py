"""Taking an instance down with all that was made for it."""

from __future__ import annotations

import logging

from engine.boot.compute.threads import in_thread
from engine.boot.compute.tools import Tools
from engine.boot.effects import ports, volumes
from engine.boot.effects.together import all_settled
from engine.boot.messages import Delete
from engine.boot.states import TaskState, VmState

_LOG = logging.getLogger("berth.compute")
_ACTION = "delete"


async def delete_instance(tools: Tools, host: str, message: Delete) -> None:
    """Destroy the domain, give ports and volumes back, and have the conductor forget the instance.

    All of it may have been done before, or half of it. Raises EngineError when something cannot be done now.
    """
    instance = await tools.conductor.get_instance(message.instance_uuid)
    if instance is None or instance.host != host:
        # it is gone, or has gone elsewhere: what may still be here is nobody's
        await in_thread(tools.threads, tools.driver.destroy, host, message.instance_uuid)
        return
    if instance.task_state != TaskState.DELETING:
        _LOG.warning("a message says to delete %s on %s, its record does not", message.instance_uuid, host)
        return
    await tools.points.reach("destroy", host)
    await in_thread(tools.threads, tools.driver.destroy, host, instance.uuid)
    tools.events.forget(host, instance.uuid)
    await all_settled(
        (
            ports.release(tools.clouds, instance),
            # what a build that never ended made for itself goes with it
            volumes.release(tools.clouds, instance, failed_build=instance.vm_state == VmState.BUILDING),
        )
    )
    await tools.conductor.finish_action(instance.uuid, host, _ACTION, request_id=message.request_id)
