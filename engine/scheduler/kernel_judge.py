"""The kernel behind an explanation: which filter removes how many hosts, the nearest misses, the best survivors.

A host's failures are bits of one 64-bit word, a filter's place in the chain its bit. Columns decide some of them, the
host's fact group most others, and arrays that are handed in the rest. Nothing of a host is kept but whether it passed:
the few that are told about are picked on the way, as in a selection of the best so many of a stream.
"""

from __future__ import annotations

from typing import Final

from engine.inventory.schema import BLOCK_ROWS, CLASS_PREFIX
from engine.model.resources import DISK_GB, MEMORY_MB, VCPU
from engine.scheduler.kernel_best import columns_read, raws_text, weigh_best_text
from engine.scheduler.kernel_lines import call_text, indent, scalar_lines, slice_lines
from engine.scheduler.kernel_plan import KernelPlan

ABSENT: Final = 1 << 63
"""The bit of a row that is no host."""

_FREE: Final = tuple(
    (f"requested_{CLASS_PREFIX[name]}", f"{CLASS_PREFIX[name]}_free") for name in (VCPU, MEMORY_MB, DISK_GB)
)


def sifted_columns(plan: KernelPlan) -> tuple[str, ...]:
    """Return the columns that ``sift`` takes, in the order of its last arguments."""
    return columns_read(plan.filters, *(free for _, free in _FREE))


def judge_text(plan: KernelPlan) -> str:
    """Return the kernels ``sift``, ``weigh_best`` and ``raws_of_rows``, and the helpers that they alone call.

    Arguments of ``sift`` beside its columns: ``shapes`` int64[1, 6] and ``options`` as for other kernels; ``places``
    uint64[column filters], each one's bit, 0 where it is not asked; ``groups`` int32[rows] and ``of_groups``
    uint64[groups], what the groups fail; ``more`` and ``forgiven`` uint64[rows], read if ``has_more``: bits to set, and
    bits that columns and groups must not set; ``upto`` uint64[filters], all bits up to each one's and ABSENT. Written
    are ``left`` int64[filters], how many hosts pass up to each; ``asked_bits`` of the rows ``asked``, ascending;
    ``mask`` uint8[rows] of those that pass every filter, and ``near_rows``, ``near_bits``, ``near_fails`` and
    ``near_short`` of those that fail least and then are least short, as many as fit. It returns how many hosts passed,
    and how many of the nearest there are.

    ``weigh_best`` then writes ``ranges`` float64[2, weighers], each weigher's range over the hosts that passed, and
    ``best_rows``, ``best_weights`` and ``best_raws`` float64[best, weighers], best first, and returns how many there
    are; ``raws_of_rows`` fills in ``raws`` alone.
    """
    return "\n\n\n".join((_HELPERS, raws_text(plan), _sift_text(plan), weigh_best_text(plan)))


_HELPERS: Final = f"""ABSENT = np.uint64({ABSENT})
NONE = np.uint64(0)
ONE = np.uint64(1)


@inlined
def bit_count(x):
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((x * np.uint64(0x0101010101010101)) >> np.uint64(56))


@inlined
def note_near(start, many, fail, fails, short, near_rows, near_bits, near_fails, near_short):
    # of equals the first row stays first
    most = len(near_rows)
    for j in range({BLOCK_ROWS}):
        if fails[j] == 0:
            continue
        if many == most and (
            fails[j] > near_fails[most - 1] or (fails[j] == near_fails[most - 1] and short[j] >= near_short[most - 1])
        ):
            continue
        place = many if many < most else most - 1
        while place > 0 and (
            fails[j] < near_fails[place - 1] or (fails[j] == near_fails[place - 1] and short[j] < near_short[place - 1])
        ):
            near_rows[place] = near_rows[place - 1]
            near_bits[place] = near_bits[place - 1]
            near_fails[place] = near_fails[place - 1]
            near_short[place] = near_short[place - 1]
            place -= 1
        near_rows[place] = start + j
        near_bits[place] = fail[j]
        near_fails[place] = fails[j]
        near_short[place] = short[j]
        many = min(many + 1, most)
    return many


@inlined
def note_best(start, many, mask, score, estimate, best_rows, best_weights, best_estimates):
    most = len(best_rows)
    for j in range({BLOCK_ROWS}):
        if mask[j] == 0 or (many == most and not score[j] > best_weights[most - 1]):
            continue
        place = many if many < most else most - 1
        while place > 0 and score[j] > best_weights[place - 1]:
            best_rows[place] = best_rows[place - 1]
            best_weights[place] = best_weights[place - 1]
            best_estimates[place] = best_estimates[place - 1]
            place -= 1
        best_rows[place] = start + j
        best_weights[place] = score[j]
        best_estimates[place] = estimate[j]
        many = min(many + 1, most)
    return many"""


