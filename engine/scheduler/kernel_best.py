"""The kernels that tell the best of the hosts that passed: their exact weights, and what each weigher says of them."""

from __future__ import annotations

from collections.abc import Sequence

from engine.inventory.schema import BLOCK_ROWS
from engine.scheduler.kernel_lines import call_text, indent, range_lines, raw_text, scalar_lines, slice_lines
from engine.scheduler.kernel_plan import KernelPlan, is_column
from engine.scheduler.registry import Filter, Weigher


def weighed_columns(plan: KernelPlan) -> tuple[str, ...]:
    """Return the columns that ``weigh_best`` and ``raws_of_rows`` take, in the order of their last arguments."""
    return columns_read(plan.weighers)


def columns_read(plugins: Sequence[Filter | Weigher], *more: str) -> tuple[str, ...]:
    """Return what plug-ins read of a host: every array handed to a kernel costs a third of a microsecond."""
    read = (name for item in plugins if item.kind == "column" for name in item.parameters if is_column(name))
    return tuple(dict.fromkeys([*more, *read]))


def weigh_best_text(plan: KernelPlan) -> str:
    """Return the kernel of the weighers: their ranges, and the best survivors by exact weight.

    A block is passed over where no host comes within rounding of the last of the best by a linear estimate of its
    weight, or those that do have the very values that one has. For a block that is not, the values are written down as
    floats, so that what is done with them has to be compiled once, not for each weigher.
    """
    many = len(plan.weighers)
    fill = "\n".join(
        f"for j in range({BLOCK_ROWS}):\n    values[{index}, j] = {raw_text(weigher, f'weigher_{index}')}"
        for index, weigher in enumerate(plan.weighers)
        if weigher.kind == "column"
    )
    ranges = []
    estimates = []
    for index, weigher in enumerate(plan.weighers):
        name = f"weigher_{index}"
        if weigher.kind != "column":
            ranges.append(f"ranges[0, {index}] = 0.0\nranges[1, {index}] = 0.0")
            continue
        ranges.append(f"""{range_lines(weigher, call_text(weigher, name), "mask_", 0)}
ranges[0, {index}] = min(ranges[0, {index}], least)
ranges[1, {index}] = max(ranges[1, {index}], most)""")
        estimates.append(f"""if slopes[{index}] != 0.0:
    slope = slopes[{index}]
    for j in range({BLOCK_ROWS}):
        estimate[j] += slope * {raw_text(weigher, name)}""")
    floors = "\n".join(f"ranges[0, {i}] = {w.minval!r}" for i, w in enumerate(plan.weighers) if w.minval is not None)
    columns = ", ".join(weighed_columns(plan))
    return f"""@inlined
def fill(shapes, options, start, values, {columns}):
    shape = 0
{indent(scalar_lines(plan))}
{indent(slice_lines(plan.weighers))}
{indent(fill or "pass")}


@kernel
def weigh_best(shapes, options, mask, total, multipliers, overridden, by_membership, membership, ranges,
               best_rows, best_weights, best_raws, {columns}):
    shape = 0
{indent(scalar_lines(plan))}
    limit = len(best_rows)
    score = np.empty({BLOCK_ROWS}, dtype=np.float64)
    score_bits = score.view(np.int64)
    for w in range({many}):
        ranges[0, w] = np.inf
        ranges[1, w] = -np.inf
    for start in range(0, len(mask), {BLOCK_ROWS}):
{indent(slice_lines(plan.weighers, "mask"), 2)}
        passed = 0
        for j in range({BLOCK_ROWS}):
            passed += mask_[j]
        if passed != 0:
{indent(chr(10).join(ranges) or "pass", 3)}
{indent(floors)}
    values = np.zeros(({many}, {BLOCK_ROWS}), dtype=np.float64)
    estimate = np.zeros({BLOCK_ROWS}, dtype=np.float64)
    near = np.empty({BLOCK_ROWS}, dtype=np.uint8)
    best_estimates = np.empty(limit, dtype=np.float64)
    slopes = np.zeros({many}, dtype=np.float64)
    last_raws = np.zeros({many}, dtype=np.float64)
    slack = 0.0
    varies = False
    for w in range({many}):
        span = ranges[1, w] - ranges[0, w]
        if total > 1 and span != 0.0:
            varies |= overridden[w]
            slopes[w] = multipliers[w] / span
            slack += abs(slopes[w]) * 2.0 * max(abs(ranges[0, w]), abs(ranges[1, w])) + abs(multipliers[w])
    slack *= 2.0 ** -45
    many = 0
    last = -1
    for start in range(0, len(mask), {BLOCK_ROWS}):
{indent(slice_lines(plan.weighers, "mask", "membership"), 2)}
        passed = 0
        for j in range({BLOCK_ROWS}):
            passed += mask_[j]
        if passed == 0:
            continue
        filled = False
        if not varies:
            for j in range({BLOCK_ROWS}):
                estimate[j] = 0.0
{indent(chr(10).join(estimates), 3)}
            if many == limit:
                bound = best_estimates[limit - 1] - slack
                close = 0
                for j in range({BLOCK_ROWS}):
                    near[j] = mask_[j] & (estimate[j] >= bound)
                for j in range({BLOCK_ROWS}):
                    close += near[j]
                if close == 0:
                    continue
                if last != best_rows[limit - 1]:
                    last = best_rows[limit - 1]
                    raws_of(shapes, options, last, last_raws, {columns})
                fill(shapes, options, start, values, {columns})
                filled = True
                unlike = 0
                for w in range({many}):
                    if slopes[w] != 0.0 and unlike == 0:
                        known = last_raws[w]
                        value = values[w]
                        for j in range({BLOCK_ROWS}):
                            unlike += near[j] & (value[j] != known)
                if unlike == 0:
                    continue
        for j in range({BLOCK_ROWS}):
            score[j] = 0.0
        if total > 1:
            if not filled:
                fill(shapes, options, start, values, {columns})
            for w in range({many}):
                least = ranges[0, w]
                span = ranges[1, w] - least
                if span == 0.0:
                    continue
                value = values[w]
                if overridden[w]:
                    factors = by_membership[w]
                    for j in range({BLOCK_ROWS}):
                        score[j] += factors[membership_[j]] * ((value[j] - least) / span)
                else:
                    factor = multipliers[w]
                    for j in range({BLOCK_ROWS}):
                        score[j] += factor * ((value[j] - least) / span)
        many = note_best(start, many, mask_, score, estimate, best_rows, best_weights, best_estimates)
    for index in range(many):
        raws_of(shapes, options, best_rows[index], best_raws[index], {columns})
    return many"""


def raws_text(plan: KernelPlan) -> str:
    """Return the helper that tells a row's value by each weigher over columns, 0 by the others."""
    columns = ", ".join(weighed_columns(plan))
    values = "\n".join(
        f"raws[{index}] = {raw_text(weigher, f'weigher_{index}')}"
        for index, weigher in enumerate(plan.weighers)
        if weigher.kind == "column"
    )
    return f"""@inlined
def raws_of(shapes, options, start, raws, {columns}):
    shape = 0
{indent(scalar_lines(plan))}
{indent(slice_lines(plan.weighers))}
    for j in range(1):
{indent(values or "pass", 2)}


@kernel
def raws_of_rows(shapes, options, rows, raws, {columns}):
    for index in range(len(rows)):
        raws_of(shapes, options, rows[index], raws[index], {columns})"""
