"""A small reader of protocol files that knows as much of the language as the house rules need."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_PACKAGE = re.compile(r"^package\s+([\w.]+);")
_BLOCK = re.compile(r"^(message|enum|service|oneof)\s+(\w+)\s*\{(\})?")
_RPC = re.compile(r"^rpc\s+(\w+)\s*\(\s*(stream\s+)?(\w+)\s*\)\s*returns\s*\(\s*(stream\s+)?(\w+)\s*\)")
_VALUE = re.compile(r"^(\w+)\s*=\s*(-?\d+)\s*[;\[]")
_FIELD = re.compile(r"^(?:repeated\s+|optional\s+)?(?:map<\s*\w+\s*,\s*[\w.]+\s*>|[\w.]+)\s+(\w+)\s*=\s*(\d+)\s*[;\[]")


@dataclass(frozen=True)
class Named:
    """Something with a name, the line it is on, and whether a comment stands right above it."""

    name: str
    line: int
    has_comment: bool


@dataclass(frozen=True)
class Rpc:
    """A procedure: its name, request and response."""

    at: Named
    request: str
    response: str


@dataclass
class ProtoFile:
    """What one protocol file declares."""

    package: str = ""
    messages: list[Named] = field(default_factory=list)
    enums: list[Named] = field(default_factory=list)
    services: list[Named] = field(default_factory=list)
    oneofs: list[Named] = field(default_factory=list)
    rpcs: list[Rpc] = field(default_factory=list)
    fields: list[Named] = field(default_factory=list)
    values: dict[str, list[tuple[str, int]]] = field(default_factory=dict)


def read_proto(text: str) -> ProtoFile:
    """Return what a protocol file's text declares; one declaration a line, as the house writes them."""
    found = ProtoFile()
    blocks: list[tuple[str, str]] = []
    has_comment = False
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if line.startswith("//"):
            has_comment = True
            continue
        if match := _PACKAGE.match(line):
            found.package = match[1]
        elif match := _BLOCK.match(line):
            kind, name = match[1], match[2]
            getattr(found, f"{kind}s").append(Named(name, number, has_comment))
            if kind == "enum":
                found.values[name] = []
            if match[3] is None:
                blocks.append((kind, name))
        elif match := _RPC.match(line):
            found.rpcs.append(Rpc(Named(match[1], number, has_comment), match[3], match[5]))
        elif line.startswith("}"):
            blocks.pop()
        elif blocks and blocks[-1][0] == "enum" and (match := _VALUE.match(line)):
            found.values[blocks[-1][1]].append((match[1], int(match[2])))
        elif blocks and blocks[-1][0] in ("message", "oneof") and (match := _FIELD.match(line)):
            found.fields.append(Named(match[1], number, has_comment))
        has_comment = False
    return found


def faults(file_name: str, text: str) -> list[str]:
    """Say which house rules a protocol file breaks."""
    proto = read_proto(text)
    result: list[str] = []

    def require(holds: bool, what: str) -> None:
        if not holds:
            result.append(f"{file_name}: {what}")

    require(proto.package == "engine.v1", "the package is engine.v1")
    require(re.fullmatch(r"[a-z][a-z0-9_]*\.proto", file_name) is not None, "the file's name is lower_snake")
    for block in (*proto.messages, *proto.enums, *proto.services):
        require(
            re.fullmatch(r"([A-Z][a-z0-9]*)+", block.name) is not None,
            f"line {block.line}: {block.name} is not PascalCase",
        )
        if not block.name.endswith(("Request", "Response")):
            require(block.has_comment, f"line {block.line}: {block.name} has no comment above it")
    for name in (*proto.fields, *proto.oneofs):
        require(
            re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name.name) is not None,
            f"line {name.line}: {name.name} is not lower_snake",
        )
    for enum, values in proto.values.items():
        prefix = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", enum).upper() + "_"
        require((f"{prefix}UNSPECIFIED", 0) in values, f"{enum} has no {prefix}UNSPECIFIED = 0")
        for value, _ in values:
            require(value.startswith(prefix), f"{value} does not start with {prefix}")
    for rpc in proto.rpcs:
        require(rpc.request == f"{rpc.at.name}Request", f"line {rpc.at.line}: {rpc.at.name} takes {rpc.request}")
        require(rpc.response == f"{rpc.at.name}Response", f"line {rpc.at.line}: {rpc.at.name} returns {rpc.response}")
        require(rpc.at.has_comment, f"line {rpc.at.line}: {rpc.at.name} has no comment above it")
    return result
