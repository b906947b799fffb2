"""The lines that the kernels have in common: the request's scalars, a block's slices, plug-in calls, value ranges."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Sequence

from engine.inventory.schema import BLOCK_ROWS
from engine.inventory.usage import Amounts
from engine.scheduler.kernel_plan import KernelPlan, is_column
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import Filter, Weigher

COMMON_TEXT = f"""LEAST = np.int32(-(2**31))
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
    return float_of(most, values, bits) if most != LEAST_BITS else -np.inf"""
"""Helpers that several kernels call."""


def scalar_lines(plan: KernelPlan) -> str:
    """Return the lines that load the request's amounts and the options.

    They are 32 bits wide, so that they compare with columns lane by lane.
    """
    lines = [f"{name} = np.int32(shapes[shape, {index}])" for index, name in enumerate(Amounts._fields)]
    defaults = {name: getattr(SchedulerOptions(), name) for name in plan.options}
    for index, name in enumerate(plan.options):
        kind = "np.int32" if isinstance(defaults[name], int) else "np.float64"
        lines.append(f"{name} = {kind}(options[{index}])")
    return "\n".join(lines)


def call_text(plugin: Filter | Weigher, function: str) -> str:
    """Return a call of a plug-in's helper for row ``j`` of the block."""
    arguments = [f"{name}_[j]" if is_column(name) else name for name in plugin.parameters]
    return f"{function}({', '.join(arguments)})"


def raw_text(weigher: Weigher, function: str) -> str:
    """Return a weigher's value for one row, clamped from below where it has a minimum, as a float."""
    value = f"np.float64({call_text(weigher, function)})"
    return value if weigher.minval is None else f"clamp({value}, {weigher.minval!r})"


def range_lines(weigher: Weigher, value: str, mask: str, level: int) -> str:
    """Return the lines that leave a block's smallest and largest value of passing hosts in ``least`` and ``most``.

    A weigher's minimum is its smallest value whatever the hosts have, so only the largest is looked for then.
    Both kinds are compared as integers, whole numbers as they are and floats by their bits (see ``ordered`` in
    kernel_place): LLVM reduces integers in vectors, a minimum over floats only with permissions that would change
    other arithmetic too.
    """
    if is_whole(weigher):
        clamped = f"max({value}, np.int32({weigher.minval!r}))" if weigher.minval is not None else value
        least = "np.float64(least_whole) if most_whole != LEAST else np.inf"
        return indent(
            f"""least_whole = MOST
most_whole = LEAST
for j in range({BLOCK_ROWS}):
    x = np.int32({clamped})
    least_whole = min(least_whole, x if {mask}[j] != 0 else MOST)
    most_whole = max(most_whole, x if {mask}[j] != 0 else LEAST)
least = {least if weigher.minval is None else repr(weigher.minval)}
most = np.float64(most_whole) if most_whole != LEAST else -np.inf""",
            level,
        )
    clamped = value if weigher.minval is None else f"clamp({value}, {weigher.minval!r})"
    least = f"float_least(score, score_bits, {mask})"
    return indent(
        f"""for j in range({BLOCK_ROWS}):
    score[j] = {clamped}
least = {least if weigher.minval is None else repr(weigher.minval)}
most = float_most(score, score_bits, {mask})""",
        level,
    )


def is_whole(weigher: Weigher) -> bool:
    """True for a weigher over columns that is declared to return int."""
    return weigher.kind == "column" and inspect.signature(weigher.body).return_annotation in (int, "int")


def slice_lines(plugins: Sequence[Filter | Weigher], *more: str, rows: int = BLOCK_ROWS) -> str:
    """Return the lines that cut the block out of the columns that plug-ins read.

    Slices, not ``column[start + j]``: numba lets indices count from the end, and only for a plain loop variable can
    LLVM see that none does; with the sum it gives up on vector code (16 ns a host instead of 1).
    """
    names = [name for plugin in plugins if plugin.kind == "column" for name in plugin.parameters if is_column(name)]
    return "\n".join(f"{name}_ = {name}[start:start + {rows}]" for name in dict.fromkeys([*more, *names]))


def indent(text: str, levels: int = 1) -> str:
    """Return the text moved right by ``levels`` of four spaces."""
    return textwrap.indent(text, "    " * levels)


def column_parameters(plan: KernelPlan) -> str:
    """Return the columns as they stand in a kernel's parameters and arguments."""
    return ", ".join(plan.columns)
