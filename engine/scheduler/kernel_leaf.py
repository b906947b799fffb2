"""The two kernels of a class view's leaves: what passes of a leaf and its best host, and its best under another scale.

A *scale* holds four rows of a number a weigher: the low end, the span, the multiplier and the slope (multiplier /
span), and with them a host's weight is the sum of ``multiplier * ((value - low) / span)``. A leaf's best host is found
by the linear estimate ``sum(slope * value)``; the exact weight, nova's own arithmetic with its division, is computed
only for hosts whose estimate comes within rounding of the best one.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Sequence

import numpy as np

from engine.inventory.schema import COLUMN_BY_NAME, LEAF_ROWS
from engine.scheduler.kernel_lines import call_text, indent, is_whole, scalar_lines
from engine.scheduler.leaf_plan import MEMO_WAYS, SUPER_LEAVES, LeafPlan, columns_read
from engine.scheduler.registry import Filter, Weigher

_AHEAD = 6
"""Leaves whose records are fetched ahead of the one that is looked at: they are spread over memory."""
_MANY_NEAR = 8
"""From this many hosts near the best on, dividing for all 64 at once is cheaper than one by one."""


def survey_text(leaf: LeafPlan) -> str:
    """Return the kernel that finds what passes of some leaves, their ranges, and the best under the class's scale."""
    plan, fields = leaf.plan, leaf.fields
    filters = "\n".join(
        f"for j in range({LEAF_ROWS}):\n    ok[j] = {call_text(plugin, f'filter_{index}')}\nbits &= bits_of(ok)"
        for index, plugin in enumerate(plan.filters)
    )
    weighers = range(len(plan.weighers))
    terms = " + ".join(f"slope_{index} * x_{index}" for index in weighers) or "0.0"
    parameters = ", ".join([*(f"slope_{index}" for index in weighers), *(f"x_{index}" for index in weighers)])
    return f"""ALL_BITS = np.uint64(0xFFFFFFFFFFFFFFFF)


@estimating
def estimate({parameters}):
    return {terms}


@inlined
def survey(leaves, many, words, banned, shape, shapes, options, scale, scale_key, records, notes, bests, supers, leaf_revision,
           memo_keys, memo_records, memo_rows, stale, statistics, {leaf.survey_columns}):
    gained = 0
    ok = room_for_bytes()
    new = room_for_real()
    sunk = room_for_bytes()
    for f in range({LEAF_ROWS}):
        sunk[f] = 0
    hits = 0
{indent(_scratch_lines(leaf))}
{indent(scalar_lines(plan))}
{indent(_scale_lines(leaf))}
{indent(_table_lines([*plan.filters, *plan.weighers]))}
    for number in range(min(many, {_AHEAD})):
        fetch(records, leaves[number])
    for number in range(many):
        if number + {_AHEAD} < many:
            fetch(records, leaves[number + {_AHEAD}])
        leaf = leaves[number]
        note = notes[leaf]
{indent(_leaf_lines(plan.filters), 2)}
        bits = words[leaf] & ~banned[leaf]
{indent(filters, 2)}
        gained += ones(bits) - ones(note[{leaf.bits}])
        note[{leaf.bits}] = bits
        if bits == 0:
            for f in range({fields}):
                new[f] = -np.inf
            row = 0
        else:
            way = leaf * {MEMO_WAYS} + np.int64((bits * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(62))
            key = memo_keys[way]
            if key[0] == leaf_revision[leaf] and key[1] == np.int64(bits) and key[2] == scale_key:
                hits += 1
                kept = memo_records[way]
                for f in range({fields}):
                    new[f] = kept[f]
                row = np.int64(memo_rows[way])
            else:
{indent(_leaf_lines(plan.weighers), 4)}
{indent(_values_lines(leaf), 4)}
{indent(_range_lines(leaf), 4)}
{indent(_slack_lines(leaf), 4)}
{indent(_best_lines(leaf), 4)}
                new[0] = best
                key[0] = leaf_revision[leaf]
                key[1] = np.int64(bits)
                key[2] = scale_key
                kept = memo_records[way]
                for f in range({fields}):
                    kept[f] = new[f]
                memo_rows[way] = row
        note[{leaf.row}] = np.uint64(row)
        old = records[leaf]
        above = supers[leaf // {SUPER_LEAVES}]
        for f in range({fields}):
            sunk[f] = (old[f] == above[f]) & (new[f] < old[f])
            above[f] = max(above[f], new[f])
            old[f] = new[f]
        bests[leaf // {SUPER_LEAVES}, leaf % {SUPER_LEAVES}] = new[0]
        stale[leaf // {SUPER_LEAVES}] |= bits_of(sunk)
    for above in range(len(supers)):
        if stale[above]:
            if stale[above] & np.uint64(1):
                supers[above, 0] = most_real(bests[above], ALL_BITS)
            fields = stale[above] & ~np.uint64(1)
            stale[above] = 0
            while fields:
                f = lowest(fields)
                fields &= fields - np.uint64(1)
                most = -np.inf
                for leaf in range(above * {SUPER_LEAVES}, min(len(records), (above + 1) * {SUPER_LEAVES})):
                    most = max(most, records[leaf, f])
                supers[above, f] = most
    statistics[0] += many
    statistics[3] += hits
    return gained"""  # noqa: E501  (lines of the generated text)


