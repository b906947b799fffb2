"""Fingerprint: what has to be the same wherever runs of one sweep are made, so that their results can be."""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from engine import __version__

DECIDING: Final = ("model", "fitting", "placement", "inventory", "scheduler", "whatif")
"""The packages of engine whose code decides what a run gives."""


@cache
def fingerprint() -> str:
    """Return one line: Berth's version, its code, and the versions of Python and of numpy, which draws at random."""
    root = Path(__file__).parents[2]
    code = hashlib.sha256()
    for package in DECIDING:
        for path in sorted((root / package).rglob("*.py")):
            code.update(str(path.relative_to(root)).encode() + b"\0")
            code.update(path.read_bytes())
    python = ".".join(platform.python_version_tuple()[:2])
    return f"Berth {__version__} (code {code.hexdigest()[:12]}), Python {python}, numpy {np.__version__}"
