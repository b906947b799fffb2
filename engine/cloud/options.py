"""Settings of the embedded identity, image, network and volume services."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class CloudOptions(BaseModel):
    """Where the embedded services listen, whom they trust, and how they behave.

    ``auth_url``: the identity service that tokens are checked with; empty: the embedded one. ``token_lifetime_s``: how
    long a token lasts; ``expired_token_window_s``: how long after that a service may still act with it for a user.
    ``token_fresh_s``: how soon a revoked token is noticed. ``compute_url``: the address of nova-api for the catalog.
    ``services``: which of the four run here; an external one is found through ``auth_url``'s catalog or, when identity
    is the embedded one, through ``endpoints`` (service type to URL), which its catalog then names.
    ``lockout_failure_attempts`` wrong passwords (0: any number) lock an account for ``lockout_duration_s``.
    ``fault_file``: rules that make requests fail, for drills; absent: none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    services: tuple[Literal["identity", "image", "network", "volume"], ...] = ("identity", "image", "network", "volume")
    endpoints: dict[Literal["image", "network", "block-storage"], str] = {}
    host: str = "127.0.0.1"
    identity_port: int = Field(default=18770, ge=0, le=65535)
    image_port: int = Field(default=18772, ge=0, le=65535)
    network_port: int = Field(default=18773, ge=0, le=65535)
    volume_port: int = Field(default=18774, ge=0, le=65535)
    compute_url: str = "http://127.0.0.1:18771/v2.1"
    auth_url: str = ""
    region_name: str = "RegionOne"
    service_password: SecretStr = SecretStr("")
    admin_password: SecretStr = SecretStr("")
    member_password: SecretStr = SecretStr("")
    token_lifetime_s: int = Field(default=3600, ge=1)
    expired_token_window_s: int = Field(default=172_800, ge=0)
    lockout_failure_attempts: int = Field(default=10, ge=0)
    lockout_duration_s: int = Field(default=60, ge=1)
    token_fresh_s: float = Field(default=5.0, ge=0)
    vif_plug_delay_s: float = Field(default=0.0, ge=0)
    image_size_limit_gb: int = Field(default=64, ge=1)
    volume_capacity_gb: int = Field(default=1000, ge=1)
    port_quota: int = Field(default=500, ge=-1)
    network_quota: int = Field(default=100, ge=-1)
    subnet_quota: int = Field(default=100, ge=-1)
    security_group_quota: int = Field(default=10, ge=-1)
    volume_quota: int = Field(default=10, ge=-1)
    volume_gigabytes_quota: int = Field(default=1000, ge=-1)
    fault_file: Path | None = None

    @property
    def identity_url(self) -> str:
        """The URL under which tokens are asked for and checked."""
        return self.auth_url or f"http://{self.url_host}:{self.identity_port}/v3"

    @property
    def url_host(self) -> str:
        """What URLs name as the host: this machine itself where ``host`` is every address of it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 (compared, not bound)
        return f"[{host}]" if ":" in host else host
