"""From the request of an oracle case to nova's RequestSpec; runs where nova is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nova import context as nova_context
from nova import objects
from nova.virt import hardware

from tests.differential.nova_hosts import Content, network_metadata

INSTANCE = "22222222-2222-4222-8222-{:012d}"
"""The uuids of instances that a case does not name."""


def instance_uuids(content: Content) -> list[str]:
    """Return the uuids of the instances that the case asks for."""
    spec = content["request_spec"]
    named = spec.get("instance_uuids")
    return list(named) if named else [INSTANCE.format(number) for number in range(spec.get("num_instances", 1))]


def request_spec(content: Content) -> Any:
    """Return the case's RequestSpec; raises what nova raises for a flavor and image that contradict each other."""
    spec = content["request_spec"]
    flavor = objects.Flavor(**_flavor_fields(spec["flavor"]))
    image = _image_meta(spec.get("image"))
    if "numa_topology" in spec:
        topology = _guest_topology(spec["numa_topology"])
    else:
        topology = hardware.numa_get_constraints(flavor, image or objects.ImageMeta.from_dict({}))
    uuids = instance_uuids(content)
    made = objects.RequestSpec(
        nova_context.get_admin_context(),
        flavor=flavor,
        image=image,
        numa_topology=topology,
        pci_requests=_pci_requests(spec.get("pci_requests") or (), uuids[0]),
        project_id=spec.get("project_id"),
        user_id=spec.get("user_id"),
        availability_zone=spec.get("availability_zone"),
        num_instances=len(uuids),
        ignore_hosts=spec.get("ignore_hosts"),
        force_hosts=spec.get("force_hosts"),
        force_nodes=spec.get("force_nodes"),
        requested_destination=_destination(spec.get("requested_destination")),
        retry=None,
        limits=None,
        instance_group=_group(spec.get("instance_group")),
        scheduler_hints=spec.get("scheduler_hints") or {},
        instance_uuid=uuids[0],
        is_bfv=bool(spec.get("is_bfv")),
        requested_resources=[
            objects.RequestGroup(requester_id=item["requester_id"], resources=item["resources"])
            for item in spec.get("requested_resources") or ()
        ],
    )
    if spec.get("network_metadata"):
        made.network_metadata = network_metadata(spec["network_metadata"])
    return made


def topology_as_json(topology: Any) -> Content | None:
    """Return a guest topology as cases have it."""
    if topology is None:
        return None
    return {
        "cells": [
            {
                "id": cell.id,
                "cpuset": sorted(cell.cpuset),
                "pcpuset": sorted(cell.pcpuset),
                "memory": cell.memory,
                "pagesize": cell.pagesize,
                "cpu_policy": cell.cpu_policy,
                "cpu_thread_policy": cell.cpu_thread_policy,
            }
            for cell in topology.cells
        ],
        "emulator_threads_policy": topology.emulator_threads_policy,
    }


def _guest_topology(given: Content | None) -> Any:
    if given is None:
        return None
    cells = [
        objects.InstanceNUMACell(
            id=cell["id"],
            cpuset=set(cell["cpuset"]),
            pcpuset=set(cell["pcpuset"]),
            memory=cell["memory"],
            pagesize=cell.get("pagesize"),
            cpu_policy=cell.get("cpu_policy"),
            cpu_thread_policy=cell.get("cpu_thread_policy"),
        )
        for cell in given["cells"]
    ]
    return objects.InstanceNUMATopology(cells=cells, emulator_threads_policy=given.get("emulator_threads_policy"))


def _flavor_fields(given: Content) -> Content:
    return {
        "id": 1,
        "flavorid": given["name"],
        "name": given["name"],
        "vcpus": given["vcpus"],
        "memory_mb": given["memory_mb"],
        "root_gb": given.get("root_gb", 0),
        "ephemeral_gb": given.get("ephemeral_gb", 0),
        "swap": given.get("swap", 0),
        "extra_specs": given.get("extra_specs") or {},
        "rxtx_factor": 1.0,
        "vcpu_weight": 0,
        "disabled": False,
        "is_public": True,
        "description": None,
    }


def _image_meta(given: Content | None) -> Any:
    return None if given is None else objects.ImageMeta.from_dict(given)


def _pci_requests(given: Iterable[Content], uuid: str) -> Any:
    requests = [
        objects.InstancePCIRequest(
            request_id=item.get("request_id"),
            requester_id=item.get("requester_id"),
            count=item["count"],
            alias_name=item.get("alias_name"),
            spec=item["spec"],
            numa_policy=item.get("numa_policy"),
            is_new=False,
        )
        for item in given
    ]
    return objects.InstancePCIRequests(requests=requests, instance_uuid=uuid)


def _destination(given: Content | None) -> Any:
    if not given:
        return None
    fields: Content = {"allow_cross_cell_move": bool(given.get("allow_cross_cell_move"))}
    if "host" in given:
        fields |= {"host": given["host"], "node": given.get("node")}
    if given.get("cell"):
        fields["cell"] = objects.CellMapping(uuid=given["cell"])
    return objects.Destination(**fields)


def _group(given: Content | None) -> Any:
    if not given:
        return None
    return objects.InstanceGroup(
        uuid=given["uuid"],
        policy=given["policy"],
        policies=[given["policy"]],
        rules=given.get("rules") or {},
        members=list(given.get("members") or ()),
        hosts=list(given.get("hosts") or ()),
    )
