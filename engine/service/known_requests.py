"""KnownRequests: request specs converted and checked before, so that a cloud's few kinds are converted once."""

from __future__ import annotations

from engine.fitting.numa_request import guest_numa
from engine.fitting.pci_aliases import Aliases, pci_requests
from engine.inventory.table import HostTable
from engine.model.flavor import Flavor
from engine.model.image import Image
from engine.model.request_spec import RequestSpec
from engine.service import request_messages
from engine.service.catalog import Catalog
from engine.v1 import request_spec_pb2

_MOST = 4096
_LONGEST_CALL = 4096
"""Bytes; longer messages are not kept a second time."""


class KnownRequests:
    """Converts request specs, the names of instances apart, and keeps them until what they were checked on changes.

    Who asks twice for the same gets the same object, by which the selector knows it again.
    """

    def __init__(self, catalog: Catalog, table: HostTable, default_zone: str, aliases: Aliases) -> None:
        self._catalog = catalog
        self._table = table
        self._default_zone = default_zone
        self._aliases = aliases
        self._kept: dict[bytes | tuple[str, str, str], RequestSpec] = {}
        self._calls: dict[bytes, RequestSpec] = {}
        self._checked_at = (-1, -1)

    def request_from(self, message: request_spec_pb2.RequestSpec) -> RequestSpec:
        """Return the request spec of a message without its instance_uuids; raise what ``request_messages`` raises."""
        if not message.instance_uuids and not message.migration_uuid:
            return self._known(message)
        kind = request_spec_pb2.RequestSpec()
        kind.CopyFrom(message)
        kind.ClearField("instance_uuids")
        kind.ClearField("migration_uuid")
        return self._known(kind)

    def of_call(self, message: bytes) -> RequestSpec | None:
        """Return the request spec of a call's message, byte for byte one that was remembered; None for any other."""
        self._forget_if_changed()
        return self._calls.get(message)

    def remember(self, message: bytes, request: RequestSpec) -> None:
        """Remember that a call's message asks for this and nothing else: no token, no names of instances.

        ``request`` is what ``request_from`` just returned.
        """
        if len(message) <= _LONGEST_CALL:
            self._calls[message] = request

    def for_flavor(self, name: str, project_id: str, user_id: str) -> RequestSpec:
        """Return the request for one instance of a flavor without an image or alternates, as streams place them.

        Raises UnknownFlavorError, and InvalidRequestError where the flavor's extra specs contradict each other.
        """
        self._forget_if_changed()
        key = (name, project_id, user_id)
        known = self._kept.get(key)
        if known is None:
            known = self._kept[key] = self._of_flavor(self._catalog.flavor(name), project_id, user_id)
        return known

    def _of_flavor(self, flavor: Flavor, project_id: str, user_id: str) -> RequestSpec:
        image = Image()
        return RequestSpec(
            flavor=flavor,
            project_id=project_id,
            user_id=user_id,
            alternates=0,
            numa=guest_numa(flavor, image) if flavor.extra_specs else None,
            pci_requests=pci_requests(flavor, image, self._aliases) if flavor.extra_specs else (),
        )

    def _forget_if_changed(self) -> None:
        revisions = (self._table.facts_revision, self._catalog.revision)
        if revisions != self._checked_at or len(self._kept) >= _MOST or len(self._calls) >= _MOST:
            self._kept.clear()
            self._calls.clear()
            self._checked_at = revisions

    def _known(self, message: request_spec_pb2.RequestSpec) -> RequestSpec:
        self._forget_if_changed()
        key = message.SerializeToString(deterministic=True)
        known = self._kept.get(key)
        if known is None:
            known = self._kept[key] = self._converted(message)
        return known

    def _converted(self, message: request_spec_pb2.RequestSpec) -> RequestSpec:
        request = request_messages.request_from(message, self._catalog, self._table, self._aliases)
        request_messages.check_zone(request, self._table, self._default_zone)
        return request
