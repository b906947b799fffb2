"""The helpers that ``place`` calls for one block of hosts: count and range what passes, and find the best of it."""

from __future__ import annotations

from collections.abc import Sequence

from engine.inventory.schema import BLOCK_ROWS
from engine.scheduler.kernel_lines import (
    call_text,
    column_parameters,
    indent,
    is_whole,
    range_lines,
    raw_text,
    scalar_lines,
    slice_lines,
)
from engine.scheduler.kernel_plan import KernelPlan


def summarise_text(plan: KernelPlan, names: Sequence[str]) -> str:
    """Return the helper that filters a block for a class and notes how many pass and each weigher's range over them."""
    lines = [
        f"""@inlined
def summarise(block, ok, score, score_bits, mask, shape, shapes, options, count, low, high, {column_parameters(plan)}):
    start = block * {BLOCK_ROWS}
{indent(scalar_lines(plan))}
{indent(slice_lines([*plan.filters, *plan.weighers], "mask"))}
    for j in range({BLOCK_ROWS}):
        ok[j] = mask_[j] & 1"""
    ]
    lines += [
        f"    for j in range({BLOCK_ROWS}):\n        ok[j] &= {call_text(plugin, f'filter_{index}')}"
        for index, plugin in enumerate(plan.filters)
    ]
    lines.append(f"""    total = np.int32(0)
    for j in range({BLOCK_ROWS}):
        total += ok[j]
    for j in range({BLOCK_ROWS}):
        mask_[j] = (mask_[j] & 1) | (ok[j] << 1)
    count[block] = total""")
    for index, weigher in enumerate(plan.weighers):
        lines.append(f"""{range_lines(weigher, call_text(weigher, names[index]), "ok", 1)}
    low[{index}, block] = {"least" if weigher.minval is None else repr(weigher.minval)}
    high[{index}, block] = most""")
    return "\n".join(lines)


def block_best_text(plan: KernelPlan, names: Sequence[str]) -> str:
    """Return the helper that finds the exact weight and row of a block's best host, the first of equals.

    ``scale`` holds four rows: each weigher's low end, span, multiplier and slope (multiplier / span); ``slack`` bounds
    the rounding of the estimate ``sum(slope * x)`` and of the exact weight together. Divisions are most of the cost
    of an exact weight (3.6 ns a host of 6 weighers), so a block is spared them where one host alone comes near the
    best estimate, and where all that do have the same values: hosts of one kind that nothing runs on yet.
    """
    raws = [raw_text(weigher, name) for weigher, name in zip(plan.weighers, names, strict=True)]
    numbers = range(len(raws))
    load = "\n".join(
        f"low_{i} = scale[0, {i}]\nspan_{i} = scale[1, {i}]\nfactor_{i} = scale[2, {i}]\nslope_{i} = scale[3, {i}]"
        for i in numbers
    )
    estimate = " + ".join(f"slope_{i} * {raws[i]}" for i in numbers) or "0.0"
    exact = " + ".join(f"factor_{i} * (({raws[i]} - low_{i}) / span_{i})" for i in numbers) or "0.0"
    calls = [call_text(weigher, name) for weigher, name in zip(plan.weighers, names, strict=True)]
    firsts = "\n".join(f"value_{i} = {call}" for i, call in enumerate(calls))
    # whole numbers differ in the bits of their XOR; they go first, a float among them costs twice its share
    whole = [f"(np.int64({call}) ^ value_{i})" for i, call in enumerate(calls) if is_whole(plan.weighers[i])]
    floats = [f"({call} != value_{i})" for i, call in enumerate(calls) if not is_whole(plan.weighers[i])]
    unlike = " | ".join(["0", *whole, *floats])
    return f"""@inlined
def block_best(block, score, score_bits, mask, shape, shapes, options, scale, slack, {column_parameters(plan)}):
    start = block * {BLOCK_ROWS}
{indent(scalar_lines(plan))}
{indent(slice_lines(plan.weighers, "mask"))}
{indent(load)}
    for j in range({BLOCK_ROWS}):
        x = {estimate}
        score[j] = x if mask_[j] & 2 else -np.inf
    top = float_top(score, score_bits)
    if top == -np.inf:
        return -np.inf, -1
    least = top - slack
    near = 0
    for j in range({BLOCK_ROWS}):
        near += score[j] >= least
    j = 0
    while score[j] < least:
        j += 1
    if near > 1:
{indent(firsts, 2)}
        unlike = 0
        for k in range({BLOCK_ROWS}):
            bits = {unlike.replace("[j]", "[k]")}
            unlike |= bits if score[k] >= least else 0
        if unlike != 0:
            for j in range({BLOCK_ROWS}):
                x = {exact}
                score[j] = x if mask_[j] & 2 else -np.inf
            top = float_top(score, score_bits)
            j = 0
            while score[j] != top:
                j += 1
            return top, start + j
    return {exact}, start + j"""
