"""Settings of the boot: API, conductor and compute agents."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class QuotaOptions(BaseModel):
    """What a project may have unless its own quota says otherwise; -1 is unlimited. nova's defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    instances: int = Field(default=10, ge=-1)
    cores: int = Field(default=20, ge=-1)
    ram: int = Field(default=51_200, ge=-1)
    key_pairs: int = Field(default=100, ge=-1)
    metadata_items: int = Field(default=128, ge=-1)
    server_groups: int = Field(default=10, ge=-1)
    server_group_members: int = Field(default=10, ge=-1)


class IdentityOptions(BaseModel):
    """The service user that Berth works as, and where it authenticates."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    auth_url: str = "http://127.0.0.1:18770/v3"
    username: str = "nova"
    password: SecretStr = SecretStr("")
    project_name: str = "service"
    user_domain_name: str = "Default"
    project_domain_name: str = "Default"
    region_name: str = "RegionOne"
    interface: Literal["public", "internal", "admin"] = "public"


class ComputeOptions(BaseModel):
    """What one compute agent runs: ``hosts`` simulated hosts of the given size, on a launcher.

    ``first_host``: the number in the first host's name, so that several agents can share a fleet. ``numa_cells``: into
    how many NUMA nodes each host's CPUs and memory are divided, 0 to report none; ``huge_pages_mb``: how much of a
    host's memory is kept as 2 MiB pages.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    launcher: Literal["libvirt-test", "memory"] = "libvirt-test"
    hosts: int = Field(default=10, ge=1, le=100_000)
    host_prefix: str = Field(default="host-", pattern=r"[A-Za-z0-9][A-Za-z0-9.-]*")
    first_host: int = Field(default=1, ge=0)
    vcpus: int = Field(default=64, ge=1)
    memory_mb: int = Field(default=262_144, ge=512)
    disk_gb: int = Field(default=2_000, ge=1)
    reserved_memory_mb: int = Field(default=512, ge=0)
    numa_cells: int = Field(default=2, ge=0, le=64)
    huge_pages_mb: int = Field(default=0, ge=0)
    heartbeat_interval_s: float = Field(default=10.0, gt=0)
    sync_power_states_interval_s: float = Field(default=600.0, gt=0)
    vif_plugging_timeout_s: float = Field(default=300.0, ge=0)
    vif_plugging_is_fatal: bool = True
    volume_poll_interval_s: float = Field(default=0.5, gt=0)
    volume_poll_attempts: int = Field(default=360, ge=1)
    image_cache_unused_s: float = Field(default=86_400.0, ge=0)
    max_concurrent_builds: int = Field(default=64, ge=1)


class BootOptions(BaseModel):
    """Where the parts of the boot meet, and how patient they are.

    ``database_url``: SQLAlchemy's; empty: a SQLite file in the state directory. ``bus_url``: what carries messages to
    hosts; empty: the database and the conductor, ``nats://HOST:PORT``: JetStream. ``endpoints``: by service type
    (``image``, ``network``, ``block-storage``), a URL that beats the catalog's. ``dead_host_s``: how long a host may be
    away before its builds go elsewhere. ``recovery_interval_s``: how often unfinished work is looked for.
    ``stalled_s``: how long a build or delete may show no progress before it is announced again.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    api_host: str = "127.0.0.1"
    api_port: int = Field(default=18771, ge=0, le=65535)
    conductor: str = "127.0.0.1:18776"
    scheduler: str = "127.0.0.1:18775"
    database_url: str = ""
    bus_url: str = ""
    identity: IdentityOptions = IdentityOptions()
    endpoints: dict[Literal["image", "network", "block-storage"], str] = {}
    token_fresh_s: float = Field(default=5.0, ge=0)
    scheduler_timeout_s: float = Field(default=60.0, gt=0)
    dead_host_s: float = Field(default=60.0, gt=0)
    recovery_interval_s: float = Field(default=5.0, gt=0)
    stalled_s: float = Field(default=60.0, gt=0)
    keep_deleted_s: float = Field(default=86_400.0, ge=0)
    quotas: QuotaOptions = QuotaOptions()
    compute: ComputeOptions = ComputeOptions()
    fault_file: Path | None = None