def rescore_text(leaf: LeafPlan) -> str:
    """Return the kernel that finds the best of what passes of some leaves under any scale."""
    plan = leaf.plan
    ranges = "\n".join(
        f"most_{index} = record[{leaf.most[index]}]\n"
        f"least_{index} = {repr(w.minval) if leaf.least[index] is None else f'-record[{leaf.least[index]}]'}"
        for index, w in enumerate(plan.weighers)
    )
    return f"""@inlined
def rescore(leaves, many, bests, best_rows, shape, shapes, options, scale, records, notes, {leaf.rescore_columns}):
{indent(_scratch_lines(leaf))}
{indent(scalar_lines(plan))}
{indent(_scale_lines(leaf))}
{indent(_table_lines(plan.weighers))}
    for number in range(many):
        leaf = leaves[number]
        bits = notes[leaf, {leaf.bits}]
        bests[number] = -np.inf
        best_rows[number] = 0
        if bits == 0:
            continue
        record = records[leaf]
{indent(_leaf_lines(plan.weighers), 2)}
{indent(_values_lines(leaf), 2)}
{indent(ranges, 2)}
{indent(_slack_lines(leaf), 2)}
{indent(_best_lines(leaf), 2)}
        bests[number] = best
        best_rows[number] = row"""


def is_own_column(weigher: Weigher) -> bool:
    """True for a weigher whose value is a column as it stands, so that the column serves as its values."""
    if len(weigher.parameters) != 1 or weigher.parameters[0] not in COLUMN_BY_NAME:
        return False
    wanted = np.int32 if is_whole(weigher) else np.float64
    if COLUMN_BY_NAME[weigher.parameters[0]].dtype != wanted:
        return False
    function = ast.parse(textwrap.dedent(inspect.getsource(weigher.body))).body[0]
    assert isinstance(function, ast.FunctionDef)
    last = function.body[-1]
    steps = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (
        len(steps) == 1
        and isinstance(last, ast.Return)
        and isinstance(last.value, ast.Name)
        and last.value.id == weigher.parameters[0]
    )


def _table_lines(plugins: Sequence[Filter | Weigher]) -> str:
    """Return the lines that see columns as tables of a leaf a row: cutting a slice out costs ten times the look-up."""
    return "\n".join(f"{name}_leaves = {name}.reshape((-1, {LEAF_ROWS}))" for name in columns_read(plugins))


def _leaf_lines(plugins: Sequence[Filter | Weigher]) -> str:
    """Return the lines that take a leaf's part of the columns."""
    return "\n".join(f"{name}_ = {name}_leaves[leaf]" for name in columns_read(plugins))


def _scratch_lines(leaf: LeafPlan) -> str:
    """Return the lines that make room for a leaf's estimates, and for the values of weighers that are no column."""
    lines = ["score = room_for_real()"]
    for index, weigher in enumerate(leaf.plan.weighers):
        if not is_own_column(weigher):
            lines.append(f"value_{index} = room_for_{'whole' if is_whole(weigher) else 'real'}()")
    return "\n".join(lines)


