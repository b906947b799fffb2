"""The hint's query holds of the host, before every instance."""

from __future__ import annotations

import pytest

from engine.errors import NoValidHostError
from engine.model.request_spec import RequestSpec
from engine.scheduler.explain import explain
from engine.scheduler.faults import FilterFault
from engine.scheduler.sparse import SelectionContext
from tests.builders import host_table, only, passing, request, selector

NAME = "JsonFilter"
HOSTS = [{"memory_mb": 4096}, {"memory_mb": 8192, "stats": '{"gpu": "a100"}'}, {"memory_mb": 16384, "num_io_ops": 2}]


def querying(*query: str, **more: int) -> RequestSpec:
    return request(scheduler_hints={"query": query}, **more)


@pytest.mark.parametrize(
    ("query", "passes"),
    [
        ((), {"h0", "h1", "h2"}),
        (("",), {"h0", "h1", "h2"}),
        (("[]",), {"h0", "h1", "h2"}),
        (('[">=", "$free_ram_mb", 8192]',), {"h1", "h2"}),
        (('["=", "$stats.gpu", "a100"]',), {"h1"}),
        (('["in", "$host", "h0", "h2"]',), {"h0", "h2"}),
        (('["not", ["=", "$num_io_ops", 0]]',), {"h2"}),
        (('["=", "$novelty", 1]',), set()),
        (('["=", 1, 1]',), {"h0", "h1", "h2"}),
    ],
)
def test_facts_of_every_kind_are_asked(query: tuple[str, ...], passes: set[str]) -> None:
    assert passing(NAME, HOSTS, querying(*query)) == passes


@pytest.mark.parametrize(
    ("query", "error"),
    [
        (('[">=", "$free_ram_mb", "8192"]',), "TypeError"),
        (('["xor", 1, 1]',), "KeyError"),
        (('["=", "$cpu_info.arch", 1]',), "AttributeError"),
        (("[",), "JSONDecodeError"),
        (("[]", "[]"), "TypeError"),
        (("17",), "TypeError"),
        (("true",), "TypeError"),
        (('{"=": [1, 1]}',), "KeyError"),
        (('"and"',), "KeyError"),
        (('["<in>", "$host", "h"]',), "KeyError"),
        (('[["="], 1]',), "TypeError"),
        (('["<", null, "$free_ram_mb", "∞"]',), "TypeError"),
        (('["=", "$host.name", 1]',), "AttributeError"),
        (("[" * 100_000,), "RecursionError"),
    ],
)
def test_a_query_that_cannot_be_evaluated_has_no_host_and_fails_novas_request(
    query: tuple[str, ...], error: str
) -> None:
    hosts = [{**host, "cpu_info": "{}"} for host in HOSTS]
    assert passing(NAME, hosts, querying(*query)) == set()
    with pytest.raises(FilterFault) as caught:
        passing(NAME, hosts, querying(*query), nova_quirks=True)
    assert caught.value.nova_exception == error
    picture = host_table(hosts).snapshot()
    nearest = explain(only(filters=[NAME]), picture, querying(*query), SelectionContext(picture)).nearest
    assert all(change.startswith("another query: ") for _, (change,) in nearest)


@pytest.mark.parametrize("query", ["null", "0", "false", '""', "{}", "[]", "[null]", '["", 1]'])
def test_queries_of_nothing_hold_of_all_and_an_operator_of_nothing_is_none(query: str) -> None:
    holds = query not in ("[null]", '["", 1]')
    assert passing(NAME, HOSTS, querying(query)) == ({"h0", "h1", "h2"} if holds else set())
    if holds:
        assert passing(NAME, HOSTS, querying(query), nova_quirks=True) == {"h0", "h1", "h2"}
    else:
        with pytest.raises(FilterFault):
            passing(NAME, HOSTS, querying(query), nova_quirks=True)


def test_one_host_that_has_no_answer_leaves_the_others_theirs() -> None:
    query = '["and", [">", "$free_ram_mb", 1], ["=", "$stats.gpu", "a100"]]'
    hosts = [{"stats": '{"gpu": "a100"}'}, {"never_reported": True}]
    assert passing(NAME, hosts, querying(query)) == {"h0"}
    assert passing(NAME, hosts, querying(query), nova_quirks=True) == {"h0"}
    mixed = '["or", ["=", "$stats.gpu", "a100"], ["<", "$hypervisor_type", 5]]'
    assert passing(NAME, hosts, querying(mixed)) == set()
    with pytest.raises(FilterFault):
        passing(NAME, hosts, querying(mixed), nova_quirks=True)


def test_allocation_ratios_are_compared_as_the_fractions_they_are() -> None:
    hosts = [{"cpu_allocation_ratio": ratio} for ratio in (1.25, 1.5, 1.75)]
    assert passing(NAME, hosts, querying('["=", "$cpu_allocation_ratio", 1.5]')) == {"h1"}


def test_a_fault_on_a_host_that_an_earlier_filter_removed_is_none() -> None:
    hosts = [{"num_io_ops": 9, "stats": '{"gpu": "a100"}'}, {}]
    chain = only(filters=["IoOpsFilter", NAME], nova_quirks=True)
    spec = querying('[">", "$stats.gpu", 5]')
    with pytest.raises(NoValidHostError):
        selector(host_table(hosts), chain).select(spec)
    with pytest.raises(FilterFault):
        selector(host_table(hosts), only(filters=[NAME, "IoOpsFilter"], nova_quirks=True)).select(spec)


def test_what_earlier_instances_took_counts_for_the_next() -> None:
    hosts = [{"memory_mb": 4096}, {"memory_mb": 3072}]
    chain = only(filters=[NAME], weighers=["RAMWeigher"])
    query = '[">=", "$free_ram_mb", 2048]'
    found = selector(host_table(hosts), chain).select(querying(query, memory_mb=1024, num_instances=5))
    # 4 GiB hold 3 more until 1 GiB is left, 3 GiB hold 2
    assert sorted(item.row for item in found) == [0, 0, 0, 1, 1]
    with pytest.raises(NoValidHostError):
        selector(host_table(hosts), chain).select(querying(query, memory_mb=1024, num_instances=6))


def test_builds_in_progress_count_between_instances() -> None:
    chain = only(filters=[NAME])
    query = '["<", "$num_io_ops", 2]'
    found = selector(host_table([{}, {}]), chain).select(querying(query, num_instances=4))
    assert sorted(item.row for item in found) == [0, 0, 1, 1]


def test_one_request_after_another_sees_what_was_claimed() -> None:
    chosen = selector(host_table([{"memory_mb": 4096}, {"memory_mb": 3072}]), only(filters=[NAME]))
    spec = querying('[">=", "$free_ram_mb", 4096]', memory_mb=1024)
    assert [item.row for item in chosen.select(spec)] == [0]
    with pytest.raises(NoValidHostError):
        chosen.select(spec)


def test_a_rebuild_is_not_asked() -> None:
    hints = {"query": ('["=", 1, 2]',), "_nova_check_type": ("rebuild",)}
    assert passing(NAME, HOSTS, request(scheduler_hints=hints)) == {"h0", "h1", "h2"}


def test_an_explanation_repeats_the_query() -> None:
    picture = host_table(HOSTS).snapshot()
    query = '[">", "$free_ram_mb", 8192]'
    changes = dict(explain(only(filters=[NAME]), picture, querying(query), SelectionContext(picture)).nearest)
    assert changes == dict.fromkeys((0, 1), (f"facts of which the query {query} holds",))
