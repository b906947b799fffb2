"""Undoing all that a boot did at other services, with the service user's credentials alone."""

from __future__ import annotations

from engine.boot.effects import ports, volumes
from engine.boot.effects.errors import UndoFailed
from engine.boot.openstack import Clouds
from engine.v1 import instance_pb2 as v1


async def undo_remote(clouds: Clouds, instance: v1.Instance, *, failed_build: bool = True) -> list[str]:
    """Give back an instance's ports, attachments and volumes; return what is left, one sentence each.

    No user token is needed: one that expired or was revoked meanwhile leaves nothing behind. May be repeated; whatever
    it returns is worth another try later. ``failed_build``: as ``volumes.release`` has it.
    """
    left: list[str] = []
    try:
        await ports.release(clouds, instance)
    except UndoFailed as error:
        left += error.problems
    try:
        await volumes.release(clouds, instance, failed_build=failed_build)
    except UndoFailed as error:
        left += error.problems
    return left
