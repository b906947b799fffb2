"""``berth boot``: launch an instance through the same REST calls as any OpenStack client, and watch its steps."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from engine.cli.cloud.connection import Cloud, CloudConnection
from engine.cli.cloud.timeline import HEADER, begun_us, line, state_line
from engine.cli.exit_codes import ExitCode
from engine.cli.option_groups import with_option_groups
from engine.cli.output import write_facts, write_json, write_line
from engine.cli.pairs import pair_lists, pairs
from engine.errors import InvalidRequestError, ServiceUnavailableError

_POLL_S = 0.05


@with_option_groups
def boot(
    connection: CloudConnection,
    name: Annotated[str, typer.Argument(help="The instance's name.")],
    flavor: Annotated[str, typer.Option("--flavor", help="Name or id.")],
    image: Annotated[str, typer.Option("--image", help="Name or id; not with --volume.")] = "",
    volume: Annotated[str, typer.Option("--volume", help="A volume to boot from, by name or id.")] = "",
    boot_from_volume_gb: Annotated[
        int,
        typer.Option("--boot-from-volume", min=0, metavar="GB", help="Copy the image to a new volume of this size."),
    ] = 0,
    networks: Annotated[
        list[str] | None, typer.Option("--network", help="Name or id; repeat for more. None: the only one there is.")
    ] = None,
    availability_zone: Annotated[str, typer.Option("--availability-zone", metavar="ZONE[:HOST]")] = "",
    hints: Annotated[list[str] | None, typer.Option("--hint", metavar="KEY=VALUE")] = None,
    properties: Annotated[list[str] | None, typer.Option("--property", metavar="KEY=VALUE")] = None,
    security_groups: Annotated[list[str] | None, typer.Option("--security-group")] = None,
    key_name: Annotated[str, typer.Option("--key-name")] = "",
    config_drive: Annotated[bool, typer.Option("--config-drive")] = False,
    at_least: Annotated[int, typer.Option("--min", min=1, help="Launch at least this many.")] = 1,
    at_most: Annotated[int, typer.Option("--max", min=0, help="Launch at most this many; 0: as many as --min.")] = 0,
    watch: Annotated[bool, typer.Option("--watch", help="Show the 28 steps and the states as they happen.")] = False,
) -> None:
    """Boot an instance and wait until it runs; exit 1 when it ends in ERROR."""
    if bool(image) == bool(volume):
        raise InvalidRequestError("give either --image or --volume")
    if boot_from_volume_gb and not image:
        raise InvalidRequestError("--boot-from-volume copies an image: give --image too")
    with connection.open() as cloud:
        server: dict[str, Any] = {"name": name, "flavorRef": cloud.find("flavor", flavor)}
        server |= _disks(cloud, image, volume, boot_from_volume_gb)
        server["networks"] = [{"uuid": cloud.find("network", one)} for one in networks or []] or "auto"
        server |= {
            "min_count": at_least,
            "max_count": at_most or at_least,
            "metadata": pairs("--property", properties or []),
        }
        for key, value in (
            ("availability_zone", availability_zone),
            ("key_name", key_name),
            ("config_drive", config_drive),
            ("security_groups", [{"name": one} for one in security_groups or []]),
        ):
            if value:
                server[key] = value
        body: dict[str, Any] = {"server": server}
        wanted = {
            key: values if len(values) > 1 else values[0] for key, values in pair_lists("--hint", hints or []).items()
        }
        if "group" in wanted:
            wanted["group"] = cloud.find("server group", str(wanted["group"]))
        if wanted:
            body["os:scheduler_hints"] = wanted
        made = cloud.compute("POST", "/servers", json=body)["server"]
        ended = _wait(cloud, made["id"], connection.timeout_s, watch=watch and not connection.as_json)
        if connection.as_json:
            steps = cloud.compute("GET", f"/servers/{made['id']}/berth-timeline")["timeline"]
            write_json({"server": ended, "timeline": steps})
        else:
            _tell(ended)
        if ended["status"] != "ACTIVE":
            raise typer.Exit(ExitCode.REFUSED)


def _disks(cloud: Cloud, image: str, volume: str, boot_from_volume_gb: int) -> dict[str, Any]:
    """Return the part of the request that says what to boot from."""
    if volume:
        device = {"uuid": cloud.find("volume", volume), "source_type": "volume", "delete_on_termination": False}
    elif boot_from_volume_gb:
        device = {"uuid": cloud.find("image", image), "source_type": "image", "volume_size": boot_from_volume_gb}
        device["delete_on_termination"] = True
    else:
        return {"imageRef": cloud.find("image", image)}
    return {"imageRef": "", "block_device_mapping_v2": [device | {"destination_type": "volume", "boot_index": 0}]}


def _wait(cloud: Cloud, uuid: str, timeout_s: float, *, watch: bool) -> dict[str, Any]:
    """Return the instance once it is no longer being built; show what happens meanwhile."""
    deadline = time.monotonic() + timeout_s
    shown: set[tuple[int, int, int]] = set()
    state = ""
    if watch:
        write_line(HEADER)
    while True:
        server: dict[str, Any] = cloud.compute("GET", f"/servers/{uuid}")["server"]
        if watch:
            steps = cloud.compute("GET", f"/servers/{uuid}/berth-timeline")["timeline"]
            # image, network and volumes are worked on at once, so a step may come after one with a higher number
            for step in steps:
                key = (step["attempt"], step["step"], step["started_at_us"])
                if key not in shown:
                    shown.add(key)
                    write_line(line(step, begun_us(steps)))
            if state_line(server) != state:
                state = state_line(server)
                write_line(f"      -> {state}")
        if server["status"] != "BUILD":
            return server
        if time.monotonic() > deadline:
            raise ServiceUnavailableError(
                f"{uuid} was still being built after {timeout_s:.0f} s; it goes on: berth server timeline {uuid}"
            )
        time.sleep(_POLL_S)


def _tell(server: dict[str, Any]) -> None:
    addresses = [one["addr"] for network in server["addresses"].values() for one in network]
    facts: list[tuple[str, object]] = [("id", server["id"]), ("status", server["status"]), ("addresses", addresses)]
    if server.get("OS-EXT-SRV-ATTR:host"):
        facts.append(("host", server["OS-EXT-SRV-ATTR:host"]))
    if server.get("fault"):
        facts.append(("fault", server["fault"]["message"]))
    write_facts(facts)
