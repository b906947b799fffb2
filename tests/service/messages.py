"""Messages for tests: small requests, batches in columns, and fleets sent to a service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

import grpc
import numpy as np
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from engine.client import Client
from engine.v1.request_spec_pb2 import Flavor, RequestSpec
from engine.v1.scheduler_service_pb2 import SelectDestinationsStreamRequest
from engine.v1.selection_pb2 import RejectionSummary
from tests.builders import fleet


def spec(vcpus: int = 1, memory_mb: int = 512, *, extra_specs: Mapping[str, str] | None = None, **fields: Any) -> Any:
    """A request for a small instance unless told otherwise."""
    flavor = Flavor(name="small", vcpus=vcpus, memory_mb=memory_mb, extra_specs=extra_specs or {})
    if "flavor_name" in fields:
        return RequestSpec(**fields)
    return RequestSpec(flavor=flavor, **fields)


def add_hosts(client: Client, *hosts: Mapping[str, object]) -> None:
    """Give the service these hosts: h0, h1 and so on, of 16 vcpus and 64 GiB unless told."""
    client.import_hosts(fleet(hosts))


def new_uuid() -> str:
    return str(uuid4())


def token_uuid(token: bytes) -> str:
    return str(UUID(bytes=token))


def tokens(many: int, first: int = 1) -> list[bytes]:
    """Tokens that differ in their first bytes, so that the instances of one are not those of the next."""
    return [(first + number).to_bytes(8, "big") + bytes(8) for number in range(many)]


def batch(
    names: Sequence[bytes],
    *,
    flavors: Sequence[str] = ("small",),
    codes: Sequence[int] | None = None,
    counts: Sequence[int] | None = None,
    release: Iterable[bytes] = (),
    positions: Sequence[int] | None = None,
    sequence: int = 0,
    **fields: Any,
) -> SelectDestinationsStreamRequest:
    """A batch of requests with these tokens, of the first flavor unless told."""
    return SelectDestinationsStreamRequest(
        flavor_names=flavors,
        flavor_codes=np.array(codes if codes is not None else [0] * len(names), dtype="<u4").tobytes(),
        tokens=b"".join(names),
        counts=b"" if counts is None else np.array(counts, dtype="<u4").tobytes(),
        release_consumers=b"".join(release),
        release_positions=b"" if positions is None else np.array(positions, dtype="<u4").tobytes(),
        sequence=sequence,
        **fields,
    )


def add_flavor(client: Client, name: str = "small", vcpus: int = 1, memory_mb: int = 512, **sizes: Any) -> None:
    client.update_flavors([Flavor(name=name, vcpus=vcpus, memory_mb=memory_mb, **sizes)])


def send(client: Client, *batches: SelectDestinationsStreamRequest) -> list[tuple[list[int], list[str | None]]]:
    """Each batch's outcomes and hosts."""
    return [(answer.outcomes.tolist(), answer.hosts()) for answer in client.stream(batches)]


class Refusal:
    """What a failed call says: its code, message, and the details of its status."""

    def __init__(self, failure: Any) -> None:
        self.code: str = failure.code().name
        self.text: str = failure.details() or ""
        status = rpc_status.from_call(failure)
        self.info = error_details_pb2.ErrorInfo()
        self.summary: RejectionSummary | None = None
        for detail in status.details if status is not None else ():
            if detail.Is(self.info.DESCRIPTOR):
                detail.Unpack(self.info)
            elif detail.Is(RejectionSummary.DESCRIPTOR):
                self.summary = RejectionSummary()
                detail.Unpack(self.summary)

    @property
    def reason(self) -> str:
        return str(self.info.reason)


def refusal(call: Any, *arguments: Any, **options: Any) -> Refusal:
    """How a call fails; the test fails when it does not."""
    with pytest.raises(grpc.RpcError) as failure:
        answer = call(*arguments, timeout=options.pop("timeout", 30), **options)
        if hasattr(answer, "__next__"):
            list(answer)
    return Refusal(failure.value)
