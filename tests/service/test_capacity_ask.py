"""Questions asked of a service: answered by a process of its own, which is gone when the call is, whatever happens."""

from __future__ import annotations

import io
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.client import Client
from engine.errors import (
    BusyError,
    EngineError,
    InvalidFileError,
    InvalidRequestError,
    LimitExceededError,
    ServiceUnavailableError,
    ShuttingDownError,
)
from engine.v1.capacity_service_pb2 import AskRequest
from engine.v1.capacity_service_pb2_grpc import CapacityServiceStub
from engine.whatif.asking import ask
from engine.whatif.inputs import Inputs
from engine.whatif.report.files import DECISIONS, REPORT, SUMMARY, render
from engine.whatif.report.summary import About
from engine.whatif.scenario.reading import parse_scenario
from tests.service.harness import Running, serving
from tests.service.messages import add_flavor, add_hosts, spec
from tests.service.subprocesses import served, whatif_processes

FLAVOR = """
[[flavors]]
name = "small"
vcpus = 2
memory_mb = 4096
"""
OF_ITSELF = f'[fleet]\nlive = "self"\n{FLAVOR}'
SYNTHETIC = f'title = "two"\n[fleet]\nsynthetic = "2 hosts of 8c 32g"\n{FLAVOR}'
TRACED = f'[fleet]\nsynthetic = "1 hosts of 8c 32g"\n{FLAVOR}[workload.trace]\nfile = "traces/day one.parquet"\n'
ENDLESS = f"""
[fleet]
synthetic = "2000 hosts of 64c 256g"
{FLAVOR}
[workload.mix]
flavors = {{ small = 1.0 }}
per_hour = 1000000.0
duration = "3h"
lifetime = {{ kind = "exponential", mean = "1h" }}
"""
"""Six million events: work for longer than a test waits."""
WAIT_S = 60.0


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(tmp_path_factory.mktemp("asked") / "state") as running:
        add_hosts(running.client, *({"host_id": f"h{number}", "vcpus": 4} for number in range(3)))
        add_flavor(running.client, "m1", 2, 1024)
        running.client.select_destinations(spec(flavor_name="m1", num_instances=5))
        yield running


def until(what: Any) -> None:
    deadline = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # one that nobody has waited for yet is no more either
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def working(running: Running) -> set[int]:
    """The processes at work."""
    assert running.service.capacity is not None
    return {process.pid for process in running.service.capacity.running}


def nothing_left(running: Running) -> bool:
    folder = Path(running.service.settings.state_dir) / "whatif"
    return not working(running) and not (folder.exists() and list(folder.iterdir()))


@contextmanager
def asked(running: Running, scenario: str = ENDLESS, question: str = "replay") -> Iterator[Any]:
    """A call that is under way, its process begun."""
    stub = CapacityServiceStub(running.channel)
    before = working(running)
    call = stub.Ask(AskRequest(question=question, scenario_toml=scenario))
    try:
        until(lambda: working(running) - before)
        yield call
    finally:
        call.cancel()


def test_the_service_as_it_is_can_be_asked_about(shared, tmp_path):
    steps: list[str] = []
    shared.client.ask("fits", OF_ITSELF, tmp_path, on_progress=lambda what, done, total: steps.append(what))
    summary = json.loads((tmp_path / SUMMARY).read_text())
    # 3 hosts of 4 vCPUs at a ratio of 4, of which 5 instances of 2 are in use
    assert summary["figures"]["fits"] == {"m1": 19, "small": 19}
    assert summary["figures"]["instances"] == 5
    assert "taking a snapshot" in steps
    assert pq.read_table(tmp_path / DECISIONS).num_rows > 0
    assert (tmp_path / REPORT).read_text().startswith("<!")
    until(lambda: nothing_left(shared))


