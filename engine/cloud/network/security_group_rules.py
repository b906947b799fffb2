"""Rules of security groups: what may enter or leave the ports in a group."""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints
from sqlalchemy import ColumnElement, Connection, delete, select
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.cloud.network.creation import Attributes, Name, ProjectId, bodies_of, check_quota, now_text
from engine.cloud.network.deps import Deps
from engine.cloud.network.policy import is_privileged, owner_project, require_owner, require_writer
from engine.cloud.network.schema import security_group_rules
from engine.cloud.network.security_groups import RULES, SECURITY_GROUPS, visible_groups
from engine.cloud.network.subnet_rules import parsed_cidr
from engine.rest.access import Access
from engine.rest.errors import BadRequest, Conflict
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of

_PROTOCOLS = {
    "ah": 51,
    "dccp": 33,
    "egp": 8,
    "esp": 50,
    "gre": 47,
    "hopopt": 0,
    "icmp": 1,
    "icmpv6": 58,
    "ipv6-icmp": 58,
    "igmp": 2,
    "ip": 0,
    "ipip": 4,
    "ipv6-encap": 41,
    "ipv6-frag": 44,
    "ipv6-nonxt": 59,
    "ipv6-opts": 60,
    "ipv6-route": 43,
    "ospf": 89,
    "pgm": 113,
    "rsvp": 46,
    "sctp": 132,
    "tcp": 6,
    "udp": 17,
    "udplite": 136,
    "vrrp": 112,
}
"""IANA's protocol numbers under the names neutron takes."""
_WITH_PORTS = frozenset({6, 17, 33, 132, 136})
_ICMP = frozenset({1, 58})
_DISTINGUISHING = (
    "security_group_id",
    "direction",
    "ethertype",
    "protocol",
    "port_range_min",
    "port_range_max",
    "remote_ip_prefix",
    "remote_group_id",
)

# clients send numbers from their command line as text
_PortNumber = int | Annotated[str, StringConstraints(pattern=r"^[0-9]{1,5}$")]


class NewRule(Attributes):
    """A rule to be made."""

    security_group_id: str = Field(max_length=64)
    direction: Literal["ingress", "egress"]
    ethertype: Literal["IPv4", "IPv6", "ipv4", "ipv6"] = "IPv4"
    protocol: int | str | None = None
    port_range_min: _PortNumber | None = None
    port_range_max: _PortNumber | None = None
    remote_ip_prefix: str | None = Field(default=None, max_length=64)
    remote_group_id: str | None = Field(default=None, max_length=64)
    remote_address_group_id: None = None
    description: Name | None = ""
    project_id: ProjectId | None = None
    tenant_id: ProjectId | None = None


def _visible(access: Access) -> ColumnElement[bool] | None:
    return None if is_privileged(access) else security_group_rules.c.project_id == access.project_id


def routes(deps: Deps) -> list[Route]:
    """Return the routes of security group rules."""
    database = deps.database

    async def list_rules(request: Request) -> Response:
        access = access_of(request)
        return await RULES.page(request, database, _visible(access), privileged=is_privileged(access))

    async def show_rule(request: Request) -> Response:
        access = access_of(request)
        with database.read() as connection:
            found = RULES.find(connection, request.path_params["id"], _visible(access))
        fields = request.query_params.getlist("fields")
        return json_reply({"security_group_rule": RULES.shown(found, is_privileged(access), fields)})

    async def create_rules(request: Request) -> Response:
        access = access_of(request)
        require_writer(access, "create_security_group_rule")
        wanted, many = await bodies_of(request, "security_group_rule", "security_group_rules", NewRule)
        with database.write() as connection:
            made = [RULES.find(connection, _create(connection, access, one, deps), None) for one in wanted]
        return json_reply({"security_group_rules": made} if many else {"security_group_rule": made[0]}, 201)

    async def delete_rule(request: Request) -> Response:
        access = access_of(request)
        with database.write() as connection:
            found = RULES.find(connection, request.path_params["id"], _visible(access))
            require_owner(access, found["project_id"], "delete_security_group_rule")
            connection.execute(delete(security_group_rules).where(security_group_rules.c.id == found["id"]))
        return empty_reply()

    return [
        Route("/v2.0/security-group-rules", list_rules, methods=["GET"]),
        Route("/v2.0/security-group-rules", create_rules, methods=["POST"]),
        Route("/v2.0/security-group-rules/{id}", show_rule, methods=["GET"]),
        Route("/v2.0/security-group-rules/{id}", delete_rule, methods=["DELETE"]),
    ]


