"""The network service as a boot uses it: neutron v2.0, real or embedded."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from engine.boot.messages import Caller
from engine.boot.openstack.errors import CloudForbidden, CloudNotFound
from engine.boot.openstack.service import Call, Filter, Service, path_of
from engine.boot.openstack.trace import CallTrace

_SERVICE = "network"
_REMEMBERED_S = 30.0
_REMEMBERED = 10_000


class Networks:
    """Calls to the network service; ``who`` None is the service user.

    Binding and cleaning up are the service user's calls whoever asked for the instance, as in nova.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._remembered: OrderedDict[tuple[str, str], tuple[float, dict[str, Any]]] = OrderedDict()
        self._tells_usage = True

    async def get_network(
        self, who: Caller | None, network_id: str, *, trace: CallTrace | None = None
    ) -> dict[str, Any]:
        """Return a network; raises CloudNotFound."""
        return await self._get(who, "networks", network_id, "network", trace)

    async def remembered_network(
        self, who: Caller | None, network_id: str, *, trace: CallTrace | None = None
    ) -> dict[str, Any]:
        """Return a network as it was within the last half minute; for its name, MTU and the like, not for rights."""
        key = (who.project_id if who else "", network_id)
        at, network = self._remembered.get(key, (0.0, {}))
        now = time.monotonic()
        if not network or now - at >= _REMEMBERED_S:
            network = await self.get_network(who, network_id, trace=trace)
            self._remembered[key] = (now, network)
            self._remembered.move_to_end(key)
            if len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)
        return network

    async def list_networks(
        self, who: Caller | None, *, trace: CallTrace | None = None, **filters: Filter
    ) -> list[dict[str, Any]]:
        """Return the networks that a caller's project may use, its own first, then shared ones.

        With an ``id`` filter, and for the service user: whatever matches the filters.
        """
        if who is None or "id" in filters:
            return await self._list(who, "networks", filters, trace)
        own, shared = await asyncio.gather(
            self._list(who, "networks", {**filters, "tenant_id": who.project_id, "shared": False}, trace),
            self._list(who, "networks", {**filters, "shared": True}, trace),
        )
        return list({network["id"]: network for network in (*own, *shared)}.values())

    async def get_subnet(self, who: Caller | None, subnet_id: str, *, trace: CallTrace | None = None) -> dict[str, Any]:
        """Return a subnet; raises CloudNotFound."""
        return await self._get(who, "subnets", subnet_id, "subnet", trace)

    async def get_port(self, who: Caller | None, port_id: str, *, trace: CallTrace | None = None) -> dict[str, Any]:
        """Return a port; raises CloudNotFound."""
        return await self._get(who, "ports", port_id, "port", trace)

    async def list_ports(
        self, who: Caller | None, *, trace: CallTrace | None = None, **filters: Filter
    ) -> list[dict[str, Any]]:
        """Return the ports that match neutron's filters (``device_id``, ``tenant_id``, ``fields`` ...)."""
        return await self._list(who, "ports", filters, trace)

    async def create_port(
        self, who: Caller | None, body: dict[str, Any], *, trace: CallTrace | None = None
    ) -> dict[str, Any]:
        """Make a port of the attributes in ``body`` and return it; raises CloudOverQuota, CloudConflict ..."""
        return await self._service.one_of(Call(who, "POST", "/ports", body={"port": body}, trace=trace), "port")

    async def bind_port(
        self,
        port_id: str,
        host: str,
        device_id: str,
        device_owner: str,
        *,
        revision: int | None = None,
        request_id: str = "",
        trace: CallTrace | None = None,
    ) -> dict[str, Any]:
        """Bind a port to a host for an instance and return it; its ``binding:vif_type`` says whether that worked.

        ``revision``: only while the port is as it was then; raises CloudError with status 412 when it is not.
        """
        attributes = {"device_id": device_id, "device_owner": device_owner, "binding:host_id": host}
        headers = {} if revision is None else {"If-Match": f"revision_number={revision}"}
        return await self._update_port(port_id, attributes, request_id, trace, headers)

    async def unbind_port(self, port_id: str, *, request_id: str = "", trace: CallTrace | None = None) -> None:
        """Give a user's port back: bound to nothing, of no instance; fine when it is gone."""
        attributes = {"device_id": "", "device_owner": "", "binding:host_id": "", "binding:profile": {}}
        try:
            await self._update_port(port_id, attributes, request_id, trace)
        except CloudNotFound:
            return

    async def delete_port(self, port_id: str, *, request_id: str = "", trace: CallTrace | None = None) -> None:
        """Delete a port; fine when it is gone."""
        path = path_of("ports", port_id, service=_SERVICE)
        try:
            await self._service.json(Call(None, "DELETE", path, request_id=request_id, trace=trace))
        except CloudNotFound:
            return

    async def port_quota_left(
        self, who: Caller | None, project_id: str, *, trace: CallTrace | None = None
    ) -> int | None:
        """Return how many ports a project may still make; None: any number."""
        if self._tells_usage:
            # one call where the service counts itself
            path = path_of("quotas", project_id, "details", service=_SERVICE)
            try:
                ports = (await self._service.one_of(Call(who, "GET", path, trace=trace), "quota")).get("port")
            except (CloudNotFound, CloudForbidden):
                ports = None
            if isinstance(ports, dict) and isinstance(ports.get("limit"), int):
                limit = ports["limit"]
                used = int(ports.get("used", 0)) + int(ports.get("reserved", 0))
                return None if limit < 0 else max(0, limit - used)
            self._tells_usage = False
        path = path_of("quotas", project_id, service=_SERVICE)
        limit = (await self._service.one_of(Call(who, "GET", path, trace=trace), "quota")).get("port", -1)
        if limit < 0:
            return None
        used = len(await self._list(who, "ports", {"tenant_id": project_id, "fields": "id"}, trace))
        return max(0, int(limit) - used)

    async def list_security_groups(
        self, who: Caller | None, *, trace: CallTrace | None = None, **filters: Filter
    ) -> list[dict[str, Any]]:
        """Return the security groups that match neutron's filters (``tenant_id``, ``name``, ``fields`` ...)."""
        return await self._list(who, "security-groups", filters, trace)

    async def _get(
        self, who: Caller | None, collection: str, name: str, key: str, trace: CallTrace | None
    ) -> dict[str, Any]:
        return await self._service.one_of(
            Call(who, "GET", path_of(collection, name, service=_SERVICE), trace=trace), key
        )

    async def _list(
        self, who: Caller | None, collection: str, filters: dict[str, Filter], trace: CallTrace | None
    ) -> list[dict[str, Any]]:
        call = Call(who, "GET", f"/{collection}", filters, trace=trace)
        return await self._service.all_of(call, collection.replace("-", "_"))

    async def _update_port(
        self,
        port_id: str,
        attributes: dict[str, Any],
        request_id: str,
        trace: CallTrace | None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        path = path_of("ports", port_id, service=_SERVICE)
        body = {"port": attributes}
        call = Call(None, "PUT", path, body=body, headers=headers or {}, request_id=request_id, trace=trace)
        return await self._service.one_of(call, "port")
