"""The documentation of keys: every key, what it takes, and that the models agree."""

from __future__ import annotations

from dataclasses import fields

import pytest

from engine.scheduler.options import SchedulerOptions
from engine.whatif.scenario.keys import chain_keys, keys, keys_markdown, keys_table
from engine.whatif.scenario.shape import all_fields


def test_every_key_has_a_meaning() -> None:
    silent = [".".join(path) for path, _, field in all_fields() if not field.description]
    assert not silent
    assert all(key.meaning for key in keys())


def test_every_key_is_told() -> None:
    told = {key.name for key in keys()}
    names = {name.rpartition(".")[2] for name in told}
    assert {path[-1] for path, _, _ in all_fields()} <= names
    assert {path[0] for path, _, _ in all_fields()} <= told
    assert len(told) == len(keys())


@pytest.mark.parametrize(
    ("name", "takes", "default"),
    [
        ("seed", "whole number from 0", "0"),
        ("fleet", "table", "required"),
        ("fleet.file", "path", ""),
        ("fleet.synthetic", "whole number from 1 to 4000000 or text", ""),
        ("flavors", "tables", ""),
        ("flavors[].hints", "table of list of text", ""),
        ("workload.mix.duration", "duration", "required"),
        ("workload.mix.growth_period", "duration", "'30d'"),
        ("workload.mix.flavors", "table of number from 0 to 1000000000", "required"),
        ("workload.mix.lifetime.kind", "'forever', 'fixed', 'exponential', 'lognormal', 'weibull'", "'forever'"),
        ("changes[do=fail].do", "'fail'", "required"),
        ("changes[do=fail].of", "table, as changes[do=remove_hosts].of", "required"),
        ("fail.of", "list of 'host', 'rack', 'zone', 'aggregate'", "['host']"),
        ("fits.tiered", "true or false", "true"),
        ("size.like", "text", ""),
        ("size.max_refused_percent", "number from 0 below 100", "0"),
        ("sweep", "table of list of any value", ""),
    ],
)
def test_a_key_says_what_it_takes(name: str, takes: str, default: str) -> None:
    by_name = {key.name: key for key in keys()}
    assert (by_name[name].type, by_name[name].default) == (takes, default)


def test_the_chains_options_are_those_there_are() -> None:
    assert [key.name for key in chain_keys()] == [f"chain.{field.name}" for field in fields(SchedulerOptions)]
    by_name = {key.name: key for key in chain_keys()}
    assert by_name["chain.build_failure_weight_multiplier"].default == "1000000"
    assert by_name["chain.weight_classes"].type == "list of text"
    assert by_name["chain.shuffle_best_same_weighed_hosts"].default == "false"


def test_the_text_has_a_row_a_key() -> None:
    text = keys_markdown()
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert len(rows) == len(keys()) + len(chain_keys())
    assert all(line.count(" | ") >= 2 for line in rows)
    assert len(keys_table().rows) == len(keys())