def _create(connection: Connection, access: Access, wanted: NewRule, deps: Deps) -> str:
    group = SECURITY_GROUPS.find(connection, wanted.security_group_id, visible_groups(access))
    project_id = (
        owner_project(access, wanted.project_id, wanted.tenant_id)
        if wanted.project_id or wanted.tenant_id
        else group["project_id"]
    )
    check_quota(connection, "security_group_rule", project_id, deps.default_quotas)
    protocol = _checked_protocol(wanted.protocol)
    low, high = _checked_ports(protocol, _number(wanted.port_range_min), _number(wanted.port_range_max))
    ethertype = "IPv4" if wanted.ethertype.lower() == "ipv4" else "IPv6"
    if wanted.remote_ip_prefix and wanted.remote_group_id:
        raise BadRequest(
            "Only remote_ip_prefix or remote_group_id or remote_address_group_id may be provided.",
            kind="SecurityGroupMultipleRemoteEntites",
        )
    if wanted.remote_group_id:
        SECURITY_GROUPS.find(connection, wanted.remote_group_id, visible_groups(access))
    chosen: dict[str, Any] = {
        "security_group_id": group["id"],
        "direction": wanted.direction,
        "ethertype": ethertype,
        "protocol": protocol,
        "port_range_min": low,
        "port_range_max": high,
        "remote_ip_prefix": _checked_prefix(wanted.remote_ip_prefix, ethertype),
        "remote_group_id": wanted.remote_group_id or None,
    }
    same = [security_group_rules.c[name].is_not_distinct_from(chosen[name]) for name in _DISTINGUISHING]
    if existing := connection.execute(select(security_group_rules.c.id).where(*same)).scalar():
        raise Conflict(f"Security group rule already exists. Rule id is {existing}.", kind="SecurityGroupRuleExists")
    now = now_text()
    rule_id = str(uuid.uuid4())
    connection.execute(
        security_group_rules.insert().values(
            id=rule_id,
            project_id=project_id,
            description=wanted.description or "",
            created_at=now,
            updated_at=now,
            **chosen,
        )
    )
    return rule_id


def _number(given: int | str | None) -> int | None:
    return None if given is None else int(given)


def _checked_protocol(given: int | str | None) -> str | None:
    """Return a protocol as it is kept: by name or number, none for any; raise BadRequest for what is none."""
    if given is None:
        return None
    text = str(given).lower()
    if text in ("", "any"):
        return None
    if text in _PROTOCOLS or (text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 255):
        return text
    values = [None, *_PROTOCOLS]
    raise BadRequest(
        f"Security group rule protocol {text[:100]} not supported. Only protocol values {values} and integer "
        "representations [0 to 255] are supported.",
        kind="SecurityGroupRuleInvalidProtocol",
    )


def _checked_ports(protocol: str | None, low: int | None, high: int | None) -> tuple[int | None, int | None]:
    """Return a range of ports, or ICMP's type and code; raise BadRequest when the protocol has no such thing."""
    if low is None and high is None:
        return None, None
    if protocol is None:
        raise BadRequest(
            "Must also specify protocol if port range is given.", kind="SecurityGroupProtocolRequiredWithPorts"
        )
    number = _PROTOCOLS[protocol] if protocol in _PROTOCOLS else int(protocol)
    if number in _ICMP:
        for value, name in ((low, "port_range_min"), (high, "port_range_max")):
            if value is not None and not 0 <= value <= 255:
                raise BadRequest(
                    f"Invalid value for ICMP type (min) or code (max): {name} {value}. It must be between 0 and 255.",
                    kind="SecurityGroupInvalidIcmpValue",
                )
        if low is None:
            raise BadRequest(
                f"ICMP code (port-range-max) {high} is provided but ICMP type (port-range-min) is missing.",
                kind="SecurityGroupMissingIcmpType",
            )
        return low, high
    if number not in _WITH_PORTS:
        raise BadRequest(f"Protocol {protocol} has no ports.", kind="SecurityGroupInvalidProtocolForPort")
    if low is None or high is None or not 0 <= low <= high <= 65_535:
        raise BadRequest(
            "For TCP/UDP protocols, port_range_min must be <= port_range_max", kind="SecurityGroupInvalidPortRange"
        )
    return low, high


def _checked_prefix(text: str | None, ethertype: str) -> str | None:
    if not text:
        return None
    prefix = parsed_cidr(text if "/" in text else text + ("/128" if ":" in text else "/32"), "remote_ip_prefix")
    if (prefix.version == 4) != (ethertype == "IPv4"):
        raise BadRequest(
            f"Conflicting value ethertype {ethertype} for CIDR {prefix}", kind="SecurityGroupRuleParameterConflict"
        )
    return str(prefix)
