"""The identity service: its database seeded, its routes served, its old tokens purged."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import delete
from sqlalchemy.exc import SQLAlchemyError

from engine.cloud.bootstrap import seed_identity
from engine.cloud.database import Database
from engine.cloud.identity import (
    application_credentials,
    auth,
    domains,
    endpoints,
    projects,
    regions,
    role_assignments,
    roles,
    services,
    users,
    versions,
)
from engine.cloud.identity.gate import TokenGate
from engine.cloud.identity.lockout import Lockout
from engine.cloud.identity.login import Login
from engine.cloud.identity.passwords import Passwords
from engine.cloud.identity.schema import METADATA, SCHEMA_VERSION, tokens
from engine.cloud.options import CloudOptions
from engine.cloud.service_user import where_to_authenticate
from engine.faults import FaultPlan
from engine.rest.app import RestApp
from engine.rest.errors import keystone_fault
from engine.rest.server import listening_socket
from engine.rest.server import serve as serve_app

_LOG = logging.getLogger("berth.identity")
_MAX_BODY_BYTES = 114_688
_PURGE_EVERY_S = 300.0


async def serve(options: CloudOptions, state_dir: Path, stop: asyncio.Event, ready: Callable[[str], None]) -> None:
    """Serve identity until ``stop`` is set; ``ready`` is told the address once it answers.

    Raises InvalidSettingError when a password is missing or the address is taken, InvalidFileError for a database that
    is not ours.
    """
    with ExitStack() as opened:
        listener = opened.enter_context(listening_socket(options.host, options.identity_port))
        # the catalog names the port that was found where any free one was asked for
        options = options.model_copy(update={"identity_port": listener.getsockname()[1]})
        database = Database(state_dir / "cloud" / "identity.sqlite", METADATA, version=SCHEMA_VERSION)
        opened.callback(database.close)
        passwords = Passwords()
        opened.callback(passwords.close)
        await seed_identity(database, options, passwords)
        app = identity_app(database, passwords, options, time.time)
        purging = asyncio.create_task(_purge_again_and_again(database, options.expired_token_window_s))
        opened.callback(purging.cancel)
        # the socket takes connections already; they are answered as soon as the server runs
        ready(f"http://{options.url_host}:{options.identity_port}")
        await serve_app(app, listener, stop)


def identity_app(
    database: Database, passwords: Passwords, options: CloudOptions, clock: Callable[[], float]
) -> RestApp:
    """Return the application over an open database; ``clock`` gives seconds since 1970 UTC."""
    gate = TokenGate(database, clock)
    lockout = Lockout(options.lockout_failure_attempts, options.lockout_duration_s, clock)
    login = Login(database, passwords, lockout, clock, options.token_lifetime_s)
    return RestApp(
        "identity",
        [
            *versions.routes(),
            *auth.routes(database, login, gate, clock, options.expired_token_window_s),
            *users.routes(database, passwords, login),
            *application_credentials.routes(database, passwords, clock),
            *projects.routes(database),
            *roles.routes(database),
            *role_assignments.routes(database),
            *services.routes(database),
            *endpoints.routes(database),
            *regions.routes(database),
            *domains.routes(),
        ],
        keystone_fault,
        gate=gate,
        # the handlers of tokens check the caller's themselves: one of them must do without
        open_paths=versions.OPEN_PATHS | {auth.TOKENS_PATH},
        unauthorized_headers=where_to_authenticate(options.identity_url),
        max_body_bytes=_MAX_BODY_BYTES,
        faults=FaultPlan(options.fault_file) if options.fault_file is not None else None,
    )


def purge(database: Database, before: float) -> None:
    """Forget the tokens that expired before a time."""
    with database.write() as connection:
        connection.execute(delete(tokens).where(tokens.c.expires_at < before))


async def _purge_again_and_again(database: Database, window_s: float) -> None:
    while True:
        try:
            purge(database, time.time() - window_s)
        except SQLAlchemyError:
            _LOG.exception("expired tokens could not be purged; trying again in %.0f s", _PURGE_EVERY_S)
        await asyncio.sleep(_PURGE_EVERY_S)
