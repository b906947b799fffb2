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
from engine.scheduler.kernel_lines import call_text, column_parameters, indent, scalar_lines, slice_lines
from engine.scheduler.kernel_many_steps import own_columns, steps_text
from engine.scheduler.kernel_plan import KernelPlan

_BUILDS = "num_io_ops"
"""The column that counts a build on a host that an instance of the same request was given."""


def many_text(plan: KernelPlan, names: Sequence[str]) -> str:
    """Return the kernel ``place_many`` and its helpers; ``names`` are the helpers of the plan's weighers."""
    return f"{steps_text(plan, names)}\n\n{_place_text(plan)}"


def _place_text(plan: KernelPlan) -> str:
    many = len(plan.weighers)
    columns = column_parameters(plan)
    request = "shape, shapes, options"
    scratch = "\n".join(f"{name}_own = np.empty(instances, dtype={name}.dtype)" for name in plan.columns)
    taken = "\n".join(f"{name}_own[t] = {name}[row]" for name in plan.columns)
    usage = ", ".join(f"{name}_own" for name in USAGE_COLUMNS)
    own = own_columns(plan, "_own")
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
