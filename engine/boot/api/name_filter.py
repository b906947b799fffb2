"""The name filter of server lists: nova's is a regular expression, which here must also be a harmless one.

A backtracking matcher can be kept busy for ever by an expression made for it. An expression counts as such when a
group is repeated or more than two unbounded repetitions are in it; that, or what is no expression at all, is looked
for as plain text.
"""

from __future__ import annotations

import re

import sqlalchemy as sa

_SPECIAL = frozenset(".^$*+?{}[]\\|()")
_UNBOUNDED = re.compile(r"(?<!\\)(?:[*+]|\{\d*,\})")
_REPEATED_GROUP = re.compile(r"\)\s*[*+?{]")
_MOST_UNBOUNDED = 2
_LONGEST = 255


def name_matches(column: sa.ColumnElement[str], pattern: str) -> sa.ColumnElement[bool]:
    """Return the condition that a name matches, as nova's filter has it."""
    if _is_plain(pattern) or not is_harmless(pattern):
        return column.icontains(pattern, autoescape=True)
    return column.regexp_match(pattern)


def is_harmless(pattern: str) -> bool:
    """Whether a regular expression is one, and cannot keep a matcher busy."""
    if len(pattern) > _LONGEST or _REPEATED_GROUP.search(pattern) or "(?" in pattern:
        return False
    if len(_UNBOUNDED.findall(pattern)) > _MOST_UNBOUNDED:
        return False
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return False
    return not re.search(r"\\[1-9]|\{\d{3,}", pattern)


def _is_plain(pattern: str) -> bool:
    return not _SPECIAL & set(pattern)
