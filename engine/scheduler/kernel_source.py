"""Writes the kernels of a chain: plug-in bodies woven into loops over blocks of hosts that the compiler can vectorise.

Three kernels come out. ``place`` answers requests from class views (see views.py), ``weigh`` gives every host's weight for one request, and
``verdicts`` tells which filters reject which host. Inside a block there is one loop per filter and no branch on a host: masks are
combined with ``&``, minima and maxima taken over selected values. A host's exact weight, nova's own arithmetic with its division, is
computed only for hosts whose linear estimate comes within rounding of the best.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from engine.errors import InvalidSettingError
from engine.inventory.schema import BLOCK_ROWS, COLUMN_BY_NAME
from engine.inventory.usage import USAGE_COLUMNS, Amounts, apply_usage
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import Filter, Weigher


@dataclass(frozen=True, slots=True)
class KernelPlan:
    """What a chain's kernels need: its column filters and weighers in order, and what their parameters bind to.

    ``columns`` are the table's columns in the order of the kernels' arguments; ``options`` the options read, in the order of theirs;
    ``view_weighers`` those of the weighers that a class view scores.
    """

    filters: tuple[Filter, ...]
    weighers: tuple[Weigher, ...]
    columns: tuple[str, ...]
    options: tuple[str, ...]
    view_weighers: tuple[Weigher, ...] = ()


def make_plan(filters: Sequence[Filter], weighers: Sequence[Weigher], view_weighers: Sequence[Weigher]) -> KernelPlan:
    """Return the plan for column filters and for weighers; raise InvalidSettingError for a parameter that names nothing."""
    columns: list[str] = []
    options: list[str] = []
    known_options = SchedulerOptions.__slots__
    for plugin in [*filters, *(item for item in weighers if item.kind == "column")]:
        for name in plugin.parameters:
            if name in COLUMN_BY_NAME:
                target = columns
            elif name in known_options:
                target = options
            elif name in Amounts._fields:
                continue
            else:
                raise InvalidSettingError(
                    f"{plugin.name}: parameter {name!r} is no column, no option and no requested amount", plugin=plugin.name, parameter=name
                )
            if name not in target:
                target.append(name)
    return KernelPlan(tuple(filters), tuple(weighers), tuple(dict.fromkeys([*USAGE_COLUMNS, *columns])), tuple(options), tuple(view_weighers))


def kernel_text(plan: KernelPlan) -> str:
    """Return the source of the module that holds the plan's kernels."""
    parts = [_body_text(plugin.body, f"filter_{index}") for index, plugin in enumerate(plan.filters)]
    parts += [_body_text(w.body, f"weigher_{index}") for index, w in enumerate(plan.weighers) if w.kind == "column"]
    parts.append(_body_text(apply_usage, "apply_usage"))
    view_plan = KernelPlan(plan.filters, plan.view_weighers, plan.columns, plan.options)
    numbers = {id(w): index for index, w in enumerate(plan.weighers)}
    view_names = [f"weigher_{numbers[id(w)]}" for w in view_plan.weighers]
    parts += [_summarise(view_plan, view_names), _block_best(view_plan, view_names), _place(view_plan)]
    parts += [_weigh(plan), _verdicts(plan)]
    return "\n\n".join(parts) + "\n"


def _body_text(body: object, name: str) -> str:
    """Return a plug-in's own text without its decorators, docstring and annotations, as a helper of this name."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(body)))  # type: ignore[arg-type]
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    function.name = name
    function.decorator_list = [ast.Name("inlined", ast.Load())]
    function.returns = None
    for argument in function.args.args:
        argument.annotation = None
    if ast.get_docstring(function) is not None:
        function.body = function.body[1:]
    return ast.unparse(ast.fix_missing_locations(tree))


def _scalars(plan: KernelPlan) -> str:
    """Return the lines that load the request's amounts and the options, 32 bits wide so that they compare with columns lane by lane."""
    lines = [f"{name} = np.int32(shapes[shape, {index}])" for index, name in enumerate(Amounts._fields)]
    defaults = {name: getattr(SchedulerOptions(), name) for name in plan.options}
    for index, name in enumerate(plan.options):
        kind = "np.int32" if isinstance(defaults[name], int) else "np.float64"
        lines.append(f"{name} = {kind}(options[{index}])")
    return "\n".join(lines)


def _call(plugin: Filter | Weigher, function: str) -> str:
    """Return a call of a plug-in's helper for row ``j`` of the block."""
    arguments = [f"{name}_[j]" if name in COLUMN_BY_NAME else name for name in plugin.parameters]
    return f"{function}({', '.join(arguments)})"


