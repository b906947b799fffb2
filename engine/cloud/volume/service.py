"""The block storage service's process part: its state found again, its routes served."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from keystoneauth1.session import Session

from engine.cloud.database import Database
from engine.cloud.options import CloudOptions
from engine.cloud.service_user import service_user, where_to_authenticate
from engine.cloud.volume import actions, attachments, discovery, limits, messages, metadata, types, volumes
from engine.cloud.volume.attachment_store import AttachmentStore
from engine.cloud.volume.backend import FileBackend
from engine.cloud.volume.compute_guard import ComputeGuard
from engine.cloud.volume.image_source import ImageSource
from engine.cloud.volume.messages import MessageStore
from engine.cloud.volume.parts import Parts
from engine.cloud.volume.paths import both_forms
from engine.cloud.volume.quotas import Quotas
from engine.cloud.volume.schema import METADATA
from engine.cloud.volume.store import VolumeStore
from engine.cloud.volume.type_store import TypeStore
from engine.cloud.volume.worker import VolumeWorker
from engine.faults import FaultPlan
from engine.rest.app import Gate, RestApp
from engine.rest.errors import nova_fault
from engine.rest.keystone import Credentials
from engine.rest.server import listening_socket
from engine.rest.server import serve as serve_app

USER = "cinder"


async def serve(options: CloudOptions, state_dir: Path, stop: asyncio.Event, ready: Callable[[str], None]) -> None:
    """Serve volumes from ``state_dir``/cloud until ``stop``; ``ready`` gets the address once it answers.

    Raises EngineError when the place or the port is not usable.
    """
    user = service_user(options, USER)
    listener = listening_socket(options.host, options.volume_port)
    try:
        database = Database(state_dir / "cloud" / "volume.sqlite", METADATA)
    except BaseException:
        listener.close()
        raise
    faults = FaultPlan(options.fault_file) if options.fault_file else None
    parts = parts_of(options, state_dir, database, user.session, user.credentials, faults)
    try:
        parts.worker.recover()
        ready(f"http://{options.host}:{listener.getsockname()[1]}")
        await serve_app(application(parts, user.gate, options.identity_url, faults), listener, stop)
    finally:
        await parts.worker.finish()
        listener.close()
        database.close()


def parts_of(
    options: CloudOptions,
    state_dir: Path,
    database: Database,
    session: Session,
    credentials: Credentials,
    faults: FaultPlan | None,
) -> Parts:
    """Return the service's parts over its database and its directory."""
    quotas = Quotas(database, volumes=options.volume_quota, gigabytes=options.volume_gigabytes_quota)
    store = VolumeStore(database, quotas)
    attachment_store = AttachmentStore(database)
    message_store = MessageStore(database)
    backend = FileBackend(state_dir / "cloud" / "volumes", capacity=options.volume_capacity_gb)
    where = {"interface": credentials.interface, "region_name": credentials.region_name}
    images = ImageSource(session, **where)
    return Parts(
        volumes=store,
        attachments=attachment_store,
        types=TypeStore(database),
        quotas=quotas,
        messages=message_store,
        backend=backend,
        images=images,
        guard=ComputeGuard(session, **where),
        worker=VolumeWorker(store, attachment_store, backend, images, message_store, faults),
    )


def application(parts: Parts, gate: Gate | None, identity_url: str, faults: FaultPlan | None) -> RestApp:
    """Return the service's ASGI application."""
    return RestApp(
        "volume",
        [
            *discovery.version_routes(),
            *both_forms(
                [
                    *volumes.routes(parts),
                    *attachments.routes(parts),
                    *actions.routes(parts),
                    *metadata.routes(parts),
                    *types.routes(parts),
                    *limits.routes(parts),
                    *messages.routes(parts.messages),
                    *discovery.routes(parts),
                ]
            ),
        ],
        nova_fault,
        gate=gate,
        open_paths=discovery.OPEN_PATHS,
        microversions=discovery.VERSIONS,
        unauthorized_headers=where_to_authenticate(identity_url),
        faults=faults,
    )
