"""Compares Berth's allocation candidates and writes with the real placement's, on random deployments and requests.

``python -m tests.differential.placement_compare --python PATH``, PATH being an interpreter with openstack-placement 16.
It prints the seed, then what was compared; a request that comes out otherwise is printed with both answers, and makes
the exit code 1. Differences of these kinds are placement's own, are counted apart, and must still fit their kind:

* amounts: an unsuffixed and a suffixed group ask for the same class without ``group_policy=none``. placement then adds
  amounts into records that its candidates share, so they come out too large, by how much depends on hash order. Of what
  it finds, the providers must be among Berth's.
* anchors: the unsuffixed group is served by sharing providers alone. placement keeps such an answer for one tree only,
  whichever hash order leaves, so the suffixed groups are not tried in the others. What it finds must be Berth's.
* failure: placement fails (500) where a sharing provider with a parent serves a tree while its own tree does not.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from engine.errors import InvalidRequestError
from engine.model.candidates import SHARES, Candidate, CandidateQuery
from engine.placement.candidates import NESTED, candidates, first_candidate
from engine.placement.deployment import Deployment, deployment_of, root_uuids
from engine.placement.query_text import query_of
from tests.differential.placement_deployments import CUSTOM_CLASSES, CUSTOM_TRAITS, deployment
from tests.differential.placement_questions import question, writes
from tests.oracle.placement_case import answer_to, books_of, provider_of, summaries_of, version_of, written

_QUESTIONS = 40


def main() -> int:
    """Compare; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--python", required=True, help="an interpreter that has openstack-placement 16")
    parser.add_argument("--requests", type=int, default=2000, help="how many questions to ask")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    counted: Counter[str] = Counter()
    program = Path(__file__).with_name("placement_answers.py")
    command = [options.python, str(program)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as placement:
        assert placement.stdin is not None
        assert placement.stdout is not None
        for number in range(-(-options.requests // _QUESTIONS)):
            case = random_case(random.Random(f"{options.seed}/{number}"))
            placement.stdin.write(json.dumps(case) + "\n")
            placement.stdin.flush()
            line = placement.stdout.readline()
            if not line:
                print("placement's program ended early")
                return 2
            counted += compare(case, json.loads(line), f"{options.seed}/{number}")
        placement.stdin.close()
    for what, count in sorted(counted.items()):
        print(f"{count:8} {what}")
    return 1 if any(what.startswith("DIFFERENT") for what in counted) else 0


def random_case(chance: random.Random) -> dict[str, Any]:
    """Return a random deployment with questions and writes, as placement's program reads it."""
    kind, providers = deployment(chance)
    queries = [question(chance, kind, providers) for _ in range(_QUESTIONS)] + writes(chance, providers)
    return {
        "kind": kind,
        "providers": providers,
        "queries": queries,
        "traits": CUSTOM_TRAITS,
        "resource_classes": CUSTOM_CLASSES,
    }


def compare(case: dict[str, Any], answers: list[dict[str, Any]], name: str) -> Counter[str]:
    """Return how many comparisons came out how; print those that differ."""
    counted: Counter[str] = Counter()
    providers = tuple(map(provider_of, case["providers"]))
    whole = deployment_of(providers)
    books = books_of(case["providers"])
    for query, theirs in zip(case["queries"], answers, strict=True):
        if "put_allocations" in query:
            books, ours = written(books, query)
            verdict = "equal: writes" if ours == theirs else "DIFFERENT write"
        else:
            verdict, ours = compare_question(whole, query, theirs)
        counted[verdict] += 1
        if theirs.get("allocation_requests"):
            counted["questions with candidates"] += 1
        if verdict.startswith("DIFFERENT"):
            print(f"--- {verdict} in {name}: {json.dumps(query)}")
            print(f"providers: {json.dumps(case['providers'])}")
            print(f"Berth:     {json.dumps(ours)}")
            print(f"placement: {json.dumps(theirs)}")
    return counted


def compare_question(whole: Deployment, query: dict[str, Any], theirs: dict[str, Any]) -> tuple[str, Any]:
    """Return what comparing one question gave, and Berth's answer."""
    microversion = version_of(query["microversion"])
    try:
        asked = query_of(query["params"], microversion)
    except InvalidRequestError:
        ours: Any = {"status": 400}
        return ("equal: refusals" if theirs["status"] == 400 else "DIFFERENT status"), ours
    found = list(candidates(whole, asked, quirks=True, microversion=microversion))
    ours = answer_to(whole, found, microversion)
    if theirs["status"] == 500:
        nested = any(SHARES in each.traits and each.parent for tree in whole.trees for each in tree.providers)
        return ("placement's own: failure" if nested else "DIFFERENT status"), ours
    if theirs["status"] != 200:
        return "DIFFERENT status", ours
    mine, its = _texts(ours), _texts(theirs)
    if mine == its:
        if summaries_of(ours) != summaries_of(theirs):
            return "DIFFERENT summaries", ours
        if wrong := _first_differs(whole, asked, theirs, microversion):
            return f"DIFFERENT first candidate of {wrong}", ours
        return "equal: questions", ours
    if _amounts_shared(asked) and _uses(theirs) <= _uses(ours):
        return "placement's own: amounts", ours
    losable = answer_to(whole, [each for each in found if _begins_shared(whole, each)], microversion)
    if its <= mine and mine - its <= _texts(losable):
        return "placement's own: anchors", ours
    return "DIFFERENT candidates", ours


def _texts(answer: dict[str, Any]) -> Counter[str]:
    return Counter(json.dumps(each, sort_keys=True) for each in answer["allocation_requests"])


def _uses(answer: dict[str, Any]) -> set[str]:
    """Return which providers each candidate uses for what, amounts left aside."""
    shown = ([sorted(each["allocations"]), each["mappings"]] for each in answer["allocation_requests"])
    return {json.dumps(each, sort_keys=True) for each in shown}


def _amounts_shared(query: CandidateQuery) -> bool:
    spread = {name for group in query.groups if not group.suffix for name, _ in group.resources}
    suffixed = {name for group in query.groups if group.suffix for name, _ in group.resources}
    return query.group_policy != "none" and bool(spread & suffixed)


def _begins_shared(whole: Deployment, candidate: Candidate) -> bool:
    """Return whether sharing providers alone serve a candidate's unsuffixed group, and there are other groups."""
    sharing = {each.uuid for tree in whole.trees for each in tree.providers if SHARES in each.traits}
    mappings = dict(candidate.mappings)
    return "" in mappings and sharing.issuperset(mappings[""]) and len(mappings) > 1


def _first_differs(
    whole: Deployment, query: CandidateQuery, theirs: dict[str, Any], microversion: tuple[int, int]
) -> str:
    """Return the host for which the first candidate is not one of placement's, or is missing or too much; or nothing.

    Left out: trees of sharing providers, which a candidate may use without belonging to them, sharing providers with
    parents, which no host table has, microversions that know no trees, and trees that are named but do not exist.
    """
    sharing = [each for tree in whole.trees for each in tree.providers if SHARES in each.traits]
    nowhere = {group.in_tree for group in query.groups} - {"", *root_uuids(whole)}
    if microversion < NESTED or nowhere or any(each.parent for each in sharing):
        return ""
    for tree in whole.trees:
        root = tree.root.uuid
        its = [each for each in theirs["allocation_requests"] if root in each["allocations"]]
        first = first_candidate(tree, sharing, query, tree_path=whole.has_trees_or_sharing, from_root=True, quirks=True)
        found = answer_to(whole, [first], microversion)["allocation_requests"] if first else []
        if SHARES not in tree.root.traits and (bool(found) != bool(its) or not all(each in its for each in found)):
            return root
    return ""


if __name__ == "__main__":
    sys.exit(main())
