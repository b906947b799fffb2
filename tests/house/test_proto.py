"""The protocol files follow the house rules, and its reasons are those of the error family."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import errors
from engine.errors import EngineError
from engine.v1.error_reason_pb2 import DESCRIPTOR, ErrorReason
from tests.house.proto_lint import faults, read_proto
from tests.house.sources import PROTO

PROTOS = sorted(PROTO.glob("*.proto"))
PREFIX = "ERROR_REASON_"

GOOD = """syntax = "proto3";
package engine.v1;
// A colour.
enum HostColour {
  HOST_COLOUR_UNSPECIFIED = 0;
  HOST_COLOUR_RED = 1;
}
// Paints.
service PaintService {
  // Paints hosts.
  rpc PaintHost(stream PaintHostRequest) returns (PaintHostResponse);
}
message PaintHostRequest {
  repeated string host_ids = 1;
  map<string, int64> coats = 2;
  oneof choice {
    HostColour colour = 3;
  }
}
message PaintHostResponse {}
"""


@pytest.mark.parametrize("path", PROTOS, ids=lambda path: path.name)
def test_protocol_files_follow_the_house_rules(path: Path) -> None:
    assert not faults(path.name, path.read_text())


def test_the_reader_sees_what_protoc_sees() -> None:
    text = (PROTO / "error_reason.proto").read_text()
    assert dict(read_proto(text).values["ErrorReason"]) == dict(ErrorReason.items())
    assert DESCRIPTOR.package == read_proto(text).package


def test_a_clean_file_has_no_faults() -> None:
    assert faults("paint_service.proto", GOOD) == []
    assert [name.name for name in read_proto(GOOD).fields] == ["host_ids", "coats", "colour"]


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("package engine.v1;", "package engine.v2;", "package"),
        ("// A colour.\n", "", "HostColour has no comment"),
        ("// Paints.\n", "", "PaintService has no comment"),
        ("  // Paints hosts.\n", "", "PaintHost has no comment"),
        ("HOST_COLOUR_UNSPECIFIED", "HOST_COLOUR_NONE", "UNSPECIFIED"),
        ("HOST_COLOUR_RED", "RED", "does not start"),
        ("host_ids", "hostIds", "not lower_snake"),
        ("oneof choice", "oneof Choice", "not lower_snake"),
        ("(stream PaintHostRequest)", "(PaintRequest)", "takes PaintRequest"),
        ("returns (PaintHostResponse)", "returns (Empty)", "returns Empty"),
        ("message PaintHostRequest", "message paint_host_Request", "not PascalCase"),
    ],
)
def test_each_rule_catches_its_fault(old: str, new: str, part: str) -> None:
    assert old in GOOD
    assert any(part in fault for fault in faults("paint_service.proto", GOOD.replace(old, new)))


def test_a_file_name_in_camel_case_is_a_fault() -> None:
    assert faults("paintService.proto", GOOD)


def test_error_reasons_are_those_of_the_error_family() -> None:
    def family(error: type[EngineError]) -> set[type[EngineError]]:
        return {error}.union(*(family(child) for child in error.__subclasses__()))

    own = {error for error in family(EngineError) if error.__module__ == errors.__name__}
    reasons = sorted(error.reason for error in own)
    assert len(reasons) == len(set(reasons)), "two errors of the family have the same reason"
    names = {name.removeprefix(PREFIX) for name in ErrorReason.DESCRIPTOR.values_by_name}
    assert set(reasons) == names - {"UNSPECIFIED"}
