"""KnownRequests: request specs converted and checked before, so that a cloud's few kinds are converted once."""

from __future__ import annotations

from engine.inventory.table import HostTable
from engine.model.request_spec import RequestSpec
from engine.service import convert
from engine.service.catalog import Catalog
from engine.v1 import request_spec_pb2

_MOST = 4096


class KnownRequests:
    """Converts request specs; those that name no instances are kept until what they were checked against changes."""

    def __init__(self, catalog: Catalog, table: HostTable, default_zone: str) -> None:
        self._catalog = catalog
        self._table = table
        self._default_zone = default_zone
        self._kept: dict[bytes, RequestSpec] = {}
        self._checked_at = (-1, -1)

    def request_from(self, message: request_spec_pb2.RequestSpec) -> RequestSpec:
        """Return the request spec of a message; raise what ``convert`` raises."""
        if message.instance_uuids:
            return self._converted(message)
        revisions = (self._table.facts_revision, self._catalog.revision)
        if revisions != self._checked_at or len(self._kept) >= _MOST:
            self._kept.clear()
            self._checked_at = revisions
        key = message.SerializeToString(deterministic=True)
        known = self._kept.get(key)
        if known is None:
            known = self._kept[key] = self._converted(message)
        return known

    def _converted(self, message: request_spec_pb2.RequestSpec) -> RequestSpec:
        request = convert.request_from(message, self._catalog, self._table)
        convert.check_zone(request, self._table, self._default_zone)
        return request
