"""Times nova's own filters and weighers on one case; runs under an interpreter that has nova.

``python -m bench.nova.timing CASE.json ROUNDS`` prints a line of JSON: the host chosen and how many passed, the CPU
seconds of filtering and of weighing each round, and those of making the host states, which nova does every request.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

from nova import objects

from tests.differential.nova_answers import candidates
from tests.differential.nova_hosts import compute_nodes, host_states
from tests.differential.nova_requests import request_spec
from tests.differential.nova_scheduler import CONF, CaseHostManager, configured, instances_known, time_standing_still


def main() -> None:
    """Time the case named on the command line."""
    content = json.loads(Path(sys.argv[1]).read_text())
    logging.disable(logging.CRITICAL)
    CONF([], project="nova", default_config_files=[], default_config_dirs=[])
    objects.register_all()
    with time_standing_still(content["now"]), configured(content), instances_known():
        rounds = [one_round(content) for _ in range(int(sys.argv[2]))]
    chosen = {(item["chosen"], item["passing"]) for item in rounds}
    if len(chosen) != 1:
        sys.exit(f"nova chose differently from round to round: {sorted(chosen)}")
    sys.stdout.write(
        json.dumps(
            {
                "chosen": rounds[0]["chosen"],
                "passing": rounds[0]["passing"],
                **{key: [item[key] for item in rounds] for key in ("states", "filters", "weighers")},
            }
        )
        + "\n"
    )


def one_round(content: dict[str, Any]) -> dict[str, Any]:
    """Filter and weigh every host once, as nova does before it claims."""
    hosts, spec, nodes = CaseHostManager(), request_spec(content), compute_nodes(content)
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
        "chosen": weighed[0].obj.case_index,
        "passing": len(passing),
        "states": made - began,
        "filters": filtered - ready,
        "weighers": ended - filtered,
    }


if __name__ == "__main__":
    main()
