"""Reading scenarios: good ones, and every kind of bad one with its line and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidFileError, InvalidRequestError
from engine.whatif.scenario.changes import Fail
from engine.whatif.scenario.model import Scenario
from engine.whatif.scenario.reading import MAX_BYTES, parse_scenario, read_scenario, with_values

GOOD = """\
title = "zone b is lost"
[fleet]
synthetic = "100 hosts of 64c 256g 2000d in 3 zones, racks of 10"
[chain]
ram_weight_multiplier = -1.0
[[flavors]]
name = "m1.large"
vcpus = 4
memory_mb = 8192
[workload.mix]
flavors = { "m1.large" = 1 }
per_hour = 3
duration = "10d"
lifetime = { kind = "exponential", mean = "2d" }
[[changes]]
do = "fail"
at = "5d"
of = { zone = "az1" }
[sweep]
"chain.cpu_weight_multiplier" = [1.0, -1.0]
[[variants]]
name = "spread"
set = { "chain.ram_weight_multiplier" = 1.0 }
"""


def complaint(text: str, name: str = "scenario.toml") -> str:
    with pytest.raises(InvalidFileError) as caught:
        parse_scenario(text, name)
    return caught.value.message


def test_a_scenario_is_read() -> None:
    scenario = parse_scenario(GOOD, "scenario.toml")
    assert scenario.title == "zone b is lost"
    assert scenario.workload.mix is not None
    assert scenario.workload.mix.duration == 864_000
    assert scenario.workload.mix.lifetime.mean == 172_800
    assert isinstance(scenario.changes[0], Fail)
    assert scenario.changes[0].of.zone == "az1"
    assert scenario.sweep == {"chain.cpu_weight_multiplier": (1.0, -1.0)}


def test_a_file_is_read_and_errors_name_it(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(GOOD)
    assert read_scenario(path) == parse_scenario(GOOD, "other")
    path.write_text(GOOD.replace("per_hour = 3", "per_hour = 0"))
    with pytest.raises(InvalidFileError) as caught:
        read_scenario(path)
    assert caught.value.message.startswith(f"{path}:12: workload.mix.per_hour: must be greater than 0")
    assert caught.value.details["line"] == "12"


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        (
            "per_hour = 3",
            "per_hour = -3",
            "scenario.toml:12: workload.mix.per_hour: must be greater than 0 (given: -3)",
        ),
        ("per_hour = 3", "per_hour = '3'", "scenario.toml:12: workload.mix.per_hour: must be a number (given: '3')"),
        ("per_hour = 3", "per_hour = true", "scenario.toml:12: workload.mix.per_hour: must be a number (given: true)"),
        ("per_hour = 3", "per_hour = [3]", "scenario.toml:12: workload.mix.per_hour: must be a number (given: [3])"),
        (
            "per_hour = 3",
            "per_hour = inf",
            "scenario.toml:12: workload.mix.per_hour: must be a finite number (given: inf)",
        ),
        (
            "per_hour = 3",
            "per_hour = nan",
            "scenario.toml:12: workload.mix.per_hour: must be a finite number (given: nan)",
        ),
        (
            "per_hour = 3",
            "per_hour = 1979-05-27",
            "scenario.toml:12: workload.mix.per_hour: is a date or a time of day",
        ),
        (
            "per_hour = 3",
            "per_hour = 1" + "0" * 400,
            "scenario.toml:12: workload.mix.per_hour: is a number that is too",
        ),
        ("per_hour", "per_hours", "scenario.toml:12: workload.mix.per_hours: is unknown: did you mean per_hour?"),
        ("vcpus = 4", "vcpus = 4.5", "scenario.toml:8: flavors[0].vcpus: must be a whole number (given: 4.5)"),
        ("vcpus = 4", "vcpus = -1", "scenario.toml:8: flavors[0].vcpus: must be at least 0 (given: -1)"),
        ("vcpus = 4\n", "", "scenario.toml:6: flavors[0].vcpus: is missing"),
        ("vcpus = 4", "vcpus = 99999999999999999999", "scenario.toml:8: flavors[0].vcpus: must be at most 1000000"),
        ('"10d"', '"ten days"', "scenario.toml:13: workload.mix.duration: is no duration: write a number and ms, s, m"),
        ('"10d"', "-1", "scenario.toml:13: workload.mix.duration: must be between 0 and 1e+10 seconds (given: -1)"),
        (', mean = "2d"', "", "scenario.toml:14: workload.mix.lifetime: a lifetime that is exponential needs a mean"),
        ('"exponential"', '"expo"', "scenario.toml:14: workload.mix.lifetime.kind: must be 'forever', 'fixed', 'expon"),
        ('do = "fail"', 'do = "fial"', "scenario.toml:16: changes[0].do: must be one of"),
        ('do = "fail"\n', "", "scenario.toml:15: changes[0].do: is missing: it must be one of add_hosts, remove_hosts"),
        ('zone = "az1"', 'zoen = "az1"', "scenario.toml:18: changes[0].of.zoen: is unknown: did you mean zone?"),
        ('zone = "az1"', "every = false", "scenario.toml:18: changes[0].of: says no hosts: give hosts, zone or aggreg"),
        ('zone = "az1"', "zone = 1", "scenario.toml:18: changes[0].of.zone: must be text (given: 1)"),
        ('{ zone = "az1" }', '"az1"', "scenario.toml:18: changes[0].of: must be a table (given: 'az1')"),
        (
            "100 hosts",
            "100 hots",
            "scenario.toml:3: fleet.synthetic: 'hots' (character 5) is not understood: did you mean",
        ),
        ('synthetic = "', "synthetic = 0 #", "scenario.toml:3: fleet.synthetic: must be at least 1 (given: 0)"),
        ('synthetic = "', "synthetic = 1.5 #", "scenario.toml:3: fleet.synthetic: must be a whole number or text (giv"),
        (
            'synthetic = "',
            'live = "a:1"\nsynthetic = "',
            "scenario.toml:2: fleet: takes one of file, live and synthetic; l",
        ),
        ("title =", "titel =", "scenario.toml:1: titel: is unknown: did you mean title?"),
        ("title =", "per_hour =", "scenario.toml:1: per_hour: is unknown here: it belongs to workload.mix"),
        (
            "ram_weight_m",
            "ram_weigth_m",
            "scenario.toml:5: chain.ram_weigth_multiplier: is unknown: did you mean ram_weigh",
        ),
        (
            "ram_weight_multiplier = -1.0",
            "max_attempts = '3'",
            "scenario.toml:5: chain.max_attempts: must be a whole num",
        ),
        ("ram_weight_multiplier = -1.0", "max_attempts = 0", "scenario.toml:5: chain.max_attempts: must be at least 1"),
        ("ram_weight_multiplier = -1.0", "enabled_filters = ['NoFilter']", "scenario.toml:5: chain.enabled_filters: "),
        (
            "ram_weight_multiplier = -1.0",
            "enabled_filters = 'A'",
            "scenario.toml:5: chain.enabled_filters: must be a list",
        ),
        (
            "ram_weight_multiplier = -1.0",
            "enabled_filters = [\n1]",
            "scenario.toml:6: chain.enabled_filters[0]: must be t",
        ),
        (
            '{ "m1.large" = 1 }',
            '{ "m1.lage" = 1 }',
            'scenario.toml:11: workload.mix.flavors."m1.lage": there is no flavor',
        ),
        ('{ "m1.large" = 1 }', '{ "m1.large" = 0 }', "scenario.toml:10: workload.mix: all shares of flavors are 0"),
        ('{ "m1.large" = 1 }', "{}", "scenario.toml:11: workload.mix.flavors: must not be empty"),
        ("[1.0, -1.0]", "[]", 'scenario.toml:20: sweep."chain.cpu_weight_multiplier": must not be empty'),
        (
            "[1.0, -1.0]",
            "[1.0, 'x']",
            'scenario.toml:20: sweep."chain.cpu_weight_multiplier": chain.cpu_weight_multiplier',
        ),
        ('"chain.cpu_w', '"chain.cpu_ww', "scenario.toml:20: sweep."),
        (
            '{ "chain.ram_w',
            '{ "chain.rm_w',
            "scenario.toml:23: variants[0].set: chain.rm_weight_multiplier: is unknown",
        ),
        (
            '{ "chain.ram_w',
            '{ "changes.4.w',
            "scenario.toml:23: variants[0].set.\"changes.4.weight_multiplier\": says '4'",
        ),
        ('{ "chain.ram_w', '{ "a b', "scenario.toml:23: variants[0].set."),
    ],
)
def test_what_is_wrong_is_told_with_its_line(was: str, now: str, told: str) -> None:
    assert was in GOOD
    assert told in complaint(GOOD.replace(was, now, 1))


def test_a_misspelt_choice_is_told_what_is_near() -> None:
    assert "did you mean 'fail'? (given: 'fial')" in complaint(GOOD.replace('do = "fail"', 'do = "fial"'))
    assert "did you mean 'exponential'?" in complaint(GOOD.replace('"exponential"', '"exponental"'))


def test_several_errors_are_told_each_on_a_line_in_the_order_of_the_text() -> None:
    text = GOOD.replace("per_hour = 3", "per_hour = 0").replace("vcpus = 4", "vcpus = 'x'").replace("az1", "")
    told = complaint(text).splitlines()
    assert [line.split(":")[1] for line in told] == ["8", "12", "18"]


def test_of_many_errors_twenty_are_told() -> None:
    text = GOOD + "\n".join(f"unknown{number} = 1" for number in range(50))
    told = complaint(text).splitlines()
    assert len(told) == 21
    assert told[-1] == "and 30 more"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "s.toml:1: is empty"),
        (" \n\n", "s.toml:1: is empty"),
        ("# only this", "s.toml:1: fleet: is missing"),
        ("\ufeff[fleet]", "s.toml:1: begins with a byte order mark"),
        ("a = 1\na = 2\n", "s.toml:2: is no TOML: cannot overwrite a value"),
        ("[fleet]\n[fleet]\n", "s.toml:2: is no TOML: cannot declare"),
        ("\n\nx = [1,\n", "s.toml:4: is no TOML: "),
        ("x = \u0000", "s.toml:1: is no TOML"),
        ("just text", "s.toml:1: is no TOML"),
        ("x = " + "[" * 5000, "s.toml:1: has tables or lists too deep"),
        ("x = " + "[" * 100 + "]" * 100, "s.toml:1: x[0][0]: has tables or lists too deep"),
        ("x = " + "{a=" * 100 + "1" + "}" * 100, "s.toml:1: x.a.a: has tables or lists too deep"),
        ("x = " + "9" * 5000, "s.toml:1: has a number that is too large"),
        (
            "[fleet]\nsynthetic=5\ntitle='x'",
            "s.toml:3: fleet.title: is unknown here: it belongs to the top of the document",
        ),
        ("[fleet]\nsynthetic=5\n" + "k" * 999 + "=1", "kkk…: is unknown; known here: file, allocations, live"),
        ("fleet = 1", "s.toml:1: fleet: must be a table (given: 1)"),
        ("fleet = [[]]", "s.toml:1: fleet: must be a table"),
        ("[[fleet]]\nsynthetic = 1", "s.toml:1: fleet: must be a table"),
        ("[fleet]\nfile = 1", "s.toml:2: fleet.file: must be text (given: 1)"),
        ("[fleet]\nsynthetic = 5\nallocations = 'a'", "s.toml:1: fleet: allocations go with file"),
        ("[fleet]\nsynthetic=5\n[workload.mix]\n[workload.fill]", "workload.fill.flavors: is missing"),
        ("[fleet]\nsynthetic=5\n[changes]\nat=1", "s.toml:3: changes: must be a list, in []"),
        ("[fleet]\nsynthetic=5\n[[changes]]\ndo='set_ratio'\nof={every=true}", "s.toml:3: changes[0]: sets nothing"),
        ("[fleet]\nsynthetic=5\n[[changes]]\ndo='add_hosts'\nlike='4'", "s.toml:5: changes[0].like: "),
        (
            "[fleet]\nsynthetic=5\n[fail]\nof=['disk']",
            "s.toml:4: fail.of[0]: must be 'host', 'rack', 'zone' or 'aggregate'",
        ),
        ("[fleet]\nsynthetic=5\n[size]\nlike='10 of 4'", "s.toml:4: size.like: '4' (character 7) must be hardware thr"),
        ("[fleet]\nsynthetic=5\n[fits]\nflavors=['x']", "s.toml:4: fits.flavors[0]: there is no flavor 'x'; add it"),
        ("[fleet]\nsynthetic=5\n[[flavors]]\nname='x'\nvcpus=0\nmemory_mb=0", "s.toml:3: flavors[0]: asks for nothing"),
        (
            "[fleet]\nsynthetic=5\n[[flavors]]\nname='x'\nvcpus=4\nmemory_mb=8\nextra_specs={'hw:numa_nodes'='3'}",
            "s.toml:3: flavors[0]: 4 vCPUs and 8 MiB of flavor 'x' do not divide into 3",
        ),
        (
            "[fleet]\nsynthetic=5\n[[changes]]\ndo='set_chain'\nchain={host_subset_size=0}",
            "s.toml:5: changes[0].chain.host_subset_size: must be at least 1",
        ),
        (
            "[fleet]\nsynthetic=5\n[[variants]]\nname='a'\n[[variants]]\nname='a'",
            "s.toml:6: variants[1].name: variant 'a'",
        ),
        (
            "[fleet]\nsynthetic=5\n[sweep]\n'seed'=[" + "1," * 2001 + "]",
            "s.toml:3: sweep: has 2001 values, at most 2000",
        ),
    ],
)
def test_broken_documents_are_refused(text: str, told: str) -> None:
    assert told in complaint(text, "s.toml")


def test_of_very_many_errors_the_first_are_told_soon() -> None:
    text = GOOD + "\n".join(f"unknown{number} = 1" for number in range(5000))
    assert complaint(text).endswith("and many more")


def test_a_live_fleets_flavors_are_not_known_before_it_is_asked() -> None:
    scenario = parse_scenario("[fleet]\nlive='h:1'\n[fits]\nflavors=['m1.small']", "s.toml")
    assert scenario.fits.flavors == ("m1.small",)


def test_files_that_are_no_text_too_large_or_not_there_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    for content, told in (
        (b"title = 'a'\n\xff\xfe\x00", f"{path}:2: is not UTF-8 text"),
        (b"\x00" * 100, f"{path}:1: is no TOML"),
        (b"#" * (MAX_BYTES + 1), f"{path}: has more than {MAX_BYTES} bytes"),
    ):
        path.write_bytes(content)
        with pytest.raises(InvalidFileError) as caught:
            read_scenario(path)
        assert told in caught.value.message
    for gone in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(InvalidFileError, match="cannot be read"):
            read_scenario(gone)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_garbage_is_always_an_error_that_says_where(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "garbage.toml"
    path.write_bytes(content)
    with pytest.raises(InvalidFileError) as caught:
        read_scenario(path)
    assert caught.value.message.startswith(f"{path}:")


_KEYS = st.sampled_from(
    ["fleet", "changes", "do", "of", "workload", "mix", "flavors", "chain", "sweep", "at", "synthetic"]
)
_DOCUMENTS = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.dates() | st.sampled_from(["fail", "drain"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=15,
)


@given(st.dictionaries(_KEYS, _DOCUMENTS, max_size=5))
def test_any_document_is_a_scenario_or_an_error_with_a_line_for_each_problem(document: dict[str, Any]) -> None:
    text = tomli_w.dumps(document) or "# nothing"
    try:
        parse_scenario(text, "s.toml")
    except InvalidFileError as error:
        for line in error.message.splitlines():
            name, number, _ = line.split(":", 2)
            assert name == "s.toml"
            assert 1 <= int(number) <= text.count("\n") + 1


def test_values_are_set_by_dotted_keys() -> None:
    scenario = parse_scenario(GOOD, "s.toml")
    varied = with_values(
        scenario,
        {
            "chain.cpu_weight_multiplier": -1,
            'flavors."m1.large".vcpus': 8,
            "changes.0.at": "1h",
            "fleet.synthetic": 30,
            "replay.samples": 7,
            "workload.mix.lifetime": {"kind": "fixed", "mean": 60},
        },
    )
    assert varied.chain == {"ram_weight_multiplier": -1.0, "cpu_weight_multiplier": -1}
    assert varied.flavors[0].vcpus == 8
    assert varied.changes[0].at == 3600
    assert varied.fleet.synthetic == 30
    assert varied.replay.samples == 7
    assert varied.workload.mix is not None
    assert varied.workload.mix.lifetime.mean == 60
    assert scenario == parse_scenario(GOOD, "s.toml")


def test_a_value_of_none_takes_the_key_away() -> None:
    scenario = parse_scenario(GOOD, "s.toml")
    assert with_values(scenario, {"changes.0": None}).changes == ()
    assert with_values(scenario, {"workload.mix.lifetime": None}).workload.mix.lifetime.kind == "forever"  # type: ignore[union-attr]
    assert with_values(scenario, {"title": None, "seed": None}).title == ""


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (
            {"chain.cpu_weigth_multiplier": 1},
            "chain.cpu_weigth_multiplier: is unknown: did you mean cpu_weight_multiplier?",
        ),
        ({"changes.7.at": 1}, "changes.7.at: says '7' of a list of 1: give a number from 0"),
        ({"changes.-1.at": 1}, "says '-1' of a list of 1"),
        ({"flavors.m2.vcpus": 1}, "says 'm2' of a list of 1: give a name of m1.large or a number from 0"),
        ({"title.x": 1}, "title.x: goes on after title, which is no table"),
        ({"": 1}, "is no dotted key"),
        ({"a b": 1}, "is no dotted key"),
        ({"a = 1\nb": 1}, "is no dotted key"),
        ({"[a]\nb": 1}, "is no dotted key"),
        ({"a.": 1}, "is no dotted key"),
        ({"fleet.synthetic": None}, "fleet: takes one of file, live and synthetic; none of them is given"),
        ({"workload.mix.per_hour": float("nan")}, "workload.mix.per_hour: must be a finite number"),
        ({"workload.mix.per_hour": object()}, "workload.mix.per_hour: is a object"),
        ({"seed": 2**70}, "seed: must be at most"),
        ({"seed": -1, "title": 5}, "seed: must be at least 0 (given: -1)"),
    ],
)
def test_wrong_values_are_refused(values: dict[str, Any], told: str) -> None:
    scenario = parse_scenario(GOOD, "s.toml")
    with pytest.raises(InvalidRequestError) as caught:
        with_values(scenario, values)
    assert told in caught.value.message


def test_a_scenario_made_in_python_can_be_varied_too() -> None:
    scenario = Scenario.model_validate({"fleet": {"file": Path("a/fleet.parquet")}})
    assert with_values(scenario, {"seed": 3}).fleet.file == Path("a/fleet.parquet")
    assert with_values(scenario, {"seed": 3}).seed == 3
