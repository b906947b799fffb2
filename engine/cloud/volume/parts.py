"""The parts a handler of the block storage service works with."""

from __future__ import annotations

from dataclasses import dataclass

from engine.cloud.volume.attachment_store import AttachmentStore
from engine.cloud.volume.backend import FileBackend
from engine.cloud.volume.compute_guard import ComputeGuard
from engine.cloud.volume.image_source import ImageSource
from engine.cloud.volume.messages import MessageStore
from engine.cloud.volume.quotas import Quotas
from engine.cloud.volume.store import VolumeStore
from engine.cloud.volume.type_store import TypeStore
from engine.cloud.volume.worker import VolumeWorker


@dataclass(frozen=True)
class Parts:
    """Records, files, the worker, and the services that are asked."""

    volumes: VolumeStore
    attachments: AttachmentStore
    types: TypeStore
    quotas: Quotas
    messages: MessageStore
    backend: FileBackend
    images: ImageSource
    guard: ComputeGuard
    worker: VolumeWorker