def _raw(weigher: Weigher, function: str) -> str:
    """Return a weigher's value for one row, clamped from below where it has a minimum, as a float."""
    value = f"np.float64({_call(weigher, function)})"
    return value if weigher.minval is None else f"clamp({value}, {weigher.minval!r})"


def _range(weigher: Weigher, value: str, mask: str, level: int) -> str:
    """Return the lines that leave a block's smallest and largest value of passing hosts in ``least`` and ``most``.

    Both kinds are compared as integers, whole numbers as they are and floats by their bits (see ``ordered`` below): LLVM reduces integers
    in vectors, a minimum over floats only with permissions that would change other arithmetic too.
    """
    if _is_whole(weigher):
        clamped = f"max({value}, np.int32({weigher.minval!r}))" if weigher.minval is not None else value
        return _indent(
            f"""least_whole = MOST
most_whole = LEAST
for j in range({BLOCK_ROWS}):
    x = np.int32({clamped})
    least_whole = min(least_whole, x if {mask}[j] != 0 else MOST)
    most_whole = max(most_whole, x if {mask}[j] != 0 else LEAST)
least = np.float64(least_whole) if most_whole != LEAST else np.inf
most = np.float64(most_whole) if most_whole != LEAST else -np.inf""",
            level,
        )
    clamped = value if weigher.minval is None else f"clamp({value}, {weigher.minval!r})"
    return _indent(
        f"""for j in range({BLOCK_ROWS}):
    score[j] = {clamped}
least, most = float_range(score, score_bits, {mask})""",
        level,
    )


def _is_whole(weigher: Weigher) -> bool:
    """True for a weigher over columns that is declared to return int."""
    return weigher.kind == "column" and inspect.signature(weigher.body).return_annotation in (int, "int")


def _slices(plugins: Sequence[Filter | Weigher], *more: str) -> str:
    """Return the lines that cut the block out of the columns that plug-ins read.

    Slices, not ``column[start + j]``: numba lets indices count from the end, and only for a plain loop variable can LLVM see that none does;
    with the sum it gives up on vector code (16 ns a host instead of 1).
    """
    names = [name for plugin in plugins if plugin.kind == "column" for name in plugin.parameters if name in COLUMN_BY_NAME]
    return "\n".join(f"{name}_ = {name}[start:start + {BLOCK_ROWS}]" for name in dict.fromkeys([*more, *names]))


def _indent(text: str, levels: int = 1) -> str:
    return textwrap.indent(text, "    " * levels)


def _parameters(plan: KernelPlan) -> str:
    return ", ".join(plan.columns)


def _summarise(plan: KernelPlan, names: Sequence[str]) -> str:
    """The helper that filters one block for a class and notes how many hosts pass and each weigher's range over them."""
    lines = [f"""@inlined
def summarise(block, ok, score, score_bits, mask, shape, shapes, options, count, low, high, {_parameters(plan)}):
    start = block * {BLOCK_ROWS}
{_indent(_scalars(plan))}
{_indent(_slices([*plan.filters, *plan.weighers], "mask"))}
    for j in range({BLOCK_ROWS}):
        ok[j] = mask_[j] & 1"""]
    lines += [
        f"    for j in range({BLOCK_ROWS}):\n        ok[j] &= {_call(plugin, f'filter_{index}')}"
        for index, plugin in enumerate(plan.filters)
    ]
    lines.append(f"""    total = np.int32(0)
    for j in range({BLOCK_ROWS}):
        total += ok[j]
    for j in range({BLOCK_ROWS}):
        mask_[j] = (mask_[j] & 1) | (ok[j] << 1)
    count[block] = total""")
    for index, weigher in enumerate(plan.weighers):
        lines.append(f"""{_range(weigher, _call(weigher, names[index]), "ok", 1)}
    low[{index}, block] = {"least" if weigher.minval is None else repr(weigher.minval)}
    high[{index}, block] = most""")
    return "\n".join(lines)


