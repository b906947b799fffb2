"""The tables of the boot's database. Times are seconds since 1970 UTC; empty text stands for none."""

from __future__ import annotations

import sqlalchemy as sa

METADATA = sa.MetaData()
# rows are counted beyond 32 bits; SQLite's own row numbers, which have 64, go by the plain name only
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SCHEMA_VERSION = 1


def _id() -> sa.Column[str]:
    return sa.Column("uuid", sa.String(36), primary_key=True)


def _text(name: str, **options: object) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default="", **options)  # type: ignore[arg-type]


def _json(name: str, empty: str) -> sa.Column[object]:
    return sa.Column(name, sa.JSON, nullable=False, server_default=empty)


schema_versions = sa.Table("schema_versions", METADATA, sa.Column("version", sa.Integer, primary_key=True))

instances = sa.Table(
    "instances",
    METADATA,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
    sa.Column("uuid", sa.String(36), nullable=False, unique=True),
    _text("display_name"),
    _text("hostname"),
    _text("description"),
    _text("project_id"),
    _text("user_id"),
    _text("project_name"),
    _text("user_name"),
    _text("reservation_id"),
    sa.Column("launch_index", sa.Integer, nullable=False, server_default="0"),
    _text("request_id"),
    _text("vm_state"),
    _text("task_state"),
    sa.Column("power_state", sa.Integer, nullable=False, server_default="0"),
    _text("host"),
    _text("availability_zone"),
    # what the user asked for: zone, zone:host or nothing
    _text("requested_zone"),
    _text("flavor_id"),
    # {"name", "vcpus", "memory_mb", "root_gb", "ephemeral_gb", "swap_mb", "extra_specs"}
    _json("flavor", "{}"),
    _text("image_id"),
    # {"name", "disk_format", "min_disk", "min_ram", "size", "properties": {..}}
    _json("image", "{}"),
    # [{"network_id", "port_id", "fixed_ip", "tag"}]
    _json("requested_networks", "[]"),
    # [{"port_id", "network_id", "network_name", "mac_address", "addresses": [{"address", "subnet_id"}], "vif_type",
    #   "mtu", "preexisting", "tag"}]
    _json("interfaces", "[]"),
    _json("security_groups", "[]"),
    _json("metadata", "{}"),
    _json("tags", "[]"),
    # {"hints": {name: [values]}, "group": uuid, "force_host": .., "alternates": [..], "tried": [..]}
    _json("scheduling", "{}"),
    _text("server_group"),
    _text("key_name"),
    _text("key_data"),
    _text("user_data"),
    sa.Column("config_drive", sa.Boolean, nullable=False, server_default=sa.false()),
    _text("root_device_name"),
    sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),
    sa.Column("locked", sa.Boolean, nullable=False, server_default=sa.false()),
    _text("locked_by"),
    _text("locked_reason"),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("updated_at", sa.Float, nullable=False),
    # when a build or a delete last moved on: what the recovery goes by
    sa.Column("progress_at", sa.Float, nullable=False),
    sa.Column("launched_at", sa.Float),
    sa.Column("terminated_at", sa.Float),
    sa.Column("deleted", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Index("instances_of_project", "project_id", "deleted", "created_at"),
    sa.Index("instances_of_host", "host", "deleted"),
    sa.Index("instances_under_way", "task_state", "deleted"),
    sa.Index("instances_by_age", "deleted", "created_at"),
    sqlite_autoincrement=True,
)

block_devices = sa.Table(
    "block_devices",
    METADATA,
    _id(),
    sa.Column("instance_uuid", sa.String(36), nullable=False, index=True),
    # their order in the request
    sa.Column("position", sa.Integer, nullable=False),
    _text("source_type"),
    _text("destination_type"),
    _text("image_id"),
    _text("volume_id", index=True),
    _text("attachment_id"),
    sa.Column("size_gb", sa.Integer, nullable=False, server_default="0"),
    sa.Column("boot_index", sa.Integer, nullable=False, server_default="-1"),
    _text("device_name"),
    sa.Column("delete_on_termination", sa.Boolean, nullable=False, server_default=sa.false()),
    _text("volume_type"),
    _text("tag"),
    _text("connection_info"),
)

actions = sa.Table(
    "actions",
    METADATA,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
    sa.Column("instance_uuid", sa.String(36), nullable=False, index=True),
    _text("request_id"),
    _text("action"),
    _text("user_id"),
    _text("project_id"),
    sa.Column("started_at", sa.Float, nullable=False),
    sa.Column("updated_at", sa.Float, nullable=False),
    # empty, or "Error"
    _text("message"),
)

