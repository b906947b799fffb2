"""Reloading: what the file says now is in force between two decisions, or nothing of it is."""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.client import Client
from engine.config import Settings
from engine.errors import EngineError, InvalidRequestError, InvalidSettingError, NoValidHostError
from engine.service.audit import audit_state_dir
from engine.service.reload import FIXED, NOT_READ, RELOADED
from tests.service.harness import WAIT_S, Running, serving
from tests.service.messages import add_flavor, add_hosts, batch, refusal, spec, tokens
from tests.service.subprocesses import Served, served

NEWEST_FIRST = "[scheduler]\nhypervisor_version_weight_multiplier = 1000000.0\n"
OLDEST_FIRST = "[scheduler]\nhypervisor_version_weight_multiplier = -1000000.0\n"
COUNTED = """placement_filters = ["CapacityFilter"]
enabled_filters = ["NumInstancesFilter"]
weight_classes = ["HypervisorVersionWeigher"]
max_instances_per_host = """
"""Another chain, whose kernels are others, and soon compiled."""
RELOAD_S = 600.0
ROOMY = {"vcpus": 60_000, "memory_mb": 10**8, "cpu_allocation_ratio": 1.0}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "berth.toml"
    file.write_text(NEWEST_FIRST)
    return file


@pytest.fixture
def local(tmp_path: Path, config: Path) -> Iterator[Running]:
    """A service under ``config`` with an old host h0 and a new one h1."""
    with serving(tmp_path / "state", config=config) as running:
        add_hosts(running.client, {**ROOMY, "hypervisor_version": 1}, {**ROOMY, "hypervisor_version": 2})
        yield running


def reload(local: Running) -> list[str]:
    return asyncio.run_coroutine_threadsafe(local.service.reload(), local.loop).result(RELOAD_S)


def chosen(local: Running, **fields: Any) -> str:
    return str(local.client.select_destinations(spec(**fields)).selections[0].host.host_id)


def test_every_setting_is_reloaded_fixed_or_not_read() -> None:
    assert sorted((*RELOADED, *FIXED, *NOT_READ)) == sorted(Settings.model_fields)


def test_other_multipliers_choose_other_hosts_and_what_was_held_stays(local, config):
    assert chosen(local) == "h1"
    config.write_text(OLDEST_FIRST)
    assert chosen(local) == "h1"
    assert reload(local) == ["scheduler.hypervisor_version_weight_multiplier: 1000000.0, now -1000000.0"]
    assert chosen(local) == "h0"
    add_flavor(local.client)
    (answer,) = local.client.stream([batch(tokens(3))])
    assert answer.hosts() == ["h0"] * 3
    config.write_text(NEWEST_FIRST)
    reload(local)
    assert chosen(local) == "h1"
    assert local.client.list_allocations().total == 7
    local.assert_clean()


def test_a_stream_goes_on_under_the_new_chain(local, config):
    add_flavor(local.client)
    asked = threading.Event()

    def batches() -> Iterator[Any]:
        yield batch(tokens(2))
        assert asked.wait(WAIT_S)
        yield batch(tokens(2, first=100))

    answers = local.client.stream(batches(), window=1)
    assert next(answers).hosts() == ["h1", "h1"]
    config.write_text(OLDEST_FIRST)
    reload(local)
    asked.set()
    assert next(answers).hosts() == ["h0", "h0"]
    answers.close()


def test_nothing_has_changed_when_nothing_has_changed(local):
    before = local.placer.selector
    assert reload(local) == []
    assert local.placer.selector is before


def test_what_the_chain_before_kept_is_let_go(local, config):
    chosen(local)
    before = weakref.ref(local.placer.selector.views)
    config.write_text(OLDEST_FIRST)
    reload(local)
    chosen(local)
    # at once: what waits for the garbage collector would be twice the memory for as long
    assert before() is None


def test_a_new_filter_refuses_and_says_why(local, config):
    chosen(local)
    config.write_text(f"{NEWEST_FIRST}{COUNTED}1\n")
    reload(local)
    assert chosen(local) == "h0"
    refused = refusal(local.scheduler.SelectDestinations, _request())
    reasons = {item.filter: item.reason for item in refused.summary.rejections}
    assert reasons["NumInstancesFilter"]


def _request() -> Any:
    from engine.v1.scheduler_service_pb2 import SelectDestinationsRequest

    return SelectDestinationsRequest(request_spec=spec())


