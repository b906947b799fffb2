"""``berth providers``: list, load and remove resource providers that share what they have with many hosts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.connection import Connection
from engine.cli.device_view import PROVIDER_COLUMNS, provider_rows
from engine.cli.option_groups import with_option_groups
from engine.cli.output import write_json, write_line, write_table
from engine.cli.plain import plain
from engine.errors import InvalidFileError

if TYPE_CHECKING:
    from engine.v1.inventory_service_pb2 import UpdateSharingProvidersRequest

app = typer.Typer(help="List, load and remove resource providers that share what they have.", no_args_is_help=True)


@app.command("list")
@with_option_groups
def list_providers(connection: Connection) -> None:
    """List sharing resource providers with what they have and what is in use."""
    with connection.client() as client:
        reply = client.list_sharing_providers()
    if connection.as_json:
        write_json(plain(reply))
    else:
        write_table(PROVIDER_COLUMNS, provider_rows(reply.providers))


@app.command("import")
@with_option_groups
def import_providers(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON, as `berth providers list --json` writes it.")],
    connection: Connection,
) -> None:
    """Add or replace the sharing resource providers of a file, all of them or none."""
    request = _read(file)
    with connection.client() as client:
        reply = client.update_sharing_providers(request.providers)
    if connection.as_json:
        write_json(plain(reply))
    else:
        write_line(f"{len(request.providers)} providers set (generation {reply.inventory_generation})")


@app.command("delete")
@with_option_groups
def delete_providers(
    uuids: Annotated[list[str], typer.Argument(metavar="UUID...", help="The providers' uuids.")],
    connection: Connection,
) -> None:
    """Remove sharing resource providers, all of them or none; one that instances have something of is refused."""
    with connection.client() as client:
        reply = client.delete_sharing_providers(uuids)
    if connection.as_json:
        write_json({"deleted": uuids, "inventory_generation": reply.inventory_generation})
    else:
        write_line(f"{len(uuids)} providers removed (generation {reply.inventory_generation})")


def _read(file: Path) -> UpdateSharingProvidersRequest:
    """Returns the providers of a file; raises InvalidFileError where it is not what it should be."""
    from google.protobuf.json_format import ParseDict, ParseError

    from engine.v1.inventory_service_pb2 import UpdateSharingProvidersRequest

    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidFileError(f"{file} cannot be read: {error.strerror}", path=file) from error
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise InvalidFileError(f"{file} is no JSON: {error}", path=file) from error
    providers = document.get("providers") if isinstance(document, dict) else document
    if not isinstance(providers, list):
        raise InvalidFileError(f"{file} holds no list of providers", path=file)
    try:
        return ParseDict({"providers": providers}, UpdateSharingProvidersRequest())
    except (ParseError, ValueError) as error:
        raise InvalidFileError(f"{file}: {error}", path=file) from error
