"""Limits and usage of a project, by resource, as far as the version of a request knows the resource."""

from __future__ import annotations

import sqlalchemy as sa
from starlette.requests import Request

from engine.boot.api.versioned import minor_of
from engine.boot.options import QuotaOptions
from engine.boot.quota import usage_of
from engine.boot.store.server_groups import count_server_groups

_FILES_UNTIL = 56
_NETWORK_UNTIL = 35
_FILES = {"injected_files": 5, "injected_file_content_bytes": 10_240, "injected_file_path_bytes": 255}
"""Files put into a server when it boots: nova's limits, kept for versions that show them; 2.57 took them away."""

_NETWORK = {"fixed_ips": -1, "floating_ips": -1, "security_groups": -1, "security_group_rules": -1}
"""What the network service limits; versions from 2.36 do not show it here."""


def defaults_of(request: Request, options: QuotaOptions) -> dict[str, int]:
    """Return what a project may have unless its own quota says otherwise; -1 is unlimited."""
    minor = minor_of(request)
    limits = options.model_dump()
    if minor <= _FILES_UNTIL:
        limits |= _FILES
    if minor <= _NETWORK_UNTIL:
        limits |= _NETWORK
    return limits


def resources_of(request: Request) -> frozenset[str]:
    """Return the resources that may be limited; the oldest versions also take ``networks``, which limits nothing."""
    old = {"networks"} if minor_of(request) <= _NETWORK_UNTIL else set()
    return frozenset(defaults_of(request, QuotaOptions())) | old


def usage_of_project(connection: sa.Connection, project_id: str) -> dict[str, int]:
    """Return what a project uses of what is counted for projects."""
    usage = usage_of(connection, project_id)
    return {
        "instances": usage.instances,
        "cores": usage.cores,
        "ram": usage.ram,
        "server_groups": count_server_groups(connection, project_id),
    }
