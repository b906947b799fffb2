"""Identity: what names the hosts of a table, and the providers under theirs."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.inventory.provider_shapes import ProviderNames


@dataclass(slots=True)
class Identity:
    """The text that is a host's own, one list an item, by row; ``providers`` names those under its own (see devices).

    It is replaced whole before a change that must not show in a snapshot.
    """

    host_ids: list[str]
    uuids: list[str]
    nodenames: list[str]
    host_ips: list[str]
    disabled_reasons: dict[int, str]
    row_of: dict[str, int]
    providers: dict[int, ProviderNames] = field(default_factory=dict)

    def copy(self) -> Identity:
        """Return a copy that can be changed without showing in this one."""
        return Identity(
            list(self.host_ids),
            list(self.uuids),
            list(self.nodenames),
            list(self.host_ips),
            dict(self.disabled_reasons),
            dict(self.row_of),
            dict(self.providers),
        )
