"""What the kernel that chooses hosts for all instances of one request needs at each step (see kernel_many).

Scales and the order of two hosts under them, a host's values, and what is known of a block of hosts that the request
has not touched: its ranges, its leader, and the bound of the rest.
"""

from __future__ import annotations

from collections.abc import Sequence

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


def steps_text(plan: KernelPlan, names: Sequence[str]) -> str:
    """Return the helpers of the kernel ``place_many``; ``names`` are those of the plan's weighers."""
    parts = [
        _scale_text(len(plan.weighers)),
        _values_text(plan, names),
        _passes_text(plan),
        _order_text(len(plan.weighers)),
        _range_text(plan, names),
        _open_text(plan, names),
        _refresh_text(len(plan.weighers)),
        _LEAD_TEXT,
    ]
    return "\n\n".join(parts)


def _scale_text(many: int) -> str:
    """Return the helpers that make a scale of ranges, and find the greatest of a block's estimates.

    A scale holds each weigher's low end, span, multiplier and slope (multiplier / span). What comes back bounds the
    rounding of an estimate ``sum(slope * value)`` and of an exact weight together.
    """
    return f"""@inlined
def many_scale(low, high, multipliers, scale):
    slack = 0.0
    for w in range({many}):
        span = high[w] - low[w]
        scale[0, w] = low[w]
        scale[1, w] = span if span != 0.0 else 1.0
        scale[2, w] = multipliers[w] if span != 0.0 else 0.0
        scale[3, w] = scale[2, w] / scale[1, w]
        slack += abs(scale[3, w]) * (max(abs(low[w]), abs(high[w])) + abs(low[w])) + abs(scale[2, w])
    return slack * 2.0 ** -46


@inlined
def float_top(values, bits):
    most = LEAST_BITS
    for j in range({BLOCK_ROWS}):
        most = max(most, ordered(bits[j]))
    return float_of(most, values, bits)"""


def own_columns(plan: KernelPlan, suffix: str) -> str:
    """Return the plan's columns as a kernel's own copies or parts of them, told apart by a suffix."""
    return ", ".join(f"{name}{suffix}" for name in plan.columns)


def _values_text(plan: KernelPlan, names: Sequence[str]) -> str:
    """Return the helper that notes every weigher's value of one row of the columns it is given."""
    lines = [
        f"@inlined\ndef many_values(j, values, at, shape, shapes, options, {own_columns(plan, '_')}):",
        indent(scalar_lines(plan)),
    ]
    lines += [
        f"    values[at, {index}] = {raw_text(weigher, name)}"
        for index, (weigher, name) in enumerate(zip(plan.weighers, names, strict=True))
    ]
    return "\n".join([*lines, "    return"])


def _passes_text(plan: KernelPlan) -> str:
    """Return the helper that asks the filters which run before every instance about one row of the columns given."""
    lines = [
        f"@inlined\ndef many_passes(j, again, shape, shapes, options, {own_columns(plan, '_')}):",
        indent(scalar_lines(plan)),
    ]
    lines += [
        f"    if again[{index}] and not ({call_text(plugin, f'filter_{index}')}):\n        return False"
        for index, plugin in enumerate(plan.filters)
    ]
    return "\n".join([*lines, "    return True"])


def _order_text(many: int) -> str:
    """Return the helpers of exact weights and of the order of two equals."""
    exact = (
        " + ".join(
            f"scales[epoch, 2, {k}] * ((values[at, {k}] - scales[epoch, 0, {k}]) / scales[epoch, 1, {k}])"
            for k in range(many)
        )
        or "0.0"
    )
    alike = " and ".join(f"values[one, {k}] == values[other, {k}]" for k in range(many)) or "True"
    copies = "\n".join(f"values[target, {k}] = values[source, {k}]" for k in range(many)) or "pass"
    return f"""@inlined
def many_weight(values, at, scales, epoch):
    return {exact}


@inlined
def many_alike(values, one, other):
    return {alike}


@inlined
def many_copy(values, source, target):
{indent(copies)}
    return


@inlined
def many_before(one, one_row, other, other_row, epoch, starts, scales, values, since, previous):
    # equals at the present step: which came first at the last step at which they were none
    if since[one] == 0 and since[other] == 0 and many_alike(values, one, other):
        return one_row < other_row
    while True:
        step = max(starts[epoch], since[one], since[other]) - 1
        if step < 0:
            return one_row < other_row
        if starts[epoch] > step:
            epoch -= 1
        if since[one] > step:
            one = previous[one]
        if since[other] > step:
            other = previous[other]
        left = many_weight(values, one, scales, epoch)
        right = many_weight(values, other, scales, epoch)
        if left != right:
            return left > right"""


def _range_text(plan: KernelPlan, names: Sequence[str]) -> str:
    """Return the helper that notes how many rows of a block are in the running, and each weigher's range over them."""
    lines = [
        f"""@inlined
def many_range(block, ok, score, score_bits, count, low, high, shape, shapes, options, {column_parameters(plan)}):
    start = block * {BLOCK_ROWS}
{indent(scalar_lines(plan))}
{indent(slice_lines(plan.weighers, "ok"))}
    total = np.int64(0)
    for j in range({BLOCK_ROWS}):
        total += ok_[j]
    count[block] = total"""
    ]
    for index, weigher in enumerate(plan.weighers):
        lines.append(f"""{range_lines(weigher, call_text(weigher, names[index]), "ok_", 1)}
    low[{index}, block] = least
    high[{index}, block] = most""")
    return "\n".join([*lines, "    return"])