def test_an_answer_is_the_same_to_the_byte_as_one_of_this_process(shared, tmp_path):
    shared.client.ask("fits", SYNTHETIC, tmp_path, scenario_name="two.toml", seed=7)
    answer = ask("fits", parse_scenario(SYNTHETIC, "two.toml"), Inputs(), seed=7)
    here = render(answer, About(SYNTHETIC, 7, "two"))
    assert (tmp_path / SUMMARY).read_bytes() == here.summary
    assert (tmp_path / REPORT).read_bytes() == here.report
    assert (tmp_path / DECISIONS).read_bytes() == bytes(here.decisions)


def test_a_trace_comes_with_the_question(shared, tmp_path):
    trace = io.BytesIO()
    columns = {"vm_id": [1, 2, 3], "t_create": [0, 1, 9], "t_delete": [9, None, None], "vcpus": [2] * 3}
    pq.write_table(pa.table({**columns, "memory_mb": [20_000] * 3}), trace)
    shared.client.ask("replay", TRACED, tmp_path, files={"traces/day one.parquet": trace.getvalue()})
    outcomes = pq.read_table(tmp_path / DECISIONS)["outcome"].to_pylist()
    assert [str(item).lower() for item in outcomes] == ["placed", "refused", "placed"]


@pytest.mark.parametrize(
    ("question", "scenario", "error", "said"),
    [
        ("fit", SYNTHETIC, InvalidRequestError, "did you mean 'fits'"),
        ("", SYNTHETIC, InvalidRequestError, "there is no question ''"),
        ("fits", "", InvalidFileError, "s.toml:1: is empty"),
        ("fits", "\x00\x01 = ]", InvalidFileError, "s.toml:1:"),
        ("fits", "[fleet]\nsynthetic = 3\n[flet]\n", InvalidFileError, "s.toml:3: flet"),
        ("fits", "[fleet]\nsynthetic = -3\n", InvalidFileError, "s.toml:2"),
        ("fits", "[fleet]\nlive = 'other:7474'\n", InvalidRequestError, "a service asks no other one"),
        ("fits", "[fleet]\nfile = '/etc/passwd'\n", InvalidRequestError, "opens no files of its own"),
        ("replay", TRACED, InvalidRequestError, "send 'traces/day one.parquet' with the question"),
        ("fits", f"{SYNTHETIC}[chain]\nenabled_filters = ['NoSuchFilter']\n", EngineError, "NoSuchFilter"),
        ("fits", f"{SYNTHETIC}[fits]\nflavors = ['huge']\n", InvalidRequestError, "huge"),
        ("fits", "a = 1\n" * 200_000, LimitExceededError, "a scenario has at most"),
    ],
)
def test_a_question_that_cannot_be_answered_says_why(shared, tmp_path, question, scenario, error, said):
    with pytest.raises(error, match=said):
        shared.client.ask(question, scenario, tmp_path, scenario_name="s.toml")
    assert not list(tmp_path.iterdir())
    until(lambda: nothing_left(shared))


@pytest.mark.parametrize("name", ["../x.parquet", "/etc/x", "a/../b", "a//b", "", ".", "a\nb", "x" * 300])
def test_a_file_that_would_lie_elsewhere_is_refused(shared, tmp_path, name):
    with pytest.raises(InvalidRequestError, match="a relative name"):
        shared.client.ask("fits", SYNTHETIC, tmp_path, files={name: b""})


def test_files_of_which_one_is_in_another_are_refused(shared, tmp_path):
    with pytest.raises(InvalidRequestError, match="in another"):
        shared.client.ask("fits", SYNTHETIC, tmp_path, files={"a": b"", "a/b": b""})


def test_a_file_that_is_no_trace_is_refused_by_its_own_name(shared, tmp_path):
    with pytest.raises(InvalidFileError, match=r"day one\.parquet") as refusal:
        shared.client.ask("replay", TRACED, tmp_path, files={"traces/day one.parquet": b"PAR1 nonsense"})
    assert str(shared.service.settings.state_dir) not in refusal.value.message


