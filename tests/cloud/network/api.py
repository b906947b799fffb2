"""A plain HTTP client of the network API for tests, and what tests make with it."""

from __future__ import annotations

import uuid
from typing import Any

import requests

from tests.cloud.harness import Cloud


class Api:
    """Requests as one user."""

    def __init__(self, cloud: Cloud, user: str, project: str = "") -> None:
        self.base = cloud.url("network") + "/v2.0"
        self.project_id = cloud.session(user, project).get_project_id()
        self.http = requests.Session()
        self.http.headers["X-Auth-Token"] = cloud.token(user, project)

    def call(self, method: str, path: str, body: Any = None, expect: int = 200) -> Any:
        """Make a request, check its status, and return its JSON (None without a body)."""
        reply = self.http.request(method, self.base + path, json=body, timeout=20)
        assert reply.status_code == expect, (reply.status_code, reply.text)
        return reply.json() if reply.content else None

    def get(self, path: str, expect: int = 200) -> Any:
        return self.call("GET", path, expect=expect)

    def post(self, path: str, body: Any, expect: int = 201) -> Any:
        return self.call("POST", path, body, expect)

    def put(self, path: str, body: Any, expect: int = 200) -> Any:
        return self.call("PUT", path, body, expect)

    def delete(self, path: str, expect: int = 204) -> Any:
        return self.call("DELETE", path, expect=expect)

    def refused(self, method: str, path: str, body: Any, status: int) -> tuple[str, str]:
        """Make a request that is refused and return neutron's type and message."""
        error = self.call(method, path, body, status)["NeutronError"]
        return error["type"], error["message"]

    def network(self, **attributes: Any) -> dict[str, Any]:
        return self.post("/networks", {"network": {"name": f"net-{uuid.uuid4()}", **attributes}})["network"]

    def subnet(self, network_id: str, cidr: str, **attributes: Any) -> dict[str, Any]:
        return self.post("/subnets", {"subnet": {"network_id": network_id, "cidr": cidr, **attributes}})["subnet"]

    def port(self, network_id: str, **attributes: Any) -> dict[str, Any]:
        return self.post("/ports", {"port": {"network_id": network_id, **attributes}})["port"]

    def wired(self, cidr: str, **attributes: Any) -> tuple[str, str]:
        """A new network with one subnet: their ids."""
        network_id = self.network()["id"]
        return network_id, self.subnet(network_id, cidr, **attributes)["id"]


def addresses_of(port: dict[str, Any]) -> list[str]:
    return [held["ip_address"] for held in port["fixed_ips"]]
