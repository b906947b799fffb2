"""The shape of scenarios, read off the models."""

from __future__ import annotations

from engine.whatif.scenario.changes import AddHosts, Fail
from engine.whatif.scenario.fleet import FleetSource
from engine.whatif.scenario.hosts import HostChoice
from engine.whatif.scenario.model import Scenario
from engine.whatif.scenario.shape import all_fields, is_list, tables_at, tables_in, tag_of
from engine.whatif.scenario.workload import Lifetime


def test_tables_are_found_in_lists_options_and_choices() -> None:
    assert tables_in(Scenario.model_fields["fleet"].annotation) == (FleetSource,)
    assert tables_in(Scenario.model_fields["seed"].annotation) == ()
    changes = tables_in(Scenario.model_fields["changes"].annotation)
    assert changes[0] is AddHosts
    assert [tag_of(table) for table in changes][:2] == ["add_hosts", "remove_hosts"]
    assert len(changes) == 9
    assert is_list(Scenario.model_fields["changes"].annotation)
    assert not is_list(Scenario.model_fields["drain"].annotation)


def test_what_stands_at_a_path_depends_on_what_the_document_says() -> None:
    document = {"changes": [{"do": "fail"}, {"do": "nothing"}], "workload": {"mix": {}}}
    assert tables_at((), document) == (Scenario,)
    assert tables_at(("changes", 0), document) == (Fail,)
    assert len(tables_at(("changes", 1), document)) == 9
    assert tables_at(("changes", 0, "of"), document) == (HostChoice,)
    assert tables_at(("workload", "mix", "lifetime"), document) == (Lifetime,)
    assert tables_at(("chain", "x"), document) == ()


def test_every_field_comes_with_its_path_and_tables_before_what_is_in_them() -> None:
    paths = [path for path, _, _ in all_fields()]
    assert ("workload", "mix", "lifetime", "kind") in paths
    assert paths.count(("changes", "of", "zone")) == 6
    seen = set[tuple[str, ...]]()
    for path in paths:
        seen.add(path)
        assert len(path) == 1 or path[:-1] in seen
    assert {path[0] for path in paths} == set(Scenario.model_fields)
