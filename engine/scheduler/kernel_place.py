"""The kernels that answer requests from class views and give instances back, and the arithmetic they share."""

from __future__ import annotations

from engine.inventory.schema import BLOCK_ROWS
from engine.inventory.usage import USAGE_COLUMNS
from engine.scheduler.kernel_lines import column_parameters
from engine.scheduler.kernel_plan import KernelPlan


def place_text(plan: KernelPlan) -> str:
    """Return the kernel that answers a batch of requests, one instance each, from class views, claiming as it goes."""
    many = len(plan.weighers)
    columns = column_parameters(plan)
    common = "passes, shape, shapes, options"
    return f"""LEAST = np.int32(-(2**31))
MOST = np.int32(2**31 - 1)
LEAST_BITS = np.int64(-(2**63))
MOST_BITS = np.int64(2**63 - 1)


@inlined
def clamp(value, least):
    return value if value > least else least


@inlined
def ordered(bits):
    # a float's bits as an integer that sorts as the float does; its own inverse
    return bits ^ ((bits >> 63) & MOST_BITS)


@inlined
def float_of(whole, values, bits):
    # bits[0] is the one place where a kernel can look at an integer as a float
    kept = bits[0]
    bits[0] = ordered(whole)
    value = values[0]
    bits[0] = kept
    return value


@inlined
def float_least(values, bits, mask):
    least = MOST_BITS
    for j in range({BLOCK_ROWS}):
        x = ordered(bits[j])
        least = min(least, x if mask[j] != 0 else MOST_BITS)
    return float_of(least, values, bits) if least != MOST_BITS else np.inf


@inlined
def float_most(values, bits, mask):
    most = LEAST_BITS
    for j in range({BLOCK_ROWS}):
        x = ordered(bits[j])
        most = max(most, x if mask[j] != 0 else LEAST_BITS)
    return float_of(most, values, bits) if most != LEAST_BITS else -np.inf


@inlined
def float_top(values, bits):
    most = LEAST_BITS
    for j in range({BLOCK_ROWS}):
        most = max(most, ordered(bits[j]))
    return float_of(most, values, bits)


@inlined
def fit_scale(low, high, multipliers, scale):
    slack = 0.0
    for w in range({many}):
        span = high[w] - low[w]
        scale[0, w] = low[w]
        scale[1, w] = span if span != 0.0 else 1.0
        scale[2, w] = multipliers[w] if span != 0.0 else 0.0
        scale[3, w] = scale[2, w] / scale[1, w]
        slack += abs(scale[3, w]) * max(abs(low[w]), abs(high[w])) + abs(scale[2, w])
    return slack * 2.0 ** -46


@kernel
def place(slots, request_shapes, release_at, release_rows, release_shapes, release_of, picks, claim, shapes, options, multipliers,
          mask, seen, count, low, high, best, best_row, scales, slacks, based,
          cells, profile, block_revision, counter, statistics, rows_out, weights_out, survivors_out, {columns}):
    blocks = len(block_revision)
    ok = np.empty({BLOCK_ROWS}, dtype=np.uint8)
    score = np.empty({BLOCK_ROWS}, dtype=np.float64)
    score_bits = score.view(np.int64)
    dirty = np.empty(blocks, dtype=np.int64)
    bound = np.empty(blocks, dtype=np.float64)
    range_low = np.empty({many}, dtype=np.float64)
    range_high = np.empty({many}, dtype=np.float64)
    scale = np.empty((4, {many}), dtype=np.float64)
    drift = np.empty({many}, dtype=np.float64)
    following = 0
    for r in range(len(slots) + 1):
        while following < len(release_at) and release_at[following] <= r:
            row = release_rows[following]
            if release_of[following] >= 0:
                row = rows_out[release_of[following], 0]
            if row >= 0:
                counter[0] += 1
                apply_usage(row, -1, shapes[release_shapes[following]], counter[0], {", ".join(USAGE_COLUMNS)})
                block_revision[row // {BLOCK_ROWS}] = counter[0]
            following += 1
        if r == len(slots):
            break
        s = slots[r]
        shape = request_shapes[r]
        # the class's part of each array, cut out once a request: once a block it would be 0.2 ns a host
        passes = mask[s]
        counts = count[s]
        lows = low[s]
        highs = high[s]
        bests = best[s]
        best_rows = best_row[s]
        revisions = seen[s]
        changed = 0
        for b in range(blocks):
            if revisions[b] != block_revision[b]:
                dirty[changed] = b
                changed += 1
        for d in range(changed):
            b = dirty[d]
            summarise(b, ok, score, score_bits, {common}, counts, lows, highs, {columns})
            revisions[b] = block_revision[b]
        statistics[0] += changed
        survivors = 0
        for b in range(blocks):
            survivors += counts[b]
        survivors_out[r] = survivors
        for k in range(picks):
            rows_out[r, k] = -1
            weights_out[r, k] = 0.0
        if survivors == 0:
            for d in range(changed):
                bests[dirty[d]] = -np.inf
            continue
        for w in range({many}):
            least = np.inf
            most = -np.inf
            for b in range(blocks):
                least = min(least, lows[w, b])
                most = max(most, highs[w, b])
            range_low[w] = least
            range_high[w] = most
        slack = fit_scale(range_low, range_high, multipliers, scale)
        same = based[s]
        for w in range({many}):
            for part in range(3):
                same &= scale[part, w] == scales[s, part, w]
        rebase = not based[s]
        top = -np.inf
        top_row = -1
        if not rebase and not same:
            # values may since lie far outside the ranges the reference scale was made for, and round by more
            stretched = 0.0
            for w in range({many}):
                stretched += abs(scales[s, 3, w]) * max(abs(range_low[w]), abs(range_high[w])) + abs(scales[s, 2, w])
            slacks[s] = max(slacks[s], stretched * 2.0 ** -46)
        if not rebase:
            for d in range(changed):
                b = dirty[d]
                if counts[b] == 0:
                    bests[b] = -np.inf
                    continue
                bests[b], best_rows[b] = block_best(b, score, score_bits, {common}, scales[s], slacks[s], {columns})
            if not same and picks > 1:
                rebase = True
        if not rebase and not same:
            # A block's best under the new scale is at most its best under the old one plus the drift of the slopes over its range.
            offset = slack + slacks[s]
            for w in range({many}):
                drift[w] = scale[3, w] - scales[s, 3, w]
                offset -= scale[3, w] * scale[0, w] - scales[s, 3, w] * scales[s, 0, w]
            likely = 0
            for b in range(blocks):
                bound[b] = -np.inf
                if counts[b] > 0:
                    x = bests[b] + offset
                    for w in range({many}):
                        x += max(drift[w] * lows[w, b], drift[w] * highs[w, b])
                    bound[b] = x
                    if x > bound[likely] or counts[likely] == 0:
                        likely = b
            top, top_row = block_best(likely, score, score_bits, {common}, scale, slack, {columns})
            opened = 1
            allowed = max(4, blocks // 8)
            for b in range(blocks):
                if b != likely and bound[b] >= top:
                    opened += 1
                    if opened > allowed:
                        rebase = True
                        break
                    x, row = block_best(b, score, score_bits, {common}, scale, slack, {columns})
                    if x > top or (x == top and row < top_row):
                        top = x
                        top_row = row
            statistics[1] += opened
        if rebase:
            statistics[2] += 1
            for b in range(blocks):
                bests[b] = -np.inf
                if counts[b] > 0:
                    bests[b], best_rows[b] = block_best(b, score, score_bits, {common}, scale, slack, {columns})
            scales[s] = scale
            slacks[s] = slack
            based[s] = True
            same = True
        if same:
            k = 0
            while k < picks:
                found = 0
                top = -np.inf
                for b in range(blocks):
                    top = max(top, bests[b])
                if top == -np.inf:
                    break
                while bests[found] != top:
                    found += 1
                top_row = best_rows[found]
                # alternates are of the chosen host's cell
                if k == 0 or cells[profile[top_row]] == cells[profile[rows_out[r, 0]]]:
                    rows_out[r, k] = top_row
                    weights_out[r, k] = top if survivors > 1 else 0.0
                    k += 1
                if picks > 1:
                    passes[top_row] &= 1
                    revisions[found] = -1
                    if k < picks:
                        bests[found], best_rows[found] = block_best(found, score, score_bits, {common}, scale, slack, {columns})
        else:
            rows_out[r, 0] = top_row
            weights_out[r, 0] = top if survivors > 1 else 0.0
        if claim:
            row = rows_out[r, 0]
            counter[0] += 1
            apply_usage(row, 1, shapes[shape], counter[0], {", ".join(USAGE_COLUMNS)})
            block_revision[row // {BLOCK_ROWS}] = counter[0]"""  # noqa: E501  (lines of the generated text)
