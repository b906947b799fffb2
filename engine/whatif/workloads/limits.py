"""How large a workload may be: what is larger is a mistake of units, and would not fit in memory."""

from __future__ import annotations

from typing import Final

MAX_INSTANCES: Final = 50_000_000
"""The most instances of a workload."""