def test_explanations_are_of_the_chain_in_force(local, config):
    config.write_text(f"{OLDEST_FIRST}max_attempts = 1\n")
    reload(local)
    weighed = local.client.explain_selection(spec()).weighed
    assert [item.host_id for item in weighed] == ["h0", "h1"]
    assert not local.client.select_destinations(spec()).selections[0].alternates


def test_the_default_zone_is_that_of_the_chain_in_force(local, config):
    assert chosen(local, availability_zone="nova") == "h1"
    config.write_text(f'{NEWEST_FIRST}default_availability_zone = "here"\n')
    reload(local)
    assert chosen(local, availability_zone="here") == "h1"
    with pytest.raises((InvalidRequestError, NoValidHostError)):
        chosen(local, availability_zone="nova")


def test_device_aliases_are_those_of_the_chain_in_force(local, config):
    wants = {"extra_specs": {"pci_passthrough:alias": "card:1"}}
    with pytest.raises(InvalidRequestError, match="card"):
        chosen(local, **wants)
    alias = """'{"name": "card", "vendor_id": "10de", "product_id": "1db1"}'"""
    config.write_text(f"{NEWEST_FIRST}pci_alias = [{alias}]\n")
    reload(local)
    # a card that no filter of the chain asks the hosts for
    assert chosen(local, **wants) == "h1"


def test_services_are_down_after_the_time_of_the_chain_in_force(local, config):
    config.write_text(f"{NEWEST_FIRST}service_down_time = 100000\n")
    late_us = time.time_ns() // 1000 - 1_000_000_000
    late = {**ROOMY, "hypervisor_version": 2, "last_seen_up_us": late_us}
    add_hosts(local.client, {**ROOMY, "hypervisor_version": 1}, late)
    assert chosen(local) == "h0"
    reload(local)
    assert chosen(local) == "h1"
    config.write_text(NEWEST_FIRST)
    reload(local)
    assert chosen(local) == "h0"


def test_times_and_budgets_are_taken_over_without_a_new_chain(local, config):
    chain, chance = local.placer.selector.chain, local.placer.selector.rng
    config.write_text(f"token_retention_s = 7\nview_budget_mb = 1\nseed = 5\n{NEWEST_FIRST}")
    assert reload(local) == ["seed: None, now 5", "token_retention_s: 3600, now 7", "view_budget_mb: 256, now 1"]
    assert local.service.settings.token_retention_s == 7
    assert local.placer.selector.chain is chain
    assert local.placer.selector.rng is not chance
    assert local.placer.selector.views.budget_bytes == 1024 * 1024
    assert chosen(local) == "h1"


@pytest.fixture
def refused_reload(local: Running, config: Path) -> Callable[[str], EngineError]:
    """Reloads a text, demands that it is refused with nothing changed, and returns the error."""

    def attempt(text: str) -> EngineError:
        before, selector = local.service.settings, local.placer.selector
        config.write_text(text)
        with pytest.raises(EngineError) as wrong:
            reload(local)
        assert local.service.settings is before
        assert local.placer.selector is selector
        assert chosen(local) == "h1"
        return wrong.value

    return attempt


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("max_message_mb = 3\n", "max_message_mb: 64, now 3"),
        ("[ledger]\nidle_s = 0.5\n", "ledger.idle_s: 0.02, now 0.5"),
    ],
)
def test_what_cannot_change_is_refused_by_name_and_nothing_else_taken(refused_reload, text, named):
    both = f"{text}{OLDEST_FIRST}" if text.startswith("max") else f"{OLDEST_FIRST}{text}"
    assert named in refused_reload(both).message


def test_address_and_state_are_refused_by_name(tmp_path, config):
    config.write_text(f'listen = "127.0.0.1:1"\nstate_dir = "{tmp_path}/other"\n')
    with serving(tmp_path / "state") as local:
        local.service._reread = lambda: Settings.load(config)
        with pytest.raises(InvalidSettingError, match=r"listen: .*127\.0\.0\.1:1.*state_dir: .*other") as wrong:
            reload(local)
        assert wrong.value.details["setting"] == "listen"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[scheduler\n", "line 1"),
        ("[scheduler]\nmax_atempts = 3\n", "max_atempts"),
        ('[scheduler]\nenabled_filters = ["NoSuchFilter"]\n', "NoSuchFilter"),
        ('[scheduler]\nweight_classes = ["NoSuchWeigher"]\n', "NoSuchWeigher"),
        ("[scheduler]\nmax_attempts = -99999999999999999999\n", "max_attempts"),
        ("[scheduler]\nram_weight_multiplier = inf\n", "ram_weight_multiplier"),
        ("token_retention_s = 0\n", "token_retention_s"),
        ("\x00", "TOML"),
    ],
)
def test_a_broken_file_changes_nothing_and_says_what_and_where(refused_reload, text, named):
    assert named in refused_reload(text).message


