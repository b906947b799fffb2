"""The tables of the network service; ids are uuids, times are ISO 8601 UTC text as neutron prints them.

Addresses are stored as bytes in network order, which sort as the addresses do.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    DDL,
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    event,
    literal_column,
)

METADATA = MetaData()
SCHEMA_VERSION = 1


def _text(name: str, *, index: bool = False) -> Column[str]:
    return Column(name, Text, nullable=False, default="", index=index)


def _flag(name: str, *, default: bool) -> Column[bool]:
    return Column(name, Boolean, nullable=False, default=default)


def _list(name: str) -> Column[object]:
    return Column(name, JSON, nullable=False, default=list)


def _standard() -> list[Column[Any]]:
    """Return the columns that every resource has."""
    return [
        Column("id", Text, primary_key=True),
        _text("project_id", index=True),
        _text("name", index=True),
        _text("description"),
        _list("tags"),
        _text("created_at"),
        _text("updated_at"),
        Column("revision_number", Integer, nullable=False, default=0),
    ]


def _parent(name: str, parent: str, *, index: bool = True) -> Column[str]:
    # checked at the end of the transaction: a port's addresses are taken before its row is written
    key = ForeignKey(f"{parent}.id", ondelete="CASCADE", deferrable=True, initially="DEFERRED")
    return Column(name, key, nullable=False, index=index)


networks = Table(
    "networks",
    METADATA,
    *_standard(),
    _flag("admin_state_up", default=True),
    _flag("shared", default=False),
    _flag("router_external", default=False),
    _flag("port_security_enabled", default=True),
    Column("mtu", Integer, nullable=False),
    _list("availability_zone_hints"),
    _text("network_type"),
    _text("physical_network"),
    Column("segmentation_id", Integer),
    Index("ix_networks_segment", "network_type", "physical_network", "segmentation_id", unique=True),
)

subnets = Table(
    "subnets",
    METADATA,
    *_standard(),
    _parent("network_id", "networks"),
    Column("ip_version", Integer, nullable=False),
    _text("cidr"),
    Column("gateway_ip", Text),
    _flag("enable_dhcp", default=True),
    Column("ipv6_ra_mode", Text),
    Column("ipv6_address_mode", Text),
    _list("allocation_pools"),
    _list("dns_nameservers"),
    _list("host_routes"),
)

OLDEST_FIRST = literal_column("subnets.rowid", Integer)
"""The order in which subnets were made, which their times, in seconds, cannot tell."""

free_ranges = Table(
    "free_ranges",
    METADATA,
    _parent("subnet_id", "subnets", index=False),
    Column("first", LargeBinary, nullable=False),
    Column("last", LargeBinary, nullable=False),
    PrimaryKeyConstraint("subnet_id", "first"),
    sqlite_with_rowid=False,
)
"""The addresses of a subnet's pools that nobody holds, as ranges with both ends, never touching each other."""

ports = Table(
    "ports",
    METADATA,
    *_standard(),
    # indexed as the beginning of the unique pair below
    Column("network_id", ForeignKey("networks.id"), nullable=False),
    _text("mac_address"),
    _flag("admin_state_up", default=True),
    _text("status"),
    _text("device_id", index=True),
    _text("device_owner"),
    _list("fixed_ips"),
    _list("security_groups"),
    _flag("port_security_enabled", default=True),
    _list("allowed_address_pairs"),
    _list("extra_dhcp_opts"),
    _text("host_id", index=True),
    _text("vif_type"),
    _text("vnic_type"),
    Column("profile", JSON, nullable=False, default=dict),
    UniqueConstraint("network_id", "mac_address"),
)

addresses = Table(
    "addresses",
    METADATA,
    Column("subnet_id", ForeignKey("subnets.id"), nullable=False),
    Column("address", LargeBinary, nullable=False),
    _parent("port_id", "ports"),
    PrimaryKeyConstraint("subnet_id", "address"),
    sqlite_with_rowid=False,
)
"""The addresses that ports hold."""

security_groups = Table(
    "security_groups",
    METADATA,
    *_standard(),
    _flag("stateful", default=True),
    _flag("is_default", default=False),
)
Index(
    "ix_security_groups_default",
    security_groups.c.project_id,
    unique=True,
    sqlite_where=security_groups.c.is_default,
)

security_group_rules = Table(
    "security_group_rules",
    METADATA,
    Column("id", Text, primary_key=True),
    _text("project_id", index=True),
    _parent("security_group_id", "security_groups"),
    _text("description"),
    _text("direction"),
    _text("ethertype"),
    Column("protocol", Text),
    Column("port_range_min", Integer),
    Column("port_range_max", Integer),
    Column("remote_ip_prefix", Text),
    Column("remote_group_id", ForeignKey("security_groups.id", ondelete="CASCADE"), index=True),
    _text("created_at"),
    _text("updated_at"),
    Column("revision_number", Integer, nullable=False, default=0),
)

port_groups = Table(
    "port_groups",
    METADATA,
    Column("group_id", ForeignKey("security_groups.id"), nullable=False),
    _parent("port_id", "ports"),
    PrimaryKeyConstraint("group_id", "port_id"),
    sqlite_with_rowid=False,
)
"""Which ports are in which security group; a group with ports cannot be deleted."""

quotas = Table(
    "quotas",
    METADATA,
    Column("project_id", Text, primary_key=True),
    Column("resource", Text, primary_key=True),
    Column("limit", Integer, nullable=False),
)

usages = Table(
    "usages",
    METADATA,
    Column("project_id", Text, primary_key=True),
    Column("resource", Text, primary_key=True),
    Column("used", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""How many of each resource a project has, kept by the database itself, cascades included."""

COUNTED: dict[str, Table] = {
    "network": networks,
    "subnet": subnets,
    "port": ports,
    "security_group": security_groups,
    "security_group_rule": security_group_rules,
}
"""The tables whose rows are counted, by the resource's name in quotas."""

events = Table(
    "events",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    _text("name"),
    _text("status"),
    _text("server_uuid"),
    # the port the event is about
    _text("tag", index=True),
    Column("refusals", Integer, nullable=False, default=0),
    Column("not_before", Float, nullable=False, default=0.0),
)
"""What nova-api is still to be told; ``not_before`` is seconds since 1970."""

_COUNT_IN = (
    "CREATE TRIGGER IF NOT EXISTS %(resource)s_in AFTER INSERT ON %(rows)s BEGIN "
    "INSERT INTO usages (project_id, resource, used) VALUES (NEW.project_id, '%(resource)s', 1) "
    "ON CONFLICT (project_id, resource) DO UPDATE SET used = used + 1; END"
)
_COUNT_OUT = (
    "CREATE TRIGGER IF NOT EXISTS %(resource)s_out AFTER DELETE ON %(rows)s BEGIN "
    "UPDATE usages SET used = used - 1 WHERE project_id = OLD.project_id AND resource = '%(resource)s'; END"
)

for _resource, _table in COUNTED.items():
    for _statement in (_COUNT_IN, _COUNT_OUT):
        _names = {"resource": _resource, "rows": _table.name}
        event.listen(METADATA, "after_create", DDL(_statement, context=_names))  # type: ignore[no-untyped-call]
