"""Builds that failed: recorded at once, then settled.

Between the two the record says ``building/scheduling`` without a host and has the failure in its ``scheduling``, so
whoever finds it (after a crash, the recovery) goes on from there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import sqlalchemy as sa

from engine.boot.conductor.builds import Claim, caller_in_casts
from engine.boot.conductor.events import BUILD_EVENT
from engine.boot.conductor.instance_messages import step_rows
from engine.boot.conductor.scheduling import Failure, caller_of, failure_of, with_caller, with_failure
from engine.boot.conductor.settling import SETTLING, Settling
from engine.boot.messages import compute_topic
from engine.boot.states import TaskState, VmState
from engine.boot.store.history import add_steps_once, begin_event, end_event
from engine.boot.store.instances import InstanceRow, change_instance, get_instance
from engine.boot.store.outbox import withdraw
from engine.boot.store.store import Store
from engine.v1.instance_pb2 import StepRecord

_ANSWER_S = 20.0


class Failures:
    """Records failed builds and has them settled."""

    def __init__(self, store: Store, settling: Settling, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._settling = settling
        self._clock = clock

    async def fail(
        self,
        claim: Claim,
        *,
        reschedule: bool,
        message: str,
        details: str = "",
        steps: Sequence[StepRecord] = (),
        undone: bool,
    ) -> str:
        """Record a failure and settle it; return the host that tries next, or an empty text.

        An answer without a host may also mean that settling takes long; it goes on all the same.
        """
        failure = Failure(host=claim.host, message=message, details=details, reschedule=reschedule, undone=undone)
        rows = step_rows(claim.instance_uuid, claim.attempt, claim.host, steps)

        def record(connection: sa.Connection) -> tuple[bool, str]:
            row = get_instance(connection, claim.instance_uuid, lock=True)
            if row is None or row.vm_state != VmState.BUILDING:
                return False, ""
            if not claim.is_of(row):
                return row.host == "" and failure_of(row.scheduling) is not None, row.host
            now = self._clock()
            add_steps_once(connection, rows)
            begin_event(connection, row.uuid, row.request_id, BUILD_EVENT, host=claim.host, now=now)
            end_event(connection, row.uuid, row.request_id, BUILD_EVENT, host=claim.host, error=message, now=now)
            if row.task_state == TaskState.DELETING:
                return False, ""
            self._record(connection, row, claim, failure, now)
            return True, ""

        unsettled, host = await self._store.write(record)
        if not unsettled:
            return host
        try:
            return await asyncio.wait_for(asyncio.shield(self._settling.settle(claim.instance_uuid)), _ANSWER_S)
        except TimeoutError:
            return ""

    def _record(self, connection: sa.Connection, row: InstanceRow, claim: Claim, failure: Failure, now: float) -> None:
        """Take the instance from its host, keeping what the next attempt needs."""
        scheduling = with_failure(row.scheduling, failure)
        if caller_of(scheduling) is None and (caller := caller_in_casts(connection, claim)) is not None:
            scheduling = with_caller(scheduling, caller)
        values = {"task_state": TaskState.SCHEDULING, "host": "", "scheduling": scheduling}
        change_instance(connection, row.uuid, values, *claim.expected(), now=now)
        withdraw(connection, compute_topic(claim.host), row.uuid)

    async def fail_unplaced(self, instance_uuid: str, *, message: str) -> None:
        """End an instance that waits for a host and that nobody will give one."""

        def record(connection: sa.Connection) -> bool:
            row = get_instance(connection, instance_uuid, lock=True)
            if row is None or failure_of(row.scheduling) is not None:
                return row is not None
            failure = Failure(host="", message=message, reschedule=False, undone=False)
            values = {"scheduling": with_failure(row.scheduling, failure)}
            return change_instance(connection, row.uuid, values, *SETTLING, now=self._clock())

        if await self._store.write(record):
            await self._settling.settle(instance_uuid)
