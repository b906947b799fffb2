"""What a scenario reads is known before it is read, whichever variant or value of a sweep says so."""

from __future__ import annotations

import pytest

from engine.errors import InvalidRequestError
from engine.whatif.scenario.model import Scenario
from engine.whatif.scenario.reading import parse_scenario
from engine.whatif.served.offered import check_files, named_files, reads_itself

FLEET = '[fleet]\nsynthetic = "3 hosts of 8c 32g"\n'
FILES = """
[fleet]
file = "hosts.parquet"
allocations = "held.parquet"
[workload.trace]
file = "day/one.parquet"
"""


def scenario(text: str) -> Scenario:
    return parse_scenario(text, "s.toml")


def test_a_scenario_of_no_files_needs_none() -> None:
    check_files(scenario(FLEET), ())
    assert named_files(scenario(FLEET)) == ()
    assert not reads_itself(scenario(FLEET))


def test_every_file_must_be_offered_by_its_name() -> None:
    names = ("hosts.parquet", "held.parquet", "day/one.parquet")
    assert named_files(scenario(FILES)) == names
    check_files(scenario(FILES), {*names, "another"})
    for name in names:
        with pytest.raises(InvalidRequestError, match=f"send '{name}' with the question"):
            check_files(scenario(FILES), set(names) - {name})


@pytest.mark.parametrize(
    "more",
    [
        '[[variants]]\nname = "b"\nset = {fleet = {file = "/etc/passwd"}}\n[[variants]]\nname = "c"\n',
        '[[variants]]\nname = "b"\nset = {\'workload."trace"\' = {file = "/etc/passwd"}}\n[[variants]]\nname = "c"\n',
        '[sweep]\nfleet = [{file = "/etc/passwd"}]\n',
        '[sweep]\n"workload.trace" = [{file = "/etc/passwd"}]\n',
        '[sweep]\nvariants = [[{name = "a", set = {fleet = {file = "/etc/passwd"}}}, {name = "b"}]]\n',
    ],
)
def test_a_file_that_only_a_variation_names_is_seen(more: str) -> None:
    found = scenario(FLEET + more)
    assert named_files(found) == ("/etc/passwd",)
    with pytest.raises(InvalidRequestError, match="/etc/passwd"):
        check_files(found, ())


def test_the_service_itself_may_be_read_and_no_other() -> None:
    itself = scenario('[fleet]\nlive = "self"\n')
    check_files(itself, ())
    assert reads_itself(itself)
    with pytest.raises(InvalidRequestError, match="asks no other one"):
        check_files(scenario('[fleet]\nlive = "127.0.0.1:7474"\n'), ())
    varied = scenario(f'{FLEET}[sweep]\nfleet = [{{live = "self"}}, {{synthetic = "1 hosts of 8c 32g"}}]\n')
    assert reads_itself(varied)