def test_a_file_that_is_gone_changes_nothing(local, config):
    config.unlink()
    with pytest.raises(InvalidSettingError, match="check --config"):
        reload(local)
    config.mkdir()
    with pytest.raises(InvalidSettingError):
        reload(local)
    assert chosen(local) == "h1"


# -- a process, told by a signal ---------------------------------------------------------------------------------------


def hang_up(service: Served, words: str) -> None:
    """Send SIGHUP and wait until the log says these words once more."""
    import signal

    before = service.said.count(words)
    service.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + RELOAD_S
    while service.said.count(words) == before:
        assert service.process.poll() is None, service.said
        assert time.monotonic() < deadline, service.said
        time.sleep(0.01)


def test_under_load_a_reload_loses_nothing_and_every_answer_is_of_one_chain_then_of_the_other(tmp_path, config):
    stop = threading.Event()
    faults: list[BaseException] = []
    hosts_of: list[list[str]] = [[], [], []]

    def unary(target: str, heard: list[str]) -> None:
        with Client(target) as client:
            while not stop.is_set():
                heard.append(client.select_destinations(spec()).selections[0].host.host_id)
                time.sleep(0.01)

    def stream(target: str, heard: list[str]) -> None:
        def batches() -> Iterator[Any]:
            number = 0
            while not stop.is_set():
                number += 1
                yield batch(tokens(8, first=1 + 8 * number))
                time.sleep(0.05)

        with Client(target) as client:
            for answer in client.stream(batches(), window=2):
                heard += [str(host) for host in answer.hosts()]

    def watched(work: Callable[..., None], *given: Any) -> None:
        try:
            work(*given)
        except BaseException as fault:
            faults.append(fault)

    with served(tmp_path, "--config", str(config)) as service:
        with Client(service.target) as client:
            add_hosts(client, {**ROOMY, "hypervisor_version": 1}, {**ROOMY, "hypervisor_version": 2})
            add_flavor(client)
        threads = [
            threading.Thread(target=watched, args=(work, service.target, heard))
            for work, heard in zip((unary, unary, stream), hosts_of, strict=True)
        ]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        config.write_text(f"{OLDEST_FIRST}{COUNTED}1000000\n")
        marks = [len(heard) for heard in hosts_of]
        hang_up(service, "in force after")
        during = [len(heard) for heard in hosts_of]
        time.sleep(0.3)
        stop.set()
        for thread in threads:
            thread.join(60)
        assert not faults, faults
        for heard, mark, later in zip(hosts_of, marks, during, strict=True):
            # placing went on while the chain was made ready, by the chain in force until then
            assert mark < later < len(heard)
            assert heard == ["h1"] * heard.index("h0") + ["h0"] * (len(heard) - heard.index("h0"))
            assert heard.index("h0") >= mark
        with Client(service.target) as client:
            held = client.list_allocations(page_size=1).total
            assert held == sum(map(len, hosts_of))
        config.write_text("drain_s = -1\n")
        hang_up(service, "refused; those in force stay so: setting drain_s")
        assert service.stop() == 0
        assert "Traceback" not in service.said
    assert audit_state_dir(tmp_path / "state").clean


def children(pid: int) -> list[int]:
    return [
        int(word) for task in Path(f"/proc/{pid}/task").iterdir() for word in (task / "children").read_text().split()
    ]


def test_what_is_told_to_stop_while_it_makes_a_chain_ready_stops_at_once(tmp_path, config, monkeypatch):
    import shutil
    import signal

    from engine.scheduler.compiler import cache_directory

    cache = tmp_path / "cache"
    shutil.copytree(cache_directory(), cache / "berth" / "kernels")
    with served(tmp_path, "--config", str(config), environment={"BERTH_CACHE_DIR": str(cache)}) as service:
        known = set((cache / "berth" / "kernels").iterdir())
        config.write_text('[scheduler]\nenabled_filters = ["RamFilter", "CoreFilter", "IoOpsFilter", "JsonFilter"]\n')
        service.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 60
        while not (compiling := children(service.process.pid)):
            assert time.monotonic() < deadline, service.said
            time.sleep(0.01)
        while set((cache / "berth" / "kernels").iterdir()) == known:
            assert time.monotonic() < deadline, service.said
            time.sleep(0.01)
        began = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - began < 5
        assert "Traceback" not in service.said
        assert not [pid for pid in compiling if Path(f"/proc/{pid}").exists()]