@pytest.mark.parametrize("seed", [-1, -(2**63)])
def test_a_seed_below_zero_is_refused(shared, tmp_path, seed):
    with pytest.raises(InvalidRequestError, match="a seed is between"):
        shared.client.ask("fits", SYNTHETIC, tmp_path, seed=seed)


def test_a_message_beyond_the_service_s_size_is_refused(tmp_path):
    with serving(tmp_path / "state", max_message_mb=1) as local, pytest.raises(EngineError):
        local.client.ask("replay", TRACED, tmp_path / "out", files={"traces/day one.parquet": bytes(2 << 20)})


def test_a_call_that_is_cancelled_leaves_no_process_and_no_file(shared):
    with asked(shared) as call:
        # in the middle of its work, not only at its beginning
        until(lambda: next(call).progress.done)
        pids = working(shared)
        assert all(is_there(pid) for pid in pids)
        call.cancel()
        until(lambda: not any(is_there(pid) for pid in pids))
    until(lambda: nothing_left(shared))


def test_a_process_that_dies_is_told_of(shared):
    with asked(shared) as call:
        for pid in working(shared):
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(grpc.RpcError) as failure:
            list(call)
        assert failure.value.code() is grpc.StatusCode.INTERNAL
        assert "was killed" in failure.value.details()
    until(lambda: nothing_left(shared))


def test_one_is_worked_on_at_a_time_the_next_waits_and_one_more_is_sent_away(tmp_path):
    with serving(tmp_path / "state", whatif_waiting=1) as local, ThreadPoolExecutor(1) as pool:
        with asked(local):
            steps: list[str] = []
            waiting: Future[None] = pool.submit(
                local.client.ask, "fits", SYNTHETIC, tmp_path / "out", on_progress=lambda what, *_: steps.append(what)
            )
            until(lambda: steps)
            assert steps == ["waiting behind 1 other"]
            with pytest.raises(BusyError, match="ask again later"):
                local.client.ask("fits", SYNTHETIC, tmp_path / "other")
            assert len(working(local)) == 1
            assert not waiting.done()
        waiting.result(WAIT_S)
        assert (tmp_path / "out" / SUMMARY).exists()
        until(lambda: nothing_left(local))


def test_placing_goes_on_while_a_question_is_worked_on(shared):
    with asked(shared):
        reply = shared.client.select_destinations(spec(1, 1))
        shared.client.release_allocations([reply.selections[0].instance_uuid])


def test_a_service_that_stops_ends_what_is_asked_and_what_waits(tmp_path):
    with serving(tmp_path / "state", drain_s=30.0) as local, ThreadPoolExecutor(1) as pool, asked(local) as call:
        waiting = pool.submit(local.client.ask, "fits", SYNTHETIC, tmp_path / "out")
        until(lambda: local.service.capacity is not None and local.service.capacity.waiting)
        (pid,) = working(local)
        began = time.monotonic()
        local.run(local.service.stop())
        assert time.monotonic() - began < 10
        with pytest.raises((ShuttingDownError, ServiceUnavailableError)):
            waiting.result(WAIT_S)
        with pytest.raises(grpc.RpcError):
            list(call)
        until(lambda: not is_there(pid))


def test_a_service_that_is_killed_leaves_no_process_and_the_next_one_no_file(tmp_path):
    with served(tmp_path) as service, Client(service.target) as client:
        threading.Thread(target=_ask_until_it_ends, args=(client, tmp_path / "out"), daemon=True).start()
        until(lambda: whatif_processes(service.process.pid))
        (pid,) = whatif_processes(service.process.pid)
        # until it has read its task it ends by the end of its input, and from then on by watching that
        time.sleep(0.5)
        service.kill()
        until(lambda: not is_there(pid))
        assert list((service.state_dir / "whatif").iterdir())
    with served(tmp_path):
        assert not (tmp_path / "state" / "whatif").exists()


def _ask_until_it_ends(client: Client, out: Path) -> None:
    with pytest.raises(EngineError):
        client.ask("replay", ENDLESS, out)
