"""Which of nova's quirks explains that a case comes out otherwise without them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tests.oracle.cases import Case
from tests.oracle.compare import Difference
from tests.oracle.runner import Outcome

_NEGATES = '"not"'


def explanations(outcome: Outcome) -> list[str]:
    """Return the quirks that explain a case's differences, each once; none where something is left unexplained."""
    found: dict[str, None] = {}
    for difference in _causes(outcome.differences):
        reason = _explanation(outcome.case, difference)
        if reason is None:
            return []
        found[reason] = None
    return list(found)


def quirks_text(outcomes: Sequence[Outcome]) -> str:
    """Return the list of the cases that come out otherwise without nova's quirks, and why."""
    changed = [outcome for outcome in outcomes if outcome.differences]
    lines = [f"{len(changed)} of {len(outcomes)} cases come out otherwise without nova's quirks"]
    for outcome in changed:
        reasons = explanations(outcome) or [f"NOT EXPLAINED: {outcome.differences[0].what}"]
        lines += [f"  {outcome.case.kind}/{outcome.case.name}: {'; '.join(reasons)}"]
    return "\n".join(lines)


def unexplained(outcomes: Iterable[Outcome]) -> list[str]:
    """Return the names of the cases that no quirk explains."""
    return [outcome.case.name for outcome in outcomes if outcome.differences and not explanations(outcome)]


def _causes(differences: Sequence[Difference]) -> list[Difference]:
    """Return the differences that are no mere consequence of others: those of filters alone, or else all."""
    of_filters = [item for item in differences if item.what.startswith("per_filter")]
    return of_filters or list(differences)


def _explanation(case: Case, difference: Difference) -> str | None:
    """Return the quirk behind one difference, or None."""
    failed = re.search(r"'error': '(\w+)'", difference.theirs)
    name = difference.what.removeprefix("per_filter ")
    if difference.what.startswith("per_filter"):
        if failed:
            return f"nova's {name} fails the request with {failed[1]}"
        if name == "NUMATopologyFilter":
            return "nova remembers which cells fit by ids that it changes meanwhile"
        if name == "JsonFilter" and _NEGATES in str(case.content["request_spec"].get("scheduler_hints")):
            return "nova's JsonFilter negates nothing inside and, or"
        return None
    if failed or difference.what == "selected_error":
        return f"nova fails the request with {failed[1] if failed else difference.theirs.strip(chr(39))}"
    spec = case.content["request_spec"]
    many = len(spec.get("instance_uuids") or ()) or spec.get("num_instances", 1)
    if many > 1 and case.content["expected"].get("instance_numa_topology"):
        return "nova fits later instances as the first was fitted"
    return None
