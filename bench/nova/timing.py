"""Times nova's own filters and weighers on one case; runs under an interpreter that has nova.

``python -m bench.nova.timing CASE.json`` says what it is, then answers each line of its standard input with a round: a
line of JSON with how many hosts passed, the best of them with their weights, the CPU seconds of filtering and of
weighing, and those of making the host states, which nova does every request.
"""

from __future__ import annotations

import json
import logging
import platform
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from nova import objects

from tests.differential.nova_answers import candidates
from tests.differential.nova_hosts import compute_nodes, host_states
from tests.differential.nova_requests import request_spec
from tests.differential.nova_scheduler import CONF, CaseHostManager, configured, instances_known, time_standing_still

BEST = 10
"""How many of the weighed hosts an answer names."""


def main() -> None:
    """Time the case named on the command line, a round for each line of standard input."""
    content = json.loads(Path(sys.argv[1]).read_text())
    logging.disable(logging.CRITICAL)
    CONF([], project="nova", default_config_files=[], default_config_dirs=[])
    objects.register_all()
    with time_standing_still(content["now"]), configured(content), instances_known():
        say({"nova": metadata.version("nova"), "python": platform.python_version()})
        nodes = compute_nodes(content)
        for _ in sys.stdin:
            say(one_round(content, nodes))


def say(answer: dict[str, Any]) -> None:
    """Write a line of JSON."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def one_round(content: dict[str, Any], nodes: list[Any]) -> dict[str, Any]:
    """Filter and weigh every host once, as nova does before it claims."""
    hosts, spec = CaseHostManager(), request_spec(content)
    began = time.process_time()
    states = host_states(content, nodes)
    made = time.process_time()
    for state, given in zip(states, content["hosts"], strict=True):
        state.allocation_candidates = candidates(given)
    ready = time.process_time()
    passing = list(hosts.get_filtered_hosts(iter(states), spec, 0))
    filtered = time.process_time()
    weighed = hosts.get_weighed_hosts(passing, spec)
    ended = time.process_time()
    return {
        "best": [[item.obj.case_index, item.weight] for item in weighed[:BEST]],
        "passing": len(passing),
        "states": made - began,
        "filters": filtered - ready,
        "weighers": ended - filtered,
    }


if __name__ == "__main__":
    main()