def _block_best(plan: KernelPlan, names: Sequence[str]) -> str:
    """The helper that returns the exact weight and row of a block's best host, the first of equals.

    ``scale`` holds four rows: each weigher's low end, span, multiplier and slope (multiplier / span); ``slack`` bounds the rounding of the
    estimate ``sum(slope * x)`` and of the exact weight together.
    """
    raws = [_raw(weigher, name) for weigher, name in zip(plan.weighers, names, strict=True)]
    numbers = range(len(raws))
    load = "\n".join(f"low_{i} = scale[0, {i}]\nspan_{i} = scale[1, {i}]\nfactor_{i} = scale[2, {i}]\nslope_{i} = scale[3, {i}]" for i in numbers)
    estimate = " + ".join(f"slope_{i} * {raws[i]}" for i in numbers) or "0.0"
    exact = " + ".join(f"factor_{i} * (({raws[i]} - low_{i}) / span_{i})" for i in numbers) or "0.0"
    top = "    top = float_top(score, score_bits, mask_)"
    first = """    j = 0
    while not (mask_[j] & 2 and score[j] == top):
        j += 1"""
    return f"""@inlined
def block_best(block, score, score_bits, mask, shape, shapes, options, scale, slack, {_parameters(plan)}):
    start = block * {BLOCK_ROWS}
{_indent(_scalars(plan))}
{_indent(_slices(plan.weighers, "mask"))}
{_indent(load)}
    for j in range({BLOCK_ROWS}):
        score[j] = {estimate}
{top}
    if top == -np.inf:
        return -np.inf, -1
    near = 0
    for j in range({BLOCK_ROWS}):
        near += (score[j] >= top - slack) & (mask_[j] >> 1)
    if near == 1:
{_indent(first)}
        return {exact}, start + j
    for j in range({BLOCK_ROWS}):
        score[j] = {exact}
{top}
{first}
    return top, start + j"""


def _place(plan: KernelPlan) -> str:
    """The kernel that answers a batch of requests, one instance each, from class views, claiming as it goes."""
    many = len(plan.weighers)
    columns = _parameters(plan)
    common = "mask[s], shape, shapes, options"
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
def float_range(values, bits, mask):
    least = MOST_BITS
    most = LEAST_BITS
    for j in range({BLOCK_ROWS}):
        x = ordered(bits[j])
        least = min(least, x if mask[j] != 0 else MOST_BITS)
        most = max(most, x if mask[j] != 0 else LEAST_BITS)
    if most == LEAST_BITS:
        return np.inf, -np.inf
    bits[0] = ordered(least)
    bits[1] = ordered(most)
    return values[0], values[1]


