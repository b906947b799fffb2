"""The kernel that answers requests from class views and gives instances back.

A view holds for each leaf of 64 hosts which of them pass, and a record: the exact weight of the best under a reference
scale, and each weigher's range; records of 64 leaves are summed up in one of the level above. For a request the leaves
that changed are surveyed anew; the records above give the exact scale. Where that is the reference, the best leaf is
exact; otherwise each leaf is bounded by its best under the reference plus what the drift of the slopes can add over its
range, and only leaves that may hold the best are scored again. Where too many may, the exact scale becomes the
reference, and with it every leaf is surveyed.
"""

from __future__ import annotations

from engine.inventory.journal import FLOOR, GENERATION, POSITION, RING
from engine.inventory.schema import LEAF_ROWS
from engine.inventory.usage import USAGE_COLUMNS
from engine.scheduler.kernel_lines import indent
from engine.scheduler.kernel_parts import Part
from engine.scheduler.kernel_plan import KernelPlan, column_type
from engine.scheduler.leaf_plan import SUPER_LEAVES, LeafPlan

KNOWN_SCALES = 64
"""Scales that views remember by number, so that classes of the same scale share what is known of a leaf."""
_LEAST_OPENED = 4
_OPENED_SHARE = 16
"""The part of all leaves, one of so many, that may be opened before the exact scale becomes the reference."""


_VIEW_PARTS = (
    Part("shapes", "int64", 2),
    Part("options", "float64", 1),
    Part("multipliers", "float64", 1),
    Part("words", "uint64", 2),
    Part("word_of", "int64", 1),
    Part("banned", "uint64", 1),
    Part("seen_at", "int64", 1),
    Part("totals", "int64", 1),
    Part("records", "float64", 3),
    Part("notes", "uint64", 3),
    Part("bests", "float64", 3),
    Part("supers", "float64", 3),
    Part("stale", "uint64", 1),
    Part("scales", "float64", 3),
    Part("scale_numbers", "int64", 1),
    Part("known_scales", "float64", 3),
    Part("known_numbers", "int64", 1),
    Part("memo_keys", "int64", 2),
    Part("memo_records", "float64", 2),
    Part("memo_rows", "uint8", 1),
    Part("listed", "int64", 1),
    Part("touched", "int64", 1),
    Part("found_best", "float64", 1),
    Part("found_row", "int64", 1),
    Part("statistics", "int64", 1),
    Part("leaf_revision", "int64", 1),
    Part("counter", "int64", 1),
    Part("ring", "int32", 1),
    Part("cells", "int32", 1),
    Part("profile", "int32", 1),
)
"""What a view store hands to the kernel, under its own names for them, before the columns."""


def place_parts(plan: KernelPlan) -> tuple[Part, ...]:
    """Return the parts of the kernel that places, the plan's columns at the end."""
    return (*_VIEW_PARTS, *(Part(name, column_type(name), 1) for name in plan.columns))


