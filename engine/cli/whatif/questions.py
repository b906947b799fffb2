"""What each question of ``berth whatif`` is: two sentences for its help, and a scenario of five lines to begin with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Question:
    """What a question answers, in a few words and in two sentences, and a scenario that it can be asked about."""

    brief: str
    answers: str
    example: str


QUESTIONS: Final[dict[str, Question]] = {
    "replay": Question(
        "What would have been refused, when and why.",
        "Run the workload and the changes through the chain: what would have been refused, when and why. Shows "
        "utilisation, refusals, free slots, fragmentation and stranded resources over time.",
        """\
fleet.synthetic = "1000 hosts of 64c 256g 2000d in 3 zones, racks of 40"
flavors = [{ name = "m1.large", vcpus = 4, memory_mb = 8192, disk_gb = 40 }]
[workload.mix]
flavors = { "m1.large" = 1 }
per_hour = 100
duration = "30d"
lifetime = { kind = "exponential", mean = "10d" }
""",
    ),
    "fits": Question(
        "How many more of each flavor fit, and what runs out first.",
        "Say how many more of each flavor fit, exactly and by the chain, and what runs out first. Changes come before "
        "it: here one zone is lost.",
        """\
fleet.live = "127.0.0.1:7474"
[[changes]]
do = "fail"
of.zone = "az2"
""",
    ),
    "fail": Question(
        "Which failures the rest of the fleet could not absorb.",
        "Say which failures the rest of the fleet could not absorb: every single host, rack or zone, all of them, not "
        "a sample. With together = 2 every two at once (N+2), and so on.",
        """\
fleet.live = "127.0.0.1:7474"
[fail]
of = ["host", "rack", "zone"]
together = 1
""",
    ),
    "size": Question(
        "The smallest fleet that takes a workload.",
        "Find the smallest fleet that takes the workload with at most so many refused, and the lower bound beside it. "
        "Every size that is tried is a whole run.",
        """\
fleet.synthetic = "1 host of 64c 256g"
size = { like = "1 host of 64c 256g", max_refused_percent = 0.5 }
[workload.trace]
file = "trace.parquet"
""",
    ),
    "compare": Question(
        "Chains, multipliers or fleets on the same workload, side by side.",
        "Run the same workload with two or more chains, multipliers or fleets, and set them side by side. The first "
        "side is the scenario as it is; each variant says some of its keys otherwise.",
        """\
fleet.synthetic = "100 hosts of 64c 256g"
workload.trace.file = "trace.parquet"
[[variants]]
name = "pack memory"
set = { "chain.ram_weight_multiplier" = -1.0 }
""",
    ),
    "forecast": Question(
        "When a growing workload meets the wall.",
        "Say when a growing workload meets the wall, with a band from arrivals drawn anew. The wall is the first day "
        "on which more than so many percent are refused.",
        """\
fleet.live = "127.0.0.1:7474"
workload.trace.file = "trace.parquet"
[forecast]
horizon = "52w"
growth_percent = 5
""",
    ),
    "drain": Question(
        "Whether hosts can be emptied, in which order, with how many moves.",
        "Say whether hosts can be emptied, in which order and with how many moves. What has nowhere to go is named, "
        "with the reason.",
        """\
fleet.live = "127.0.0.1:7474"
[drain]
of.aggregate = "rack-0001"
by = "host"
""",
    ),
}
"""The questions, in the order in which help lists them."""
