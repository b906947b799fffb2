"""Runs a placement case, query by query: the candidates and summaries of each question, the outcome of each write."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from engine.errors import ConflictError, InvalidRequestError
from engine.model.candidates import Candidate, Provider
from engine.model.resources import ResourceInventory
from engine.placement.candidates import candidates
from engine.placement.deployment import Deployment, deployment_of
from engine.placement.query_text import limit_of, query_of
from engine.placement.summaries import ProviderSummary, provider_summaries
from engine.placement.writes import Books, Change, write
from tests.oracle.compare import Comparison

_SHOWS_PARENTS = (1, 29)
_SHOWS_MAPPINGS = (1, 34)


def queries(content: dict[str, Any]) -> Iterator[tuple[str, str | None, Comparison]]:
    """Yield, for each query of a case, its number, why it is unsupported (always None), and what comparing it gave."""
    books = books_of(content["providers"])
    for number, (query, expected) in enumerate(zip(content["queries"], content["expected"], strict=True)):
        comparison = Comparison()
        if "put_allocations" in query:
            books, answer = written(books, query)
            comparison.same("answer", answer, expected)
        else:
            _compare_question(content, query, deployment_of(books.providers.values()), expected, comparison)
        yield f"{content['name']}#{number}", None, comparison


def books_of(providers: list[dict[str, Any]]) -> Books:
    """Return a case's providers, whose usage nobody known holds."""
    return Books({item["uuid"]: provider_of(item) for item in providers}, {})


def provider_of(item: dict[str, Any]) -> Provider:
    """Return a case's provider."""
    inventories = ((name, ResourceInventory(**values)) for name, values in item["inventories"].items())
    return Provider(
        uuid=item["uuid"],
        name=item["name"],
        parent=item["parent"] or "",
        inventories=tuple(sorted(inventories, key=lambda pair: pair[0])),
        traits=frozenset(item["traits"]),
        aggregates=frozenset(item["aggregates"]),
        used=tuple(sorted(item["used"].items())),
    )


class Names:
    """All standard names (they do not begin with CUSTOM_) and a case's own custom ones."""

    def __init__(self, custom: Iterable[str]) -> None:
        self._custom = frozenset(custom)

    def __contains__(self, name: object) -> bool:
        return name in self._custom or not str(name).startswith("CUSTOM_")


def _compare_question(
    content: dict[str, Any],
    query: dict[str, Any],
    deployment: Deployment,
    expected: dict[str, Any],
    comparison: Comparison,
) -> None:
    """Compare the answer to a question; the order of candidates means nothing."""
    microversion = version_of(query["microversion"])
    params = [(key, value) for key, value in query["params"]]
    try:
        limit = limit_of(params)
        asked = query_of(
            params,
            microversion,
            traits=Names(content["extra_traits"]),
            resource_classes=Names(content["extra_resource_classes"]),
        )
    except InvalidRequestError:
        comparison.same("status", 400, expected["status"])
        return
    comparison.same("status", 200, expected["status"])
    found = list(islice(candidates(deployment, asked, quirks=True, microversion=microversion), limit))
    if query.get("count_only"):
        comparison.same("count", len(found), expected["count"])
        return
    ours = answer_to(deployment, found, microversion)
    mine, its = ({json.dumps(each, sort_keys=True) for each in x["allocation_requests"]} for x in (ours, expected))
    comparison.same("number of candidates", len(found), len(expected["allocation_requests"]))
    comparison.same("only ours", sorted(mine - its), [])
    comparison.same("only theirs", sorted(its - mine), [])
    comparison.same("provider_summaries", summaries_of(ours), summaries_of(expected))


def answer_to(deployment: Deployment, found: Sequence[Candidate], microversion: tuple[int, int]) -> dict[str, Any]:
    """Return the answer that shows these candidates, in the form of the cases."""
    mappings = microversion >= _SHOWS_MAPPINGS
    summaries = provider_summaries(deployment, found, microversion=microversion)
    return {
        "status": 200,
        "allocation_requests": [_request(candidate, mappings=mappings) for candidate in found],
        "provider_summaries": {summary.uuid: _summary(summary, microversion) for summary in summaries},
    }


def summaries_of(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer's summaries in one order; what it does not show is None."""
    unseen = {"parent_provider_uuid": None, "root_provider_uuid": None}
    return {
        uuid: unseen | item | {"traits": sorted(item["traits"])} for uuid, item in answer["provider_summaries"].items()
    }


def _request(candidate: Candidate, *, mappings: bool) -> dict[str, Any]:
    return {
        "allocations": {uuid: dict(taken) for uuid, taken in candidate.allocations},
        "mappings": {suffix: list(uuids) for suffix, uuids in candidate.mappings} if mappings else {},
    }


def version_of(text: str) -> tuple[int, int]:
    """Return a microversion from its text."""
    major, minor = text.split(".")
    return int(major), int(minor)


def _summary(summary: ProviderSummary, microversion: tuple[int, int]) -> dict[str, Any]:
    parents = microversion >= _SHOWS_PARENTS
    return {
        "resources": {name: {"capacity": size, "used": used} for name, size, used in summary.resources},
        "traits": sorted(summary.traits),
        "parent_provider_uuid": summary.parent or None if parents else None,
        "root_provider_uuid": summary.root if parents else None,
    }


def written(books: Books, query: dict[str, Any]) -> tuple[Books, dict[str, Any]]:
    """Return the books after a write, the same where it is refused, and placement's answer to it."""
    body = query["put_allocations"]
    allocations = tuple(
        (uuid, tuple(sorted(item["resources"].items()))) for uuid, item in sorted(body["allocations"].items())
    )
    try:
        after = write(books, [Change(query["consumer"], allocations, body["consumer_generation"])])
    except ConflictError as error:
        return books, {"status": 409, "code": error.details["code"]}
    except InvalidRequestError:
        return books, {"status": 400}
    return after, {"status": 204}
