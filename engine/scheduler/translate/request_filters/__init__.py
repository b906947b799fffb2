"""The request filters: each narrows a request before any host is looked at (nova.scheduler.request_filter).

A filter is one function in one file, from what is asked to what is added to it. A new one takes its place in
REQUEST_FILTERS.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from engine.scheduler.translate.request_filters.accelerators import accelerators
from engine.scheduler.translate.request_filters.asked import Added, Asked
from engine.scheduler.translate.request_filters.compute_status import compute_status
from engine.scheduler.translate.request_filters.ephemeral_encryption import ephemeral_encryption
from engine.scheduler.translate.request_filters.image_metadata import image_metadata
from engine.scheduler.translate.request_filters.image_type import image_type
from engine.scheduler.translate.request_filters.isolated_aggregates import isolated_aggregates
from engine.scheduler.translate.request_filters.owner_nova import owner_nova
from engine.scheduler.translate.request_filters.packed_virtqueue import packed_virtqueue
from engine.scheduler.translate.request_filters.remote_managed_ports import remote_managed_ports
from engine.scheduler.translate.request_filters.routed_networks import routed_networks
from engine.scheduler.translate.request_filters.tenant_aggregate import tenant_aggregate
from engine.scheduler.translate.request_filters.tpm_secret_security import tpm_secret_security
from engine.scheduler.translate.request_filters.virtio_sound import virtio_sound

RequestFilter = Callable[[Asked], Added | None]

REQUEST_FILTERS: Final[tuple[RequestFilter, ...]] = (
    tenant_aggregate,
    image_type,
    compute_status,
    isolated_aggregates,
    image_metadata,
    accelerators,
    packed_virtqueue,
    routed_networks,
    remote_managed_ports,
    ephemeral_encryption,
    virtio_sound,
    tpm_secret_security,
    owner_nova,
)
"""In nova's order, which decides the error where several fail. nova's second, the availability zone, adds nothing to
the request: ZoneFilter reads the zone for hosts, and ``zones.zone_members`` puts it into the query."""
