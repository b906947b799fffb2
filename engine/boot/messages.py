"""The messages that are cast: each says which record to look at, the record says what is true."""

from __future__ import annotations

from typing import TypeAlias

import msgspec


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who asked, as far as other services must know to act in their name."""

    token: str
    user_id: str
    project_id: str
    user_name: str = ""
    project_name: str = ""
    roles: tuple[str, ...] = ()
    request_id: str = ""


class Schedule(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="schedule"):
    """Instances of one request want hosts."""

    instance_uuids: tuple[str, ...]
    caller: Caller


class Build(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="build"):
    """An instance is to be built on the host whose topic carries this; ``cast_at_us``: when, microseconds UTC."""

    instance_uuid: str
    attempt: int
    caller: Caller
    cast_at_us: int


class Delete(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="delete"):
    """An instance is to be taken down with all that was made for it."""

    instance_uuid: str
    request_id: str


class Power(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="power"):
    """An instance is to be started, stopped or rebooted; ``action``: start, stop, reboot; ``hard``: reboot at once."""

    instance_uuid: str
    action: str
    request_id: str
    hard: bool = False


class Attach(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="attach"):
    """The volume of a block device (already recorded and reserved) is to be attached to a running instance."""

    instance_uuid: str
    block_device_uuid: str
    caller: Caller


class Detach(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="detach"):
    """The volume of a block device is to be detached."""

    instance_uuid: str
    block_device_uuid: str
    caller: Caller


class ExternalEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="external_event"):
    """Another service tells of something that happened, such as ``network-vif-plugged`` for the port ``tag``."""

    instance_uuid: str
    name: str
    tag: str = ""
    status: str = "completed"


Message: TypeAlias = Schedule | Build | Delete | Power | Attach | Detach | ExternalEvent

SCHEDULE_TOPIC = "scheduler"
"""The topic that the API's own worker reads; every other topic is ``compute.HOST``."""

_ENCODER = msgspec.json.Encoder()
_DECODER: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


def compute_topic(host: str) -> str:
    """Return the topic of a host's messages."""
    return f"compute.{host}"


def host_of_topic(topic: str) -> str:
    """Return the host whose messages a topic carries."""
    return topic.removeprefix("compute.")


def encode(message: Message) -> str:
    """Return a message as JSON."""
    return _ENCODER.encode(message).decode()


def decode(body: str) -> Message:
    """Return the message that JSON holds; raises msgspec.ValidationError or DecodeError for anything else."""
    return _DECODER.decode(body)
