"""ImagePropertiesWeigher: gathers instances whose images have the same properties (nova.scheduler.weights.image_props).

By default the more instances on a host share a property with the request's image, the better; with
image_props_weight_setting only the properties it names count, each times its ratio.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.model.request_spec import RequestSpec
from engine.scheduler.image_texts import image_texts
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import array_weigher
from engine.scheduler.sparse import SelectionContext
from engine.scheduler.weight_setting import weight_setting


def _asks(request: RequestSpec) -> bool:
    return bool(request.image.properties)


def _configured(options: SchedulerOptions) -> bool:
    # as in nova, an aggregate's multiplier alone does not switch it on
    return options.image_props_weight_multiplier != 0.0


@array_weigher(
    "ImagePropertiesWeigher", multiplier="image_props_weight_multiplier", applies=_asks, configured=_configured
)
def image_properties(
    request: RequestSpec,
    context: SelectionContext,
    options: SchedulerOptions,
    rows: npt.NDArray[np.int64],
    multipliers: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return, for each host, the sum over the image's properties of how many instances there have the same."""
    ratios = dict(weight_setting(options.image_props_weight_setting))
    wanted = sorted(image_texts(request.image.properties).items())
    values = np.zeros(len(context.fleet.columns["present"]), dtype=np.float64)
    for row, counts in context.image_counts.items():
        values[row] = sum(counts.get(pair, 0) * (ratios.get(pair[0], 0.0) if ratios else 1.0) for pair in wanted)
    return values[rows]