def _open_text(plan: KernelPlan, names: Sequence[str]) -> str:
    """Return the helper that finds a block's leader under the present scale, and bounds the rows unlike it.

    Two rows of ``values`` beyond those of the touched hosts hold the leader and whoever may come before it.
    """
    raws = [raw_text(weigher, name) for weigher, name in zip(plan.weighers, names, strict=True)]
    numbers = range(len(raws))
    load = "\n".join(f"slope_{k} = scales[epoch, 3, {k}]" for k in numbers)
    estimate = " + ".join(f"slope_{k} * {raw}" for k, raw in enumerate(raws)) or "0.0"
    unlike = " | ".join(["0", *(f"({raw} != first_{k})" for k, raw in enumerate(raws))])
    of_leader = "\n".join(f"first_{k} = values[leader, {k}]" for k in numbers)
    note = "\n".join(
        f"lead_values[{k}, block] = values[leader, {k}]\nlead_slopes[{k}, block] = slope_{k}" for k in numbers
    )

    def values_of(row: str, at: str) -> str:
        return "\n".join(f"values[{at}, {k}] = {raw.replace('[j]', f'[{row}]')}" for k, raw in enumerate(raws))

    return f"""@inlined
def many_open(block, ok, score, score_bits, epoch, slack, starts, scales, values, since, previous, leader,
              lead_row, lead_values, lead_slopes, rest, rest_slack, shape, shapes, options, {column_parameters(plan)}):
    start = block * {BLOCK_ROWS}
{indent(scalar_lines(plan))}
{indent(slice_lines(plan.weighers, "ok"))}
{indent(load)}
    for j in range({BLOCK_ROWS}):
        x = {estimate}
        score[j] = x if ok_[j] != 0 else -np.inf
    top = float_top(score, score_bits)
    least = top - slack
    lead = 0
    while score[lead] < least:
        lead += 1
{indent(values_of("lead", "leader"))}
{indent(of_leader)}
    differs = 0
    for j in range({BLOCK_ROWS}):
        bits = {unlike}
        differs |= bits if score[j] >= least else 0
    if differs != 0:
        challenger = leader + 1
        weight = many_weight(values, leader, scales, epoch)
        for j in range(lead + 1, {BLOCK_ROWS}):
            if score[j] >= least:
{indent(values_of("j", "challenger"), 4)}
                if not many_alike(values, leader, challenger):
                    x = many_weight(values, challenger, scales, epoch)
                    if x > weight or (x == weight and many_before(
                            challenger, start + j, leader, start + lead,
                            epoch, starts, scales, values, since, previous)):
                        weight = x
                        lead = j
                        many_copy(values, challenger, leader)
{indent(of_leader)}
    for j in range({BLOCK_ROWS}):
        bits = {unlike}
        score[j] = score[j] if bits != 0 else -np.inf
    rest[block] = float_top(score, score_bits)
    rest_slack[block] = slack
    lead_row[block] = start + lead
{indent(note)}
    return top"""


def _refresh_text(many: int) -> str:
    """Return the helper that shifts every block's estimates to the present scale."""
    load = "\n".join(f"slope_{k} = scales[epoch, 3, {k}]" for k in range(many)) or "pass"
    estimate = " + ".join(f"slope_{k} * lead_values[{k}, b]" for k in range(many)) or "0.0"
    drifts = "\n".join(
        f"drift = slope_{k} - lead_slopes[{k}, b]\nx += max(drift * low[{k}, b], drift * high[{k}, b])"
        for k in range(many)
    )
    return f"""@inlined
def many_refresh(epoch, slack, scales, count, low, high, lead_row, lead_values, lead_slopes, rest, rest_slack,
                 estimate, bound):
{indent(load)}
    for b in range(len(count)):
        estimate[b] = -np.inf
        bound[b] = -np.inf
        if count[b] > 0:
            if lead_row[b] < 0:
                bound[b] = np.inf
            else:
                estimate[b] = {estimate}
                x = rest[b]
                if x > -np.inf:
{indent(drifts or "pass", 5)}
                    bound[b] = x + slack + rest_slack[b]
    return"""


_LEAD_TEXT = """@inlined
def many_top(bits, kept):
    # the greatest of some floats by their bits, a loop that the compiler makes vectors of; ``kept`` turns it back
    most = LEAST_BITS
    for b in range(len(bits)):
        most = max(most, ordered(bits[b]))
    return float_of(most, kept, kept.view(np.int64))


@inlined
def many_lead(top, slack, epoch, starts, scales, values, since, previous, leader, lead_row, lead_values, estimate):
    # the block whose leader comes first of all, its values at ``leader``; ``top`` is the greatest estimate
    found = -1
    weight = 0.0
    challenger = leader + 1
    many = len(lead_values)
    for b in range(len(estimate)):
        if estimate[b] >= top - slack:
            if found >= 0:
                alike = True
                for k in range(many):
                    alike &= lead_values[k, b] == values[leader, k]
                if alike:
                    continue
            for k in range(many):
                values[challenger, k] = lead_values[k, b]
            x = many_weight(values, challenger, scales, epoch)
            if found < 0 or x > weight or (x == weight and many_before(
                    challenger, lead_row[b], leader, lead_row[found],
                    epoch, starts, scales, values, since, previous)):
                found = b
                weight = x
                many_copy(values, challenger, leader)
    return found"""