def place_text(leaf: LeafPlan) -> str:
    """Return the kernel that answers a batch of requests, one instance each, from class views, claiming as it goes."""
    many = len(leaf.plan.weighers)
    part_lines = "\n".join(part.line(number) for number, part in enumerate(place_parts(leaf.plan)))
    usage = ", ".join(USAGE_COLUMNS)
    # classes whose weighers look at what is asked for share nothing of a leaf
    scale_key = "scale_numbers[s] * 1048576 + shape" if leaf.asks_amounts else "scale_numbers[s]"
    survey_arguments = (
        f"class_words, banned, shape, shapes, options, class_scale, {scale_key}, class_records, "
        "class_notes, class_bests, class_supers, leaf_revision, memo_keys, memo_records, memo_rows, stale, statistics, "
        f"{leaf.survey_columns}"
    )
    rescore_arguments = f"shape, shapes, options, scale, class_records, class_notes, {leaf.rescore_columns}"
    bound_above, bound_record = leaf.bound_text("above"), leaf.bound_text("record")
    return f"""@inlined
def fit_scale(low, high, multipliers, scale):
    for w in range({many}):
        span = high[w] - low[w]
        scale[0, w] = low[w]
        scale[1, w] = span if span != 0.0 else 1.0
        scale[2, w] = multipliers[w] if span != 0.0 else 0.0
        scale[3, w] = scale[2, w] / scale[1, w]


@inlined
def rounding(scale, low, high):
    # of exact weights under a scale, of values in a range
    total = 0.0
    for w in range({many}):
        total += abs(scale[3, w]) * (max(abs(low[w]), abs(high[w])) + abs(scale[0, w])) + abs(scale[2, w])
    return total * 2.0 ** -46


@inlined
def scale_number(scale, known, numbers):
    # the number of an equal scale that is known, or the next one
    last = 0
    oldest = 0
    for k in range({KNOWN_SCALES}):
        same = numbers[k] > 0
        for w in range({many}):
            for part in range(3):
                same &= known[k, part, w] == scale[part, w]
        if same:
            return numbers[k]
        last = max(last, numbers[k])
        if numbers[k] < numbers[oldest]:
            oldest = k
    for w in range({many}):
        for part in range(4):
            known[oldest, part, w] = scale[part, w]
    numbers[oldest] = last + 1
    return last + 1


@inlined
def note_change(leaf, counter, ring, leaf_revision):
    position = counter[{POSITION}] + 1
    counter[{POSITION}] = position
    ring[position & {RING - 1}] = leaf
    leaf_revision[leaf] = position


@inlined
def best_leaf(bests, supers):
    # the first of equals
    top = -np.inf
    for above in range(len(supers)):
        top = max(top, supers[above, 0])
    if top == -np.inf:
        return -1
    above = 0
    while supers[above, 0] != top:
        above += 1
    return above * {SUPER_LEAVES} + lowest(bits_of_real(bests[above], top))


@kernel
def place(parts, slots, request_shapes, release_at, release_rows, release_shapes, release_of, without, picks, any_cell, claim,
          rows_out, weights_out, survivors_out, ranges_out):
{indent(part_lines)}
    leaves = len(leaf_revision)
    total = np.empty({leaf.fields}, dtype=np.float64)
    scale = np.empty((4, {many}), dtype=np.float64)
    low = ranges_out[0]
    high = ranges_out[1]
    drift = np.empty({many}, dtype=np.float64)
    allowed = max({_LEAST_OPENED}, leaves // {_OPENED_SHARE})
    following = 0
    for r in range(len(slots) + 1):
        while following < len(release_at) and release_at[following] <= r:
            row = release_rows[following]
            if release_of[following] >= 0:
                row = rows_out[release_of[following], 0]
            if row >= 0:
                counter[{GENERATION}] += 1
                apply_usage(row, -1, shapes[release_shapes[following]], counter[{GENERATION}], {usage})
                note_change(row // {LEAF_ROWS}, counter, ring, leaf_revision)
            following += 1
        if r == len(slots):
            break
        s = slots[r]
        shape = request_shapes[r]
        # the class's part of each array, cut out once a request
        class_words = words[word_of[s]]
        class_records = records[s]
        class_notes = notes[s]
        class_bests = bests[s]
        class_supers = supers[s]
        class_scale = scales[s]
        for k in range(picks):
            rows_out[r, k] = -1
            weights_out[r, k] = 0.0

        position = counter[{POSITION}]
        since = seen_at[s]
        changed = 0
        if since >= counter[{FLOOR}] and position - since <= min({RING}, leaves):
            for p in range(since + 1, position + 1):
                leaf = np.int64(ring[p & {RING - 1}])
                # a leaf that changed again later stands there too
                if leaf_revision[leaf] == p:
                    listed[changed] = leaf
                    changed += 1
        else:
            for leaf in range(leaves):
                if leaf_revision[leaf] > since:
                    listed[changed] = leaf
                    changed += 1
        seen_at[s] = position
        aside = 0
        for w in range(len(without)):
            leaf = without[w] // {LEAF_ROWS}
            if banned[leaf] == 0:
                touched[aside] = leaf
                aside += 1
                if leaf_revision[leaf] <= since:
                    listed[changed] = leaf
                    changed += 1
            banned[leaf] |= np.uint64(1) << np.uint64(without[w] % {LEAF_ROWS})
        if changed > 0:
            totals[s] += survey(listed, np.int64(changed), {survey_arguments})
        survivors = totals[s]
        survivors_out[r] = survivors
        if survivors > 0:
            total[:] = -np.inf
            for above in range(len(class_supers)):
                for f in range({leaf.fields}):
                    total[f] = max(total[f], class_supers[above, f])
{indent(leaf.range_lines("total", "low", "high"), 3)}
            fit_scale(low, high, multipliers, scale)
        same = True
        for w in range({many}):
            for part in range(3):
                same &= scale[part, w] == class_scale[part, w]
        picked = 0
        may_rebase = True
        while picked < picks and survivors > 0:
            top = -np.inf
            top_row = -1
            rebase = False
            if same:
                leaf = best_leaf(class_bests, class_supers)
                if leaf >= 0:
                    top = class_records[leaf, 0]
                    top_row = leaf * {LEAF_ROWS} + np.int64(class_notes[leaf, {leaf.row}])
            elif may_rebase and scale_numbers[s] == 0:
                rebase = True
            else:
                # under the exact scale a host weighs at most what it does under the reference and what the slopes' drift adds
                offset = rounding(scale, low, high) + rounding(class_scale, low, high)
                for w in range({many}):
                    drift[w] = scale[3, w] - class_scale[3, w]
                    offset -= scale[3, w] * scale[0, w] - class_scale[3, w] * class_scale[0, w]
                highest = -np.inf
                likely = -1
                for a in range(len(class_supers)):
                    above = class_supers[a]
                    if above[0] > -np.inf:
                        x = {bound_above}
                        if x > highest or likely < 0:
                            highest = x
                            likely = a
                opened = 0
                if likely >= 0:
                    first = -1
                    for leaf in range(likely * {SUPER_LEAVES}, min(leaves, (likely + 1) * {SUPER_LEAVES})):
                        record = class_records[leaf]
                        if record[0] > -np.inf:
                            x = {bound_record}
                            if x > highest or first < 0:
                                highest = x
                                first = leaf
                    listed[0] = first
                    rescore(listed, np.int64(1), found_best, found_row, {rescore_arguments})
                    top = found_best[0]
                    top_row = first * {LEAF_ROWS} + found_row[0]
                    for a in range(len(class_supers)):
                        above = class_supers[a]
                        if above[0] == -np.inf or {bound_above} + offset < top:
                            continue
                        for leaf in range(a * {SUPER_LEAVES}, min(leaves, (a + 1) * {SUPER_LEAVES})):
                            record = class_records[leaf]
                            if leaf == first or record[0] == -np.inf or {bound_record} + offset < top:
                                continue
                            listed[opened] = leaf
                            opened += 1
                        if may_rebase and opened > allowed:
                            rebase = True
                            break
                if not rebase:
                    statistics[1] += opened + (likely >= 0)
                    rescore(listed, np.int64(opened), found_best, found_row, {rescore_arguments})
                    for k in range(opened):
                        row = listed[k] * {LEAF_ROWS} + found_row[k]
                        if found_best[k] > top or (found_best[k] == top and row < top_row):
                            top = found_best[k]
                            top_row = row
            may_rebase = False
            if rebase:
                statistics[2] += 1
                for w in range({many}):
                    for part in range(4):
                        class_scale[part, w] = scale[part, w]
                scale_numbers[s] = scale_number(scale, known_scales, known_numbers)
                changed = 0
                for leaf in range(leaves):
                    if class_notes[leaf, {leaf.bits}] != 0:
                        listed[changed] = leaf
                        changed += 1
                totals[s] += survey(listed, np.int64(changed), {survey_arguments})
                same = True
                continue
            if top_row < 0:
                break
            # alternates are of the chosen host's cell
            if picked == 0 or any_cell or cells[profile[top_row]] == cells[profile[rows_out[r, 0]]]:
                rows_out[r, picked] = top_row
                # a lone host is not weighed
                weights_out[r, picked] = top if survivors > 1 else 0.0
                picked += 1
            if picked < picks:
                # set aside, so that the next is the best of the others under the same scale
                leaf = top_row // {LEAF_ROWS}
                if banned[leaf] == 0:
                    touched[aside] = leaf
                    aside += 1
                bit = np.uint64(1) << np.uint64(top_row % {LEAF_ROWS})
                banned[leaf] |= bit
                class_notes[leaf, {leaf.bits}] &= ~bit
                totals[s] -= 1
                listed[0] = leaf
                rescore(listed, np.int64(1), found_best, found_row, {rescore_arguments.replace("scale, class_records", "class_scale, class_records")})
                class_records[leaf, 0] = found_best[0]
                class_notes[leaf, {leaf.row}] = np.uint64(found_row[0])
                class_bests[leaf // {SUPER_LEAVES}, leaf % {SUPER_LEAVES}] = found_best[0]
                class_supers[leaf // {SUPER_LEAVES}, 0] = most_real(class_bests[leaf // {SUPER_LEAVES}], ALL_BITS)
        if aside > 0:
            for k in range(aside):
                banned[touched[k]] = 0
            totals[s] += survey(touched, np.int64(aside), {survey_arguments})
        if claim and rows_out[r, 0] >= 0:
            row = rows_out[r, 0]
            counter[{GENERATION}] += 1
            apply_usage(row, 1, shapes[shape], counter[{GENERATION}], {usage})
            note_change(row // {LEAF_ROWS}, counter, ring, leaf_revision)"""  # noqa: E501  (lines of the generated text)
