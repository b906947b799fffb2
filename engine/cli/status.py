"""``berth status``: whether the service answers, and how much it keeps."""

from __future__ import annotations

from engine.cli.connection import Connection
from engine.cli.option_groups import with_option_groups
from engine.cli.output import write_facts, write_json
from engine.errors import ServiceUnavailableError


@with_option_groups
def status(connection: Connection) -> None:
    """Show whether the service serves, its inventory generation, and how much it keeps."""
    with connection.client() as client:
        health = client.health()
        if health != "SERVING":
            raise ServiceUnavailableError(f"the service at {connection.target} is {health}", health=health)
        hosts = client.list_hosts(page_size=1)
        document: dict[str, object] = {
            "target": connection.target,
            "health": health,
            "inventory_generation": hosts.inventory_generation,
            "hosts": hosts.total,
            "allocations": client.list_allocations(page_size=1).total,
            "flavors": len(client.list_flavors().flavors),
            "server_groups": len(client.list_server_groups().server_groups),
            "aggregates": len(client.list_aggregates().aggregates),
        }
    if connection.as_json:
        write_json(document)
    else:
        write_facts(document.items())
