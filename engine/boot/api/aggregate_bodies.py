"""The bodies of requests about aggregates."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, model_validator

from engine.boot.api.field_types import STRICT, Name, ShortText, ZoneName
from engine.boot.api.server_fields import metadata_key


class NewAggregate(BaseModel):
    """An aggregate to be made."""

    model_config = STRICT

    name: Name
    availability_zone: ZoneName | None = None


class Create(BaseModel):
    """The body of ``POST /os-aggregates``."""

    model_config = STRICT

    aggregate: NewAggregate


class ChangedAggregate(BaseModel):
    """What to change of an aggregate: at least one thing; a zone of null stays as it is, as nova has it."""

    model_config = STRICT

    name: Name | None = None
    availability_zone: ZoneName | None = None

    @model_validator(mode="after")
    def _something(self) -> ChangedAggregate:
        if not self.model_fields_set:
            raise ValueError("give a name or an availability_zone")
        if "name" in self.model_fields_set and self.name is None:
            raise ValueError("the name must be text")
        return self


class Update(BaseModel):
    """The body of ``PUT /os-aggregates/ID``."""

    model_config = STRICT

    aggregate: ChangedAggregate


class Member(BaseModel):
    """The host that an action names."""

    model_config = STRICT

    host: Name


class Metadata(BaseModel):
    """Metadata to set; null removes a key."""

    model_config = STRICT

    metadata: dict[Annotated[str, AfterValidator(metadata_key)], ShortText | None]


class Action(BaseModel):
    """The body of ``POST /os-aggregates/ID/action``: one action."""

    model_config = STRICT

    add_host: Member | None = None
    remove_host: Member | None = None
    set_metadata: Metadata | None = None

    @model_validator(mode="after")
    def _one(self) -> Action:
        if sum(item is not None for item in (self.add_host, self.remove_host, self.set_metadata)) != 1:
            raise ValueError("give one of add_host, remove_host and set_metadata")
        return self

    @property
    def metadata(self) -> dict[str, str | None]:
        """The metadata to set, when that is the action."""
        return dict(self.set_metadata.metadata) if self.set_metadata is not None else {}