def _sift_text(plan: KernelPlan) -> str:
    """Return the kernel of the filters: failures, counts, the nearest misses and which hosts pass."""
    columns = "\n".join(
        f"""if places[{index}] != NONE:
    place = places[{index}]
    for j in range({BLOCK_ROWS}):
        fail[j] |= NONE if {call_text(plugin, f"filter_{index}")} else place"""
        for index, plugin in enumerate(plan.filters)
    )
    shortfalls = "\n".join(
        f"""if {amount} != 0:
    wanted = np.float64({amount})
    for j in range({BLOCK_ROWS}):
        short[j] += max(0.0, wanted - {free}_[j]) / wanted"""
        for amount, free in _FREE
    )
    return f"""@kernel
def sift(shapes, options, places, groups, of_groups, has_more, more, forgiven, upto, left, asked, asked_bits, mask,
         near_rows, near_bits, near_fails, near_short, {", ".join(sifted_columns(plan))}):
    shape = 0
{indent(scalar_lines(plan))}
    fail = np.empty({BLOCK_ROWS}, dtype=np.uint64)
    fails = np.empty({BLOCK_ROWS}, dtype=np.int64)
    short = np.empty({BLOCK_ROWS}, dtype=np.float64)
    total = 0
    near = 0
    following = 0
    for start in range(0, len(mask), {BLOCK_ROWS}):
{indent(slice_lines(plan.filters, "mask", "groups", *(free for _, free in _FREE)), 2)}
        for j in range({BLOCK_ROWS}):
            fail[j] = of_groups[groups_[j]]
{indent(columns, 2)}
        if has_more:
            more_ = more[start:start + {BLOCK_ROWS}]
            forgiven_ = forgiven[start:start + {BLOCK_ROWS}]
            for j in range({BLOCK_ROWS}):
                fail[j] = (fail[j] & ~forgiven_[j]) | more_[j]
        while following < len(asked) and asked[following] < start + {BLOCK_ROWS}:
            asked_bits[following] = fail[asked[following] - start]
            following += 1
        found = NONE
        for j in range({BLOCK_ROWS}):
            found |= fail[j]
        passed = {BLOCK_ROWS}
        if found & ABSENT != NONE:
            passed = 0
            for j in range({BLOCK_ROWS}):
                passed += (fail[j] & ABSENT) == NONE
        for f in range(len(upto)):
            # a filter that nobody here fails leaves what the one before left
            if (found >> np.uint64(f)) & ONE != NONE:
                bits = upto[f]
                passed = 0
                for j in range({BLOCK_ROWS}):
                    passed += (fail[j] & bits) == NONE
            left[f] += passed
        for j in range({BLOCK_ROWS}):
            mask_[j] = fail[j] == NONE
        total += passed
        last = len(near_rows) - 1
        if last >= 0 and passed < {BLOCK_ROWS} and (near <= last or near_fails[last] > 1 or near_short[last] > 0.0):
            most = near_fails[last] if near > last else 64
            for j in range({BLOCK_ROWS}):
                count = bit_count(fail[j])
                fails[j] = count if count <= most and (fail[j] & ABSENT) == NONE else 0
            candidates = 0
            for j in range({BLOCK_ROWS}):
                candidates |= fails[j]
            if candidates != 0:
                for j in range({BLOCK_ROWS}):
                    short[j] = 0.0
{indent(shortfalls, 4)}
                near = note_near(start, near, fail, fails, short, near_rows, near_bits, near_fails, near_short)
    return total, near"""
