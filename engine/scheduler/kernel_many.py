"""The kernel that chooses hosts for all instances of one request, at the cost of what each choice changes.

nova filters and weighs every host again before each instance, and its sorts are stable: equals keep the order of the
step before. Only the host just chosen has other values then, so the hosts are of two kinds. The *touched* ones, at most
one an instance, are copied out of the table and weighed at every step. All others keep their values for the whole
request; of each block of them a *leader* is known, the first of those that share the best values, and an upper bound of
the rest under a linear estimate. A range that moves shifts the bounds by the drift of the slopes, and only the blocks
that the shifted bound leaves in the running are looked at again.

The order of equals follows from the weights of earlier steps: of two hosts the one that weighed more at the last step
at which they differed comes first, and before any step the lower row. A stretch of steps with the same normalisation is
an *epoch*; its scale is kept, and so is each touched host's past, so two equals are told apart without any sort.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.inventory.schema import BLOCK_ROWS
from engine.inventory.usage import USAGE_COLUMNS
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

_BUILDS = "num_io_ops"
"""The column that counts a build on a host that an instance of the same request was given."""


def many_text(plan: KernelPlan, names: Sequence[str]) -> str:
    """Return the kernel ``place_many`` and its helpers; ``names`` are the helpers of the plan's weighers."""
    parts = [
        _scale_text(len(plan.weighers)),
        _values_text(plan, names),
        _passes_text(plan),
        _order_text(len(plan.weighers)),
        _range_text(plan, names),
        _open_text(plan, names),
        _refresh_text(len(plan.weighers)),
        _LEAD_TEXT,
        _place_text(plan),
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


def _own_columns(plan: KernelPlan, suffix: str) -> str:
    return ", ".join(f"{name}{suffix}" for name in plan.columns)


def _values_text(plan: KernelPlan, names: Sequence[str]) -> str:
    """Return the helper that notes every weigher's value of one row of the columns it is given."""
    lines = [
        f"@inlined\ndef many_values(j, values, at, shape, shapes, options, {_own_columns(plan, '_')}):",
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
        f"@inlined\ndef many_passes(j, again, shape, shapes, options, {_own_columns(plan, '_')}):",
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


def _place_text(plan: KernelPlan) -> str:
    many = len(plan.weighers)
    columns = column_parameters(plan)
    request = "shape, shapes, options"
    scratch = "\n".join(f"{name}_own = np.empty(instances, dtype={name}.dtype)" for name in plan.columns)
    taken = "\n".join(f"{name}_own[t] = {name}[row]" for name in plan.columns)
    usage = ", ".join(f"{name}_own" for name in USAGE_COLUMNS)
    own = _own_columns(plan, "_own")
    count_build = f"{_BUILDS}_own[t] += 1" if _BUILDS in plan.columns else "pass"
    filters = "\n".join(
        f"""if enabled[{index}]:
    for j in range({BLOCK_ROWS}):
        ok_[j] &= {call_text(plugin, f"filter_{index}")}"""
        for index, plugin in enumerate(plan.filters)
    )
    fixed = {k: repr(weigher.minval) for k, weigher in enumerate(plan.weighers) if weigher.minval is not None}
    fix_low = "\n".join(f"least[{k}] = {value}" for k, value in fixed.items()) or "pass"
    past = "epoch, starts, scales, values, since, previous"
    open_block = f"""many_open(b, ok, score, score_bits, epoch, slack, starts, scales, values, since, previous, leader,
                                      lead_row, lead_values, lead_slopes, rest, rest_slack, {request}, {columns})"""

    return f"""@inlined
def many_estimate(lead_values, b, scales, epoch):
    return {" + ".join(f"scales[epoch, 3, {k}] * lead_values[{k}, b]" for k in range(many)) or "0.0"}


@kernel
def place_many(mask, shape, shapes, options, enabled, again, multipliers, instances, limited, most_members, sticks,
               member_rows, member_counts, counts_member, cells, profile, rows_out, weights_out,
               spare, spare_rows, spare_weights, {columns}):
    blocks = len(mask) // {BLOCK_ROWS}
    ok = np.empty(len(mask), dtype=np.uint8)
    score = np.empty({BLOCK_ROWS}, dtype=np.float64)
    score_bits = score.view(np.int64)
    count = np.zeros(blocks, dtype=np.int64)
    low = np.empty(({many}, blocks), dtype=np.float64)
    high = np.empty(({many}, blocks), dtype=np.float64)
    lead_row = np.full(blocks, -1, dtype=np.int64)
    lead_values = np.empty(({many}, blocks), dtype=np.float64)
    lead_slopes = np.empty(({many}, blocks), dtype=np.float64)
    rest = np.empty(blocks, dtype=np.float64)
    rest_slack = np.zeros(blocks, dtype=np.float64)
    estimate = np.empty(blocks, dtype=np.float64)
    bound = np.empty(blocks, dtype=np.float64)
    estimate_bits = estimate.view(np.int64)
    bound_bits = bound.view(np.int64)
    kept = np.zeros(1, dtype=np.float64)
    ceiling = -np.inf
    # the past of the touched hosts, two entries for the first time one is chosen and one for each time after
    leader = 2 * instances
    values = np.zeros((leader + 2, {many}), dtype=np.float64)
    since = np.zeros(leader + 2, dtype=np.int64)
    previous = np.full(leader + 2, -1, dtype=np.int64)
    entries = 0
    starts = np.zeros(instances + 1, dtype=np.int64)
    scales = np.zeros((instances + 1, 4, {many}), dtype=np.float64)
    epoch = -1
    own_row = np.empty(instances, dtype=np.int64)
    own_entry = np.empty(instances, dtype=np.int64)
    own_weight = np.empty(instances, dtype=np.float64)
    own_members = np.zeros(instances, dtype=np.int64)
    runs = np.zeros(instances, dtype=np.bool_)
    takes = np.zeros(instances, dtype=np.bool_)
    touched = 0
{indent(scratch)}
    least = np.empty({many}, dtype=np.float64)
    most = np.empty({many}, dtype=np.float64)
    idle_low = np.full({many}, np.inf)
    idle_high = np.full({many}, -np.inf)
    scale = np.zeros((4, {many}), dtype=np.float64)
{indent(scalar_lines(plan))}
    idle = 0
    for b in range(blocks):
        start = b * {BLOCK_ROWS}
{indent(slice_lines(plan.filters, "ok", "mask"), 2)}
        for j in range({BLOCK_ROWS}):
            ok_[j] = mask_[j] & 1
{indent(filters or "pass", 2)}
        many_range(b, ok, score, score_bits, count, low, high, {request}, {columns})
        idle += count[b]
        for k in range({many}):
            idle_low[k] = min(idle_low[k], low[k, b])
            idle_high[k] = max(idle_high[k], high[k, b])
    slack = 0.0
    stale = True
    top_bound = np.inf
    bound_slopes = np.zeros({many}, dtype=np.float64)
    last = -1
    running = idle
    step = 0
    spares = False
    wanted = np.zeros(len(spare_rows), dtype=np.int64)
    short = -1
    while True:
        # nova weighs once more for alternates only where there was more than one instance to place
        spares = step == instances == 1 or spares
        if not spares:
            running = idle
            for k in range({many}):
                least[k] = idle_low[k]
                most[k] = idle_high[k]
            for t in range(touched):
                if runs[t]:
                    running += 1
                    for k in range({many}):
                        x = values[own_entry[t], k]
                        least[k] = min(least[k], x)
                        most[k] = max(most[k], x)
            if running == 0:
                break
{indent(fix_low, 3)}
            reach = many_scale(least, most, multipliers, scale)
            moved = epoch < 0
            if not moved:
                for part in range(3):
                    for k in range({many}):
                        moved |= scale[part, k] != scales[epoch, part, k]
            if moved:
                epoch += 1
                starts[epoch] = step
                scales[epoch] = scale
                slack = reach
                stale = True
                for t in range(touched):
                    if runs[t]:
                        own_weight[t] = many_weight(values, own_entry[t], scales, epoch)
            elif last >= 0:
                own_weight[last] = many_weight(values, own_entry[last], scales, epoch)
            spares = step == instances
        if spares and short < 0:
            short = 0
            for t in range(touched if spare > 0 else 0):
                cell = cells[profile[own_row[t]]]
                if wanted[cell] == 0:
                    wanted[cell] = spare
                    short += 1
        if short == 0:
            break
        best = -1
        for t in range(0 if spares else touched):
            if runs[t] and takes[t] and (
                best < 0
                or own_weight[t] > own_weight[best]
                or (
                    own_weight[t] == own_weight[best]
                    and many_before(own_entry[t], own_row[t], own_entry[best], own_row[best], {past})
                )
            ):
                best = t
        b = -1
        floor = -np.inf
        if best >= 0:
            floor = 0.0
            for k in range({many}):
                floor += scale[3, k] * values[own_entry[best], k]
        if idle > 0:
            far = False
            if stale and best >= 0 and top_bound < np.inf:
                # no idle host comes near the best touched one, so nothing has to be known of them at this step
                x = top_bound
                for k in range({many}):
                    drift = scale[3, k] - bound_slopes[k]
                    x += max(drift * idle_low[k], drift * idle_high[k])
                far = x + 2.0 * slack < floor
            if not far:
                is_fresh = stale
                if stale:
                    many_refresh(epoch, slack, scales, count, low, high, lead_row, lead_values, lead_slopes,
                                 rest, rest_slack, estimate, bound)
                    stale = False
                    ceiling = many_top(bound_bits, kept)
                top = many_top(estimate_bits, kept)
                floor = max(floor, top)
                if ceiling > -np.inf and ceiling >= floor - slack:
                    ceiling = many_top(bound_bits, kept)
                    # the block of the greatest bound first, for the others are then likely to be left out
                    likely = 0
                    while bound[likely] < ceiling:
                        likely += 1
                    for turn in range(blocks + 1):
                        b = likely if turn == 0 else turn - 1
                        if bound[b] > -np.inf and bound[b] >= floor - slack:
                            {open_block}
                            estimate[b] = many_estimate(lead_values, b, scales, epoch)
                            bound[b] = -np.inf
                            floor = max(floor, estimate[b])
                            top = max(top, estimate[b])
                    ceiling = many_top(bound_bits, kept)
                b = -1
                if top > -np.inf:
                    b = many_lead(top, slack, epoch, starts, scales, values, since, previous, leader,
                                  lead_row, lead_values, estimate)
                if is_fresh:
                    # hosts only leave, so this holds until the next time
                    top_bound = max(top, ceiling) + slack
                    bound_slopes[:] = scale[3]
        if spares:
            if b < 0:
                break
            row = lead_row[b]
            cell = cells[profile[row]]
            if wanted[cell] > 0:
                at = spare - wanted[cell]
                spare_rows[cell, at] = row
                spare_weights[cell, at] = many_weight(values, leader, scales, epoch) if running > 1 else 0.0
                wanted[cell] -= 1
                short -= wanted[cell] == 0
                ok[row] = 0
                count[b] -= 1
            else:
                # no other row of a cell that has enough will be wanted either
                for row in range(b * {BLOCK_ROWS}, (b + 1) * {BLOCK_ROWS}):
                    if ok[row] != 0 and wanted[cells[profile[row]]] == 0:
                        ok[row] = 0
                        count[b] -= 1
            lead_row[b] = -1
            estimate[b] = -np.inf
            bound[b] = np.inf if count[b] > 0 else -np.inf
            ceiling = np.inf
            continue
        t = best
        if b >= 0:
            weight = many_weight(values, leader, scales, epoch)
            if best < 0 or weight > own_weight[best] or (
                weight == own_weight[best]
                and many_before(leader, lead_row[b], own_entry[best], own_row[best], {past})
            ):
                t = -1
        elif best < 0:
            break
        if t < 0:
            row = lead_row[b]
            t = touched
            touched += 1
            own_row[t] = row
            own_weight[t] = weight
            many_copy(values, leader, entries)
            own_entry[t] = entries
            entries += 1
            for i in range(len(member_rows)):
                if member_rows[i] == row:
                    own_members[t] = member_counts[i]
{indent(taken, 3)}
            ok[row] = 0
            idle -= 1
            many_range(b, ok, score, score_bits, count, low, high, {request}, {columns})
            for k in range({many}):
                # only where the block had the end of a range and has it no more can the range move
                if values[leader, k] == idle_low[k] and low[k, b] != idle_low[k]:
                    idle_low[k] = np.inf
                    for c in range(blocks):
                        idle_low[k] = min(idle_low[k], low[k, c])
                if values[leader, k] == idle_high[k] and high[k, b] != idle_high[k]:
                    idle_high[k] = -np.inf
                    for c in range(blocks):
                        idle_high[k] = max(idle_high[k], high[k, c])
            lead_row[b] = -1
            estimate[b] = -np.inf
            bound[b] = np.inf if count[b] > 0 else -np.inf
            ceiling = np.inf
        rows_out[step] = own_row[t]
        weights_out[step] = own_weight[t] if running > 1 else 0.0
        last = t
        apply_usage(t, 1, shapes[shape], 0, {usage})
        {count_build}
        many_values(t, values, entries, {request}, {own})
        since[entries] = step + 1
        previous[entries] = own_entry[t]
        own_entry[t] = entries
        entries += 1
        takes[t] = not limited or (
            (requested_vcpu == 0 or vcpu_free_own[t] >= requested_vcpu)
            and (requested_memory_mb == 0 or memory_mb_free_own[t] >= requested_memory_mb)
            and (requested_disk_gb == 0 or disk_gb_free_own[t] >= requested_disk_gb)
        )
        runs[t] = many_passes(t, again, {request}, {own})
        own_members[t] += counts_member[step]
        # the last weighing, for alternates, is as for the last instance, which by then is where it was put
        if most_members > 0 and own_members[t] >= most_members and step < instances - 1:
            runs[t] = False
        if sticks and step == 0:
            idle = 0
            for c in range(blocks):
                count[c] = 0
                estimate[c] = -np.inf
                bound[c] = -np.inf
            for k in range({many}):
                idle_low[k] = np.inf
                idle_high[k] = -np.inf
        step += 1
    return step"""
