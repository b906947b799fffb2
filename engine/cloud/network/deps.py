"""What the handlers of the network service share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.cloud.database import Database
from engine.cloud.network.plugging import PlugAgent
from engine.faults import FaultPlan


@dataclass(frozen=True)
class Deps:
    """The database, the agent that plugs ports, the limits of a project without its own, and fault rules if any."""

    database: Database
    agent: PlugAgent
    default_quotas: Mapping[str, int]
    faults: FaultPlan | None = None
