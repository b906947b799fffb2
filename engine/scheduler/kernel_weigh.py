"""The kernels that look at every host for one request: the weight of each, and which filters reject it."""

from __future__ import annotations

from engine.inventory.schema import BLOCK_ROWS
from engine.scheduler.kernel_lines import (
    call_text,
    column_parameters,
    indent,
    range_lines,
    raw_text,
    scalar_lines,
    slice_lines,
)
from engine.scheduler.kernel_plan import KernelPlan


def weigh_text(plan: KernelPlan) -> str:
    """Return the kernel that weighs every host for one request, sparse plug-ins and per-host multipliers included."""
    many = len(plan.weighers)
    lines = [
        f"""@kernel
def weigh(mask, shape, shapes, options, enabled, multipliers, overridden, by_membership, membership, extra, weights, ranges,
          {column_parameters(plan)}):
    blocks = len(mask) // {BLOCK_ROWS}
    total = 0
    score = np.empty({BLOCK_ROWS}, dtype=np.float64)
    score_bits = score.view(np.int64)
{indent(scalar_lines(plan))}
    for w in range({many}):
        ranges[0, w] = np.inf
        ranges[1, w] = -np.inf
    for block in range(blocks):
        start = block * {BLOCK_ROWS}
{indent(slice_lines([*plan.filters, *plan.weighers], "mask"), 2)}"""  # noqa: E501  (a line of the generated text)
    ]
    for index, plugin in enumerate(plan.filters):
        lines.append(f"""        if enabled[{index}]:
            for j in range({BLOCK_ROWS}):
                mask_[j] &= {call_text(plugin, f"filter_{index}")}""")
    lines.append(f"""        passed = 0
        for j in range({BLOCK_ROWS}):
            passed += mask_[j]
        total += passed""")
    sparse = 0
    raws = []
    values = []
    for index, weigher in enumerate(plan.weighers):
        if weigher.kind == "column":
            raws.append(raw_text(weigher, f"weigher_{index}"))
            values.append(call_text(weigher, f"weigher_{index}"))
        else:
            raws.append(f"extra_{sparse}[j]")
            values.append(raws[-1])
            lines.append(f"        extra_{sparse} = extra[{sparse}, start:start + {BLOCK_ROWS}]")
            sparse += 1
        lines.append(f"""{range_lines(weigher, values[-1], "mask_", 2)}
        ranges[0, {index}] = min(ranges[0, {index}], least)
        ranges[1, {index}] = max(ranges[1, {index}], most)""")
    lines += [
        f"    ranges[0, {index}] = {weigher.minval!r}"
        for index, weigher in enumerate(plan.weighers)
        if weigher.minval is not None
    ]
    lines.append(f"""    for block in range(blocks):
        start = block * {BLOCK_ROWS}
{indent(slice_lines(plan.weighers, "mask", "membership", "weights"), 2)}
{indent(chr(10).join(f"extra_{k} = extra[{k}, start:start + {BLOCK_ROWS}]" for k in range(sparse)), 2)}
        for j in range({BLOCK_ROWS}):
            score[j] = 0.0""")
    for index, raw in enumerate(raws):
        term = f"(({raw} - ranges[0, {index}]) / (ranges[1, {index}] - ranges[0, {index}]))"
        lines.append(f"""        if total > 1 and ranges[1, {index}] != ranges[0, {index}]:
            if overridden[{index}]:
                for j in range({BLOCK_ROWS}):
                    score[j] += by_membership[{index}, membership_[j]] * {term}
            else:
                factor = multipliers[{index}]
                for j in range({BLOCK_ROWS}):
                    score[j] += factor * {term}
        elif total > 1 and overridden[{index}]:
            # nothing, unless an aggregate's multiplier is inf or nan: then it is nan, as in nova
            for j in range({BLOCK_ROWS}):
                score[j] += by_membership[{index}, membership_[j]] * 0.0""")
    lines.append(f"""        for j in range({BLOCK_ROWS}):
            weights_[j] = score[j] if mask_[j] else -np.inf
    return total""")
    return "\n".join(lines)


def verdicts_text(plan: KernelPlan) -> str:
    """Return the kernel that sets bit k of a host's verdict where column filter k rejects it."""
    lines = [
        f"""@kernel
def verdicts(shape, shapes, options, bits, {column_parameters(plan)}):
{indent(scalar_lines(plan))}
    for start in range(0, len(bits), {BLOCK_ROWS}):
{indent(slice_lines(plan.filters, "bits"), 2)}
        for j in range({BLOCK_ROWS}):
            bits_[j] = 0"""
    ]
    lines += [
        f"""        for j in range({BLOCK_ROWS}):
            bits_[j] |= np.uint32(0 if {call_text(plugin, f"filter_{index}")} else {1 << index})"""
        for index, plugin in enumerate(plan.filters)
    ]
    return "\n".join(lines)
