"""Packed virtqueues: a host whose virtio devices have them (nova's packed_virtqueue_filter)."""

from __future__ import annotations

from engine.scheduler.translate.request_filters.asked import Added, Asked, root_trait

_ADDED = root_trait("COMPUTE_NET_VIRTIO_PACKED")


def packed_virtqueue(asked: Asked) -> Added | None:
    """Return the trait of such hosts where asked for; InvalidRequestError where flavor and image differ."""
    return _ADDED if asked.guest.switch("virtio_packed_ring") else None
