"""nova's JSON grammar: comparisons, paths, the odd ``not``, and what fails the request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from engine.scheduler.faults import FilterFault
from engine.scheduler.queries import attributes_read, holds


@dataclass(frozen=True)
class Facts:
    """Facts out of a mapping."""

    values: Mapping[str, object]

    def get_attribute(self, name: str) -> object:
        return self.values[name]


FACTS = Facts(
    {
        "free_ram_mb": 2048,
        "vcpus_used": 3,
        "hypervisor_type": "QEMU",
        "hypervisor_version": None,
        "cpu_info": '{"arch": "x86_64"}',
        "stats": {"num_instances": "10", "nested": {"deep": 1}},
        "service": {"disabled": False},
    }
)


def holds_of_facts(query: object) -> bool:
    return holds(json.dumps(query), FACTS, nova_quirks=True)


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ([">=", "$free_ram_mb", 2048], True),
        ([">", "$free_ram_mb", 2048], False),
        (["<", "$vcpus_used", 4, 5], True),
        (["<", "$vcpus_used", 4, 3], False),
        (["<=", 3, "$vcpus_used"], True),
        (["=", "$hypervisor_type", "QEMU", "QEMU"], True),
        (["=", "$hypervisor_type", "QEMU", "KVM"], False),
        (["=", "$hypervisor_type"], False),
        (["="], False),
        (["=", "$vcpus_used", 3.0], True),
        (["=", "$vcpus_used", "3"], False),
        (["in", "$hypervisor_type", "KVM", "QEMU"], True),
        (["in", "$hypervisor_type", "KVM"], False),
        (["in", "$hypervisor_type"], False),
        (["in"], False),
        (["=", "$stats.num_instances", "10"], True),
        (["=", "$stats.nested.deep", 1], True),
        (["=", "$service.disabled", False], True),
        (["and", True, "$vcpus_used"], True),
        (["and"], True),
        (["or"], False),
        (["or", ["<", "$free_ram_mb", 0], [">", "$vcpus_used", 0]], True),
        ([], True),
        (None, True),
        ({}, True),
        ("", True),
        (["and", []], True),
    ],
)
def test_what_a_query_comes_to(query: object, answer: bool) -> None:
    assert holds_of_facts(query) is answer


@pytest.mark.parametrize(
    "query",
    [
        ["=", "$novelty", 1],
        ["=", "$hypervisor_version", None],
        ["=", "$stats.missing", 1],
        ["=", "$stats.missing.deeper", 1],
        ["=", "$", 1],
        ["=", "$instances", 1],
        ["=", "", "x"],
        ["=", "$update", 1],
    ],
)
def test_an_operand_that_leads_nowhere_is_left_out(query: object) -> None:
    assert holds_of_facts(query) is False


@pytest.mark.parametrize(
    ("query", "novas", "right"),
    [
        (["not", ["=", 1, 1]], False, False),
        (["not", ["=", 1, 2]], True, True),
        (["not", ["=", 1, 1], ["=", 1, 2]], True, True),
        (["not"], False, False),
        (["and", ["not", ["=", 1, 1]]], True, False),
        (["or", ["not", ["=", 1, 1]]], True, False),
        (["and", ["not", ["=", 1, 2]]], True, True),
        (["and", ["not"]], False, False),
        (["not", ["not", ["=", 1, 2]]], False, False),
        (["not", ["not", ["=", 1, 1]]], False, True),
    ],
)
def test_nova_negates_only_where_not_is_the_whole_query(query: object, novas: bool, right: bool) -> None:
    assert holds_of_facts(query) is novas
    assert holds(json.dumps(query), FACTS, nova_quirks=False) is right


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ([">=", "$free_ram_mb", "20000"], "TypeError"),
        (["<", "$free_ram_mb", 1, "x"], "TypeError"),
        (["~", 1, 1], "KeyError"),
        ([1, 1], "KeyError"),
        ([["="], 1], "TypeError"),
        ({"=": 1}, "KeyError"),
        (5, "TypeError"),
        (True, "TypeError"),
        ("query", "KeyError"),
        (["=", "$cpu_info.arch", "x86_64"], "AttributeError"),
        (["=", "$vcpus_used.x", 1], "AttributeError"),
    ],
)
def test_what_python_cannot_evaluate_is_a_fault_whichever_the_quirks(query: object, error: str) -> None:
    for nova_quirks in (True, False):
        with pytest.raises(FilterFault) as caught:
            holds(json.dumps(query), FACTS, nova_quirks=nova_quirks)
        assert caught.value.nova_exception == error
        assert json.dumps(query) in caught.value.message


@pytest.mark.parametrize(
    ("text", "error"), [("[", "JSONDecodeError"), ("nonsense", "JSONDecodeError"), ("[" * 100_000, "RecursionError")]
)
def test_a_text_that_is_no_json_is_a_fault_told_in_short(text: str, error: str) -> None:
    with pytest.raises(FilterFault) as caught:
        holds(text, FACTS, nova_quirks=False)
    assert caught.value.nova_exception == error
    assert len(caught.value.message) < 500
    assert attributes_read(text) == frozenset()


def test_a_query_reads_the_attributes_it_names() -> None:
    query = ["and", [">", "$free_ram_mb", 1], ["not", ["=", "$stats.x", "$host", "$novelty"]], "free_disk_mb"]
    assert attributes_read(json.dumps(query)) == {"free_ram_mb", "stats", "host"}
    assert attributes_read('"$host"') == {"host"}
    assert attributes_read("5") == frozenset()
