"""The records of attachments; a volume's status follows from them, within the same transaction."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from engine.cloud.database import Database
from engine.cloud.volume.schema import (
    ATTACHED,
    ATTACHING,
    ATTACHMENTS,
    AVAILABLE,
    DETACHING,
    IN_USE,
    RESERVED,
    VOLUMES,
    Attachment,
    Volume,
    now_us,
)
from engine.rest.access import Access
from engine.rest.errors import BadRequest, NotFound

_USED = (RESERVED, ATTACHING, IN_USE, DETACHING)
_STATUS_OF = ((ATTACHED, IN_USE), (ATTACHING, ATTACHING), (RESERVED, RESERVED))


class AttachmentStore:
    """Reads and changes attachments; every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, attachment_id: str, access: Access | None = None) -> Attachment:
        """Return an attachment; raise NotFound when there is none, or none that ``access`` may see."""
        with self._database.read() as connection:
            return _found(connection, attachment_id, access)

    def select(self, conditions: Sequence[ColumnElement[bool]]) -> list[Attachment]:
        """Return the attachments that meet all conditions, oldest first."""
        query = select(ATTACHMENTS).where(*conditions).order_by(ATTACHMENTS.c.created_us, ATTACHMENTS.c.id)
        with self._database.read() as connection:
            return [Attachment(**row._mapping) for row in connection.execute(query)]

    def of_volumes(self, volume_ids: Sequence[str]) -> dict[str, list[Attachment]]:
        """Return each volume's attachments, by its id."""
        found: dict[str, list[Attachment]] = {volume_id: [] for volume_id in volume_ids}
        if volume_ids:
            for attachment in self.select([ATTACHMENTS.c.volume_id.in_(volume_ids)]):
                found[attachment.volume_id].append(attachment)
        return found

    def reserve(
        self, volume_id: str, instance_id: str | None, connector: Mapping[str, Any] | None, mode: str
    ) -> Attachment:
        """Take an available volume (one that may be attached several times: also one in use) for an instance.

        Of several callers that ask at once for a volume of a single use, one gets it. Raises NotFound, and BadRequest
        in cinder's words for a volume in another status.
        """
        with self._database.write() as connection:
            row = connection.execute(select(VOLUMES).where(VOLUMES.c.id == volume_id)).one_or_none()
            if row is None:
                raise NotFound(f"Volume {volume_id[:100]} could not be found.")
            volume = Volume(**row._mapping)
            allowed = (AVAILABLE, IN_USE, RESERVED, ATTACHING) if volume.multiattach else (AVAILABLE,)
            if volume.status not in allowed:
                raise BadRequest(
                    f"Invalid volume: Volume {volume_id} status must be {' or '.join(allowed)} to reserve, "
                    f"but the current status is {volume.status}."
                )
            if volume.readonly and mode == "rw":
                raise BadRequest(
                    f"Invalid attachment mode 'rw' for volume {volume_id}: it is read-only and can be attached as 'ro'."
                )
            attachment = Attachment(
                id=str(uuid.uuid4()),
                volume_id=volume_id,
                project_id=volume.project_id,
                instance_id=instance_id,
                status=RESERVED if connector is None else ATTACHING,
                mode=mode,
                connector=None if connector is None else dict(connector),
                created_us=now_us(),
                attached_us=None,
            )
            connection.execute(
                insert(ATTACHMENTS).values({name: getattr(attachment, name) for name in ATTACHMENTS.c.keys()})  # noqa: SIM118
            )
            _follow(connection, volume_id)
            return attachment

    def connect(self, attachment_id: str, connector: Mapping[str, Any], mode: str | None) -> Attachment:
        """Record where a volume will be used; raise NotFound when the attachment is gone."""
        with self._database.write() as connection:
            attachment = _found(connection, attachment_id, None)
            status = ATTACHED if attachment.status == ATTACHED else ATTACHING
            connection.execute(
                update(ATTACHMENTS)
                .where(ATTACHMENTS.c.id == attachment_id)
                .values(connector=dict(connector), status=status, mode=mode or attachment.mode)
            )
            _follow(connection, attachment.volume_id)
            return _found(connection, attachment_id, None)

    def complete(self, attachment_id: str) -> None:
        """Record that a volume is in use; raise NotFound, or BadRequest when nobody said where."""
        with self._database.write() as connection:
            attachment = _found(connection, attachment_id, None)
            if attachment.connector is None:
                raise BadRequest(
                    f"Invalid volume: attachment {attachment_id} has no connector: it cannot be marked complete."
                )
            if attachment.status != ATTACHED:
                connection.execute(
                    update(ATTACHMENTS)
                    .where(ATTACHMENTS.c.id == attachment_id)
                    .values(status=ATTACHED, attached_us=now_us())
                )
            _follow(connection, attachment.volume_id)

    def remove(self, attachment_id: str) -> list[Attachment]:
        """End an attachment and return those its volume has left; raise NotFound when it is gone already."""
        with self._database.write() as connection:
            volume_id = _found(connection, attachment_id, None).volume_id
            connection.execute(delete(ATTACHMENTS).where(ATTACHMENTS.c.id == attachment_id))
            _follow(connection, volume_id)
            rows = connection.execute(select(ATTACHMENTS).where(ATTACHMENTS.c.volume_id == volume_id))
            return [Attachment(**row._mapping) for row in rows]

    def status_by_use(self, volume_id: str) -> str:
        """Return the status that a volume has by its attachments."""
        with self._database.read() as connection:
            return _status_by_use(connection, volume_id)


def _found(connection: Connection, attachment_id: str, access: Access | None) -> Attachment:
    row = connection.execute(select(ATTACHMENTS).where(ATTACHMENTS.c.id == attachment_id)).one_or_none()
    if row is None or (access is not None and not access.sees(row.project_id)):
        raise NotFound(
            f"Volume attachment could not be found with filter: attachment_id = {attachment_id[:100]}.",
        )
    return Attachment(**row._mapping)


def _status_by_use(connection: Connection, volume_id: str) -> str:
    held = set(connection.scalars(select(ATTACHMENTS.c.status).where(ATTACHMENTS.c.volume_id == volume_id)))
    return next((status for attachment, status in _STATUS_OF if attachment in held), AVAILABLE)


def _follow(connection: Connection, volume_id: str) -> None:
    """Let a volume's status follow its attachments, unless it is in a status that has another reason."""
    connection.execute(
        update(VOLUMES)
        .where(VOLUMES.c.id == volume_id, VOLUMES.c.status.in_((AVAILABLE, *_USED)))
        .values(status=_status_by_use(connection, volume_id), updated_us=now_us())
    )