@inlined
def float_top(values, bits, mask):
    most = LEAST_BITS
    for j in range({BLOCK_ROWS}):
        x = ordered(bits[j])
        most = max(most, x if mask[j] & 2 else LEAST_BITS)
    if most == LEAST_BITS:
        return -np.inf
    kept = bits[0]
    bits[0] = ordered(most)
    top = values[0]
    bits[0] = kept
    return top


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
def place(slots, request_shapes, picks, claim, shapes, options, multipliers,
          mask, seen, count, low, high, best, best_row, scales, slacks, based,
          block_revision, counter, statistics, rows_out, weights_out, survivors_out, {columns}):
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
    for r in range(len(slots)):
        s = slots[r]
        shape = request_shapes[r]
        changed = 0
        for b in range(blocks):
            if seen[s, b] != block_revision[b]:
                dirty[changed] = b
                changed += 1
        for d in range(changed):
            b = dirty[d]
            summarise(b, ok, score, score_bits, {common}, count[s], low[s], high[s], {columns})
            seen[s, b] = block_revision[b]
        statistics[0] += changed
        survivors = 0
        for b in range(blocks):
            survivors += count[s, b]
        survivors_out[r] = survivors
        for k in range(picks):
            rows_out[r, k] = -1
            weights_out[r, k] = 0.0
        if survivors == 0:
            for d in range(changed):
                best[s, dirty[d]] = -np.inf
            continue
        for w in range({many}):
            least = np.inf
            most = -np.inf
            for b in range(blocks):
                least = min(least, low[s, w, b])
                most = max(most, high[s, w, b])
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
        if not rebase:
            for d in range(changed):
                b = dirty[d]
                if count[s, b] == 0:
                    best[s, b] = -np.inf
                    continue
                best[s, b], best_row[s, b] = block_best(b, score, score_bits, {common}, scales[s], slacks[s], {columns})
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
                if count[s, b] > 0:
                    x = best[s, b] + offset
                    for w in range({many}):
                        x += max(drift[w] * low[s, w, b], drift[w] * high[s, w, b])
                    bound[b] = x
                    if x > bound[likely] or count[s, likely] == 0:
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
                best[s, b] = -np.inf
                if count[s, b] > 0:
                    best[s, b], best_row[s, b] = block_best(b, score, score_bits, {common}, scale, slack, {columns})
            scales[s] = scale
            slacks[s] = slack
            based[s] = True
            same = True
        if same:
            for k in range(picks):
                found = 0
                top = -np.inf
                for b in range(blocks):
                    top = max(top, best[s, b])
                if top == -np.inf:
                    break
                while best[s, found] != top:
                    found += 1
                top_row = best_row[s, found]
                rows_out[r, k] = top_row
                weights_out[r, k] = top if survivors > 1 else 0.0
                if picks > 1:
                    mask[s, top_row] &= 1
                    best[s, found], best_row[s, found] = block_best(found, score, score_bits, {common}, scale, slack, {columns})
            if picks > 1:
                for k in range(picks):
                    if rows_out[r, k] >= 0:
                        seen[s, rows_out[r, k] // {BLOCK_ROWS}] = -1
        else:
            rows_out[r, 0] = top_row
            weights_out[r, 0] = top if survivors > 1 else 0.0
        if claim:
            row = rows_out[r, 0]
            counter[0] += 1
            apply_usage(row, 1, shapes[shape], counter[0], {", ".join(USAGE_COLUMNS)})
            block_revision[row // {BLOCK_ROWS}] = counter[0]


@kernel
def release(rows, request_shapes, shapes, block_revision, counter, {", ".join(USAGE_COLUMNS)}):
    for r in range(len(rows)):
        row = rows[r]
        counter[0] += 1
        apply_usage(row, -1, shapes[request_shapes[r]], counter[0], {", ".join(USAGE_COLUMNS)})
        block_revision[row // {BLOCK_ROWS}] = counter[0]"""


def _weigh(plan: KernelPlan) -> str:
    """The kernel that gives every host's weight for one request, sparse plug-ins and per-host multipliers included."""
    many = len(plan.weighers)
    lines = [f"""@kernel
def weigh(mask, shape, shapes, options, enabled, multipliers, overridden, by_membership, membership, extra, weights, ranges,
          {_parameters(plan)}):
    blocks = len(mask) // {BLOCK_ROWS}
    total = 0
    score = np.empty({BLOCK_ROWS}, dtype=np.float64)
    score_bits = score.view(np.int64)
{_indent(_scalars(plan))}
    for w in range({many}):
        ranges[0, w] = np.inf
        ranges[1, w] = -np.inf
    for block in range(blocks):
        start = block * {BLOCK_ROWS}
{_indent(_slices([*plan.filters, *plan.weighers], "mask"), 2)}"""]
    for index, plugin in enumerate(plan.filters):
        lines.append(f"""        if enabled[{index}]:
            for j in range({BLOCK_ROWS}):
                mask_[j] &= {_call(plugin, f"filter_{index}")}""")
    lines.append(f"""        passed = 0
        for j in range({BLOCK_ROWS}):
            passed += mask_[j]
        total += passed""")
    sparse = 0
    raws = []
    values = []
    for index, weigher in enumerate(plan.weighers):
        if weigher.kind == "column":
            raws.append(_raw(weigher, f"weigher_{index}"))
            values.append(_call(weigher, f"weigher_{index}"))
        else:
            raws.append(f"extra_{sparse}[j]")
            values.append(raws[-1])
            lines.append(f"        extra_{sparse} = extra[{sparse}, start:start + {BLOCK_ROWS}]")
            sparse += 1
        lines.append(f"""{_range(weigher, values[-1], "mask_", 2)}
        ranges[0, {index}] = min(ranges[0, {index}], least)
        ranges[1, {index}] = max(ranges[1, {index}], most)""")
    lines += [
        f"    ranges[0, {index}] = {weigher.minval!r}" for index, weigher in enumerate(plan.weighers) if weigher.minval is not None
    ]
    lines.append(f"""    for block in range(blocks):
        start = block * {BLOCK_ROWS}
{_indent(_slices(plan.weighers, "mask", "membership", "weights"), 2)}
{_indent(chr(10).join(f"extra_{k} = extra[{k}, start:start + {BLOCK_ROWS}]" for k in range(sparse)), 2)}
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
                    score[j] += factor * {term}""")
    lines.append(f"""        for j in range({BLOCK_ROWS}):
            weights_[j] = score[j] if mask_[j] else -np.inf
    return total""")
    return "\n".join(lines)


def _verdicts(plan: KernelPlan) -> str:
    """The kernel that sets bit k of a host's verdict where column filter k rejects it."""
    lines = [f"""@kernel
def verdicts(shape, shapes, options, bits, {_parameters(plan)}):
{_indent(_scalars(plan))}
    for start in range(0, len(bits), {BLOCK_ROWS}):
{_indent(_slices(plan.filters, "bits"), 2)}
        for j in range({BLOCK_ROWS}):
            bits_[j] = 0"""]
    lines += [
        f"""        for j in range({BLOCK_ROWS}):
            bits_[j] |= np.uint32(0 if {_call(plugin, f"filter_{index}")} else {1 << index})"""
        for index, plugin in enumerate(plan.filters)
    ]
    return "\n".join(lines)
