"""The options of commands that are a cloud's clients: which cloud, and how it is reached."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.errors import (
    ConflictError,
    EngineError,
    InvalidRequestError,
    InvalidSettingError,
    NotFoundError,
    ServiceUnavailableError,
)

if TYPE_CHECKING:
    from openstack.connection import Connection as OpenStack

_MICROVERSION = "2.96"


@dataclass(frozen=True)
class CloudConnection:
    """Which cloud of which clouds.yaml, a call's deadline, and whether the answer is JSON."""

    cloud: Annotated[
        str, typer.Option("--os-cloud", envvar="OS_CLOUD", metavar="NAME", help="A cloud of clouds.yaml.")
    ] = "berth"
    clouds: Annotated[
        Path | None,
        typer.Option(
            "--clouds", envvar="OS_CLIENT_CONFIG_FILE", metavar="FILE", help="The clouds.yaml that berth up wrote."
        ),
    ] = None
    timeout_s: Annotated[
        float, typer.Option("--timeout", min=0.001, metavar="SECONDS", help="How long to wait for the instance.")
    ] = 300.0
    as_json: Annotated[bool, typer.Option("--json", help="Answer with one JSON document; errors too.")] = False

    @contextmanager
    def open(self) -> Iterator[Cloud]:
        """Yield the cloud; what its services refuse is raised as the EngineError that says the same."""
        import openstack
        from keystoneauth1 import exceptions as ksa
        from openstack import exceptions as sdk

        if self.clouds is not None:
            if not self.clouds.is_file():
                raise InvalidSettingError(f"there is no {self.clouds}: berth up writes it to its state directory")
            os.environ["OS_CLIENT_CONFIG_FILE"] = str(self.clouds)
        try:
            with openstack.connect(cloud=self.cloud, compute_api_version=_MICROVERSION) as connection:
                yield Cloud(connection)
        except sdk.ConfigException as error:
            raise InvalidSettingError(
                f"{error} Give --clouds FILE or set OS_CLIENT_CONFIG_FILE; berth up writes STATE_DIR/clouds.yaml."
            ) from error
        except (ksa.ConnectFailure, ksa.DiscoveryFailure) as error:
            raise ServiceUnavailableError(f"the cloud cannot be reached: {error}") from error
        except (sdk.HttpException, ksa.HttpError) as error:
            raise _as_engine_error(error) from error
        except sdk.SDKException as error:
            raise InvalidRequestError(str(error)) from error


class Cloud:
    """A connection to a cloud: names are resolved as its own clients do."""

    def __init__(self, connection: OpenStack) -> None:
        self.sdk: Any = connection

    def compute(self, method: str, path: str, **body: Any) -> Any:
        """Return the JSON (or None) that nova-api answers to a call."""
        reply = self.sdk.compute.request(path, method, microversion=_MICROVERSION, raise_exc=True, **body)
        return reply.json() if reply.content else None

    def find(self, kind: str, name: str) -> str:
        """Return the id of a flavor, image, network, volume, server or server group; raise NotFoundError or for two."""
        finders = {
            "flavor": self.sdk.compute.find_flavor,
            "image": self.sdk.image.find_image,
            "network": self.sdk.network.find_network,
            "volume": self.sdk.block_storage.find_volume,
            "server": self.sdk.compute.find_server,
            "server group": self.sdk.compute.find_server_group,
        }
        found = finders[kind](name, ignore_missing=True)
        if found is None:
            raise NotFoundError(f"there is no {kind} {name!r} that you may use")
        return str(found.id)


def _as_engine_error(error: Any) -> EngineError:
    status = int(getattr(error, "status_code", None) or getattr(error, "http_status", None) or 500)
    message = str(getattr(error, "details", None) or getattr(error, "message", None) or error)
    kinds: dict[int, type[EngineError]] = {400: InvalidRequestError, 404: NotFoundError, 409: ConflictError}
    if status in (401, 403, 413):
        return ConflictError(message)
    return kinds.get(status, ServiceUnavailableError if status >= 500 else InvalidRequestError)(message)
