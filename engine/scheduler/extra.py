"""The values of weighers that no kernel computes: sparse ones name a few rows, array ones answer for all that pass."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.model.request_spec import RequestSpec
from engine.scheduler.chain import Chain, MultiplierOverrides
from engine.scheduler.sparse import SelectionContext


def extra_values(
    chain: Chain,
    request: RequestSpec,
    context: SelectionContext,
    rows: npt.NDArray[np.int64],
    overrides: MultiplierOverrides,
) -> npt.NDArray[np.float64]:
    """Return float64[extra weighers, rows of the table]: each one's value, 0 where it says nothing.

    ``rows`` are those that passed every filter. As in nova, a lone one is not weighed. Raises FilterFault where nova's
    weigher would raise.
    """
    values = np.zeros((len(chain.extra_weighers), len(context.fleet.columns["present"])), dtype=np.float64)
    for place, index in enumerate(chain.extra_weighers):
        plugin = chain.weighers[index]
        if plugin.kind == "sparse":
            for row, value in plugin.body(request, context).items():
                values[place, row] = value
        elif len(rows) > 1 and plugin.concerns(request):
            multipliers = overrides.of_rows(chain, context.fleet, index, rows)
            values[place, rows] = plugin.body(request, context, chain.options, rows, multipliers)
    return values
