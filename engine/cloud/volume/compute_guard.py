"""The question to nova whether an attachment is in use, before somebody who is no service ends it (CVE-2023-2088)."""

from __future__ import annotations

from keystoneauth1 import exceptions as ksa
from keystoneauth1.session import Session

from engine.cloud.volume.schema import Attachment
from engine.rest.errors import Conflict, Unavailable


class ComputeGuard:
    """Asks nova-api, as the catalog names it, with the caller's token; blocks, so it runs in a thread."""

    def __init__(self, session: Session, *, interface: str = "public", region_name: str = "") -> None:
        self._session = session
        self._endpoint = {"service_type": "compute", "interface": interface, "region_name": region_name or None}

    def require_unused(self, attachment: Attachment, token: str, request_id: str) -> None:
        """Raise Conflict when a server uses the attachment, Unavailable when nova cannot say."""
        try:
            reply = self._session.get(
                f"/servers/{attachment.instance_id}/os-volume_attachments/{attachment.volume_id}",
                endpoint_filter=self._endpoint,
                authenticated=False,
                headers={
                    "X-Auth-Token": token,
                    "OpenStack-API-Version": "compute 2.89",
                    "X-OpenStack-Request-ID": request_id,
                },
            )
            used_as = reply.json()["volumeAttachment"].get("attachment_id")
        except ksa.NotFound:
            return
        except (ksa.ClientException, ValueError, KeyError, TypeError, AttributeError) as error:
            raise Unavailable("The compute service cannot say whether the attachment is in use; try again.") from error
        if used_as == attachment.id:
            raise Conflict(f"Detach volume from instance {attachment.instance_id} using the Compute API")
