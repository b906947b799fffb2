"""The image service's process part: its state found again, its routes served."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from engine.cloud.database import Database
from engine.cloud.image import data, discovery, images, members
from engine.cloud.image.data import ImageData
from engine.cloud.image.files import ImageFiles
from engine.cloud.image.schema import ACTIVE, DEACTIVATED, IMPORTING, METADATA, QUEUED, SAVING, UPLOADING
from engine.cloud.image.store import ImageStore
from engine.cloud.options import CloudOptions
from engine.cloud.service_user import service_user, where_to_authenticate
from engine.faults import FaultPlan
from engine.rest.app import Gate, RestApp
from engine.rest.errors import glance_fault
from engine.rest.server import listening_socket
from engine.rest.server import serve as serve_app

USER = "glance"
_GIB = 1024**3


async def serve(options: CloudOptions, state_dir: Path, stop: asyncio.Event, ready: Callable[[str], None]) -> None:
    """Serve images from ``state_dir``/cloud until ``stop``; ``ready`` gets the address once it answers.

    Raises EngineError when the place or the port is not usable.
    """
    user = service_user(options, USER)
    listener = listening_socket(options.host, options.image_port)
    try:
        database = Database(state_dir / "cloud" / "image.sqlite", METADATA)
    except BaseException:
        listener.close()
        raise
    try:
        faults = FaultPlan(options.fault_file) if options.fault_file else None
        files = ImageFiles(state_dir / "cloud" / "images", limit=options.image_size_limit_gb * _GIB)
        moving = ImageData(ImageStore(database), files, faults)
        recover(moving)
        ready(f"http://{options.host}:{listener.getsockname()[1]}")
        await serve_app(application(moving, user.gate, options.identity_url), listener, stop)
        await moving.finish()
    finally:
        listener.close()
        database.close()


def application(moving: ImageData, gate: Gate | None, identity_url: str) -> RestApp:
    """Return the service's ASGI application."""
    return RestApp(
        "image",
        [
            *discovery.routes(),
            *data.routes(moving),
            *members.routes(moving.store),
            *images.routes(moving.store, moving.files),
        ],
        glance_fault,
        gate=gate,
        open_paths=discovery.OPEN_PATHS,
        unauthorized_headers=where_to_authenticate(identity_url),
        body_limit_exempt=("/file", "/stage"),
        faults=moving.faults,
    )


def recover(moving: ImageData) -> None:
    """Repair what a killed process left: uploads are queued again, imports go on, files of no image are removed."""
    store, files = moving.store, moving.files
    kept = [files.path(image.id) for image in store.with_status(ACTIVE, DEACTIVATED)]
    for image in store.with_status(SAVING, UPLOADING, IMPORTING):
        if image.status == SAVING or not files.staged(image.id).exists():
            store.change(image.id, {"status": QUEUED}, status=image.status)
            continue
        kept.append(files.staged(image.id))
        if image.status == IMPORTING:
            moving.continue_import(image)
    files.sweep(kept)
