"""Oracle cases on disk: JSON files, gzipped or not, one case each, found recursively under a directory."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NOVA_SCHEMA = "nova-oracle-case/1"
PLACEMENT_SCHEMA = "placement-oracle-case/1"
KINDS = ("select", "e2e", "placement")

_ENDINGS = (".json", ".json.gz")


@dataclass(frozen=True, slots=True)
class Case:
    """One case: its name, ``kind`` (one of KINDS), ``family`` (the name without its number) and content as read."""

    name: str
    kind: str
    family: str
    content: dict[str, Any]


def find_cases(directory: Path) -> Iterator[Case]:
    """Yield every case under ``directory`` by path; files that hold something else are passed over.

    Raises ValueError, naming the file, for one that is no JSON.
    """
    for path in sorted(path for path in directory.rglob("*") if path.name.endswith(_ENDINGS)):
        case = read_case(path)
        if case is not None:
            yield case


def read_case(path: Path) -> Case | None:
    """Return the case in a file, or None when the file's schema is none of those known."""
    try:
        data = path.read_bytes()
        content = json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)
    except (OSError, EOFError, ValueError) as error:
        raise ValueError(f"{path}: not a case: {error}") from error
    schema = content.get("schema") if isinstance(content, dict) else None
    if schema == NOVA_SCHEMA:
        kind = "e2e" if "placement_queries" in content["expected"] or "e2e" in content.get("tags", ()) else "select"
    elif schema == PLACEMENT_SCHEMA:
        kind = "placement"
    else:
        return None
    name = content["name"]
    return Case(name, kind, re.sub(r"[-_]?\d+$", "", name), content)