action_events = sa.Table(
    "action_events",
    METADATA,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
    sa.Column("instance_uuid", sa.String(36), nullable=False, index=True),
    _text("request_id"),
    _text("event"),
    _text("host"),
    sa.Column("started_at", sa.Float, nullable=False),
    sa.Column("finished_at", sa.Float),
    # empty while it runs, then Success or Error
    _text("result"),
    _text("details"),
)

faults = sa.Table(
    "faults",
    METADATA,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
    sa.Column("instance_uuid", sa.String(36), nullable=False, index=True),
    sa.Column("code", sa.Integer, nullable=False),
    _text("message"),
    _text("details"),
    _text("host"),
    sa.Column("created_at", sa.Float, nullable=False),
)

boot_steps = sa.Table(
    "boot_steps",
    METADATA,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
    sa.Column("instance_uuid", sa.String(36), nullable=False, index=True),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("step", sa.Integer, nullable=False),
    _text("host"),
    # microseconds since 1970 UTC
    sa.Column("started_us", sa.BigInteger, nullable=False),
    sa.Column("finished_us", sa.BigInteger, nullable=False),
    _text("error"),
    _text("detail"),
)

casts = sa.Table(
    "casts",
    METADATA,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
    _text("topic", index=True),
    _text("body"),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("not_before", sa.Float, nullable=False, server_default="0"),
    sqlite_autoincrement=True,
)

# messages that could not be read; their text, which may hold a token, is not kept
dropped_casts = sa.Table(
    "dropped_casts",
    METADATA,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
    sa.Column("cast_number", sa.BigInteger, nullable=False),
    _text("topic"),
    sa.Column("size", sa.Integer, nullable=False),
    _text("problem"),
    sa.Column("dropped_at", sa.Float, nullable=False),
)

flavors = sa.Table(
    "flavors",
    METADATA,
    sa.Column("flavor_id", sa.String(255), primary_key=True),
    sa.Column("name", sa.String(255), nullable=False, unique=True),
    sa.Column("vcpus", sa.Integer, nullable=False),
    sa.Column("memory_mb", sa.BigInteger, nullable=False),
    sa.Column("root_gb", sa.BigInteger, nullable=False),
    sa.Column("ephemeral_gb", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("swap_mb", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("rxtx_factor", sa.Float, nullable=False, server_default="1"),
    sa.Column("is_public", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("disabled", sa.Boolean, nullable=False, server_default=sa.false()),
    _text("description"),
    _json("extra_specs", "{}"),
    # the projects that may use it, when it is not public
    _json("projects", "[]"),
    sa.Column("created_at", sa.Float, nullable=False),
)

key_pairs = sa.Table(
    "key_pairs",
    METADATA,
    sa.Column("user_id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(255), primary_key=True),
    _text("type"),
    _text("fingerprint"),
    _text("public_key"),
    sa.Column("created_at", sa.Float, nullable=False),
)

server_groups = sa.Table(
    "server_groups",
    METADATA,
    _id(),
    _text("name"),
    _text("policy"),
    sa.Column("max_server_per_host", sa.Integer, nullable=False, server_default="0"),
    _text("project_id"),
    _text("user_id"),
    sa.Column("created_at", sa.Float, nullable=False),
)

aggregates = sa.Table(
    "aggregates",
    METADATA,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
    sa.Column("uuid", sa.String(36), nullable=False, unique=True),
    sa.Column("name", sa.String(255), nullable=False, unique=True),
    # availability_zone is a key of it, as in nova
    _json("metadata", "{}"),
    _json("hosts", "[]"),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("updated_at", sa.Float),
    sqlite_autoincrement=True,
)

quotas = sa.Table(
    "quotas",
    METADATA,
    sa.Column("project_id", sa.String(64), primary_key=True),
    sa.Column("resource", sa.String(64), primary_key=True),
    sa.Column("hard_limit", sa.BigInteger, nullable=False),
)

retired = sa.Table(
    "retired",
    METADATA,
    # flavor, server_group or aggregate: what this API gave the scheduler and has taken back
    sa.Column("kind", sa.String(16), primary_key=True),
    # a flavor's name, the others' uuid
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("retired_at", sa.Float, nullable=False),
)