def _scale_lines(leaf: LeafPlan) -> str:
    """Return the lines that load a scale, and the part of the rounding that it alone decides."""
    lines = ["constant_slack = 0.0"]
    lines += [
        f"low_{index} = scale[0, {index}]\nspan_{index} = scale[1, {index}]\n"
        f"factor_{index} = scale[2, {index}]\nslope_{index} = scale[3, {index}]\n"
        f"constant_slack += abs(slope_{index}) * abs(low_{index}) + abs(factor_{index})"
        for index in range(len(leaf.plan.weighers))
    ]
    return "\n".join(lines)


def _values_lines(leaf: LeafPlan) -> str:
    """Return the lines that leave each weigher's values of a leaf in an array."""
    lines = []
    for index, weigher in enumerate(leaf.plan.weighers):
        if is_own_column(weigher):
            lines.append(f"value_{index} = {weigher.parameters[0]}_")
        else:
            lines.append(
                f"for j in range({LEAF_ROWS}):\n    value_{index}[j] = {call_text(weigher, leaf.names[index])}"
            )
    return "\n".join(lines)


def _range_lines(leaf: LeafPlan) -> str:
    """Return the lines that leave each weigher's range over what passes in ``least_i`` and ``most_i`` and the record.

    A weigher's minimum is its least value whatever the hosts have, so only the most is looked for then.
    """
    lines = []
    for index, weigher in enumerate(leaf.plan.weighers):
        kind = "whole" if is_whole(weigher) else "real"
        most = f"np.float64(most_{kind}(value_{index}, bits))"
        if weigher.minval is None:
            lines.append(f"most_{index} = {most}\nleast_{index} = np.float64(least_{kind}(value_{index}, bits))")
            lines.append(f"new[{leaf.least[index]}] = -least_{index}")
        else:
            lines.append(f"most_{index} = max({most}, {weigher.minval!r})\nleast_{index} = {weigher.minval!r}")
        lines.append(f"new[{leaf.most[index]}] = most_{index}")
    return "\n".join(lines)


def _slack_lines(leaf: LeafPlan) -> str:
    """Return the lines that bound the rounding of estimates and exact weights of a leaf's hosts together."""
    terms = [
        f"abs(slope_{index}) * max(abs(least_{index}), abs(most_{index}))" for index in range(len(leaf.plan.weighers))
    ]
    return f"slack = ({' + '.join(['constant_slack', *terms])}) * 2.0 ** -46"


def _best_lines(leaf: LeafPlan) -> str:
    """Return the lines that leave the exact weight and place of the best of ``bits`` in ``best`` and ``row``.

    Divisions cost most of an exact weight, so they are made once only where one host alone comes near the best
    estimate, or where all that do are alike: hosts of one kind that nothing runs on yet.
    """
    weighers = leaf.plan.weighers
    raws = [_raw_text(weigher, index) for index, weigher in enumerate(weighers)]
    slopes = [f"slope_{index}" for index in range(len(weighers))]
    exact = (
        " + ".join(f"factor_{index} * (({raw} - low_{index}) / span_{index})" for index, raw in enumerate(raws))
        or "0.0"
    )
    same = "\n    ".join(
        f"alike &= bits_of_{'whole' if is_whole(weigher) else 'real'}(value_{index}, value_{index}[row])"
        for index, weigher in enumerate(weighers)
    )
    return f"""for j in range({LEAF_ROWS}):
    score[j] = estimate({", ".join([*slopes, *raws])})
near = bits_at_least(score, most_real(score, bits) - slack) & bits
row = lowest(near)
alike = near
if near & (near - np.uint64(1)):
    {same or "pass"}
j = row
best = {exact}
if alike != near:
    if ones(near) >= {_MANY_NEAR}:
        for j in range({LEAF_ROWS}):
            score[j] = {exact}
        best = most_real(score, near)
        row = lowest(bits_at_least(score, best) & near)
    else:
        near &= near - np.uint64(1)
        while near:
            j = lowest(near)
            x = {exact}
            if x > best:
                best = x
                row = j
            near &= near - np.uint64(1)"""


def _raw_text(weigher: Weigher, index: int) -> str:
    """Return a weigher's value for row ``j`` of the leaf, clamped from below where it has a minimum, as a float."""
    value = f"np.float64(value_{index}[j])"
    return value if weigher.minval is None else f"clamp({value}, {weigher.minval!r})"
