"""Catalog: the flavors, server groups and aggregates the service knows, as documents of the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from engine.errors import InvalidRequestError, UnknownFlavorError, UnknownGroupError
from engine.ledger.records import DocumentsDeleted, DocumentsWritten, Record
from engine.model.aggregate import Aggregate
from engine.model.candidates import Provider
from engine.model.flavor import Flavor
from engine.model.server_group import POLICIES, ServerGroup

FLAVOR = "flavor"
SERVER_GROUP = "server_group"
AGGREGATE = "aggregate"
SHARING_PROVIDER = "sharing_provider"


@dataclass(slots=True)
class Catalog:
    """Flavors by name and server groups by uuid; ``revision`` grows with every change of either."""

    flavors: dict[str, Flavor] = field(default_factory=dict)
    groups: dict[str, ServerGroup] = field(default_factory=dict)
    revision: int = 0

    def flavor(self, name: str) -> Flavor:
        """Return a flavor; raise UnknownFlavorError."""
        found = self.flavors.get(name)
        if found is None:
            raise UnknownFlavorError(
                f"no flavor is called {name!r}: `berth flavors list` shows those there are", flavor=name
            )
        return found

    def group(self, uuid: str) -> ServerGroup:
        """Return a server group; raise UnknownGroupError."""
        found = self.groups.get(uuid)
        if found is None:
            raise UnknownGroupError(
                f"no server group has the uuid {uuid!r}: `berth groups list` shows those there are", group=uuid
            )
        return found

    @classmethod
    def restore(cls, documents: Mapping[str, Mapping[str, bytes]]) -> Catalog:
        """Return the catalog of a ledger's documents."""
        flavors = {key: msgspec.json.decode(value, type=Flavor) for key, value in documents.get(FLAVOR, {}).items()}
        groups = {
            key: msgspec.json.decode(value, type=ServerGroup) for key, value in documents.get(SERVER_GROUP, {}).items()
        }
        return cls(flavors, groups)


def restore_aggregates(documents: Mapping[str, Mapping[str, bytes]]) -> list[Aggregate]:
    """Return the aggregates of a ledger's documents, without their hosts."""
    return [msgspec.json.decode(value, type=Aggregate) for value in documents.get(AGGREGATE, {}).values()]


def restore_sharing(documents: Mapping[str, Mapping[str, bytes]]) -> list[Provider]:
    """Return the sharing providers of a ledger's documents, without what Berth's allocations take of them."""
    return [msgspec.json.decode(value, type=Provider) for value in documents.get(SHARING_PROVIDER, {}).values()]


def written(kind: str, items: Mapping[str, Flavor | ServerGroup | Aggregate | Provider]) -> Record:
    """Return the record that keeps documents."""
    return DocumentsWritten(kind, {key: msgspec.json.encode(item) for key, item in items.items()})


def deleted(kind: str, keys: list[str]) -> Record:
    """Return the record that drops documents."""
    return DocumentsDeleted(kind, keys)


def check_group(group: ServerGroup) -> None:
    """Raise InvalidRequestError for a group with an unknown policy or a rule that its policy cannot have."""
    if group.policy not in POLICIES:
        raise InvalidRequestError(
            f"server group policy {group.policy!r} is none of {', '.join(POLICIES)}", field="policy"
        )
    if group.max_server_per_host < 1:
        raise InvalidRequestError("max_server_per_host must be at least 1", field="max_server_per_host")
    if group.max_server_per_host > 1 and group.policy != "anti-affinity":
        raise InvalidRequestError(
            f"max_server_per_host only goes with anti-affinity, not {group.policy}", field="max_server_per_host"
        )
