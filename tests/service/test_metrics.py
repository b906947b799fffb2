"""Metrics over the wire: hosts report them, placing weighs them, and what the service cannot weigh it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.errors import InvalidHostError, InvalidRequestError
from engine.inventory.ingest import fleet_columns
from engine.inventory.measured import MAX_METRIC_NAMES
from engine.scheduler.options import SchedulerOptions
from engine.service.host_updates import apply_reports, is_report, keep_reported
from engine.v1.inventory_pb2 import Host
from engine.v1.inventory_service_pb2 import UpdateHostsRequest
from engine.v1.scheduler_service_pb2 import ExplainSelectionRequest, SelectDestinationsRequest
from tests.builders import fleet, host_table
from tests.service.harness import Running, serving
from tests.service.messages import add_hosts, refusal, spec

OPTIONS = SchedulerOptions(weight_classes=("MetricsWeigher",), metrics_weight_setting=("load=-1",))


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Running]:
    with serving(tmp_path / "state", scheduler=OPTIONS) as running:
        yield running


def report(local: Running, **loads: int) -> None:
    update(local, *[Host(host_id=host_id, metrics={"load": load}) for host_id, load in loads.items()])


def update(local: Running, *hosts: Host) -> None:
    (_,) = local.client.update_hosts([UpdateHostsRequest(hosts=hosts)])


def placed(local: Running) -> str:
    (selection,) = local.client.select_destinations(spec()).selections
    return str(selection.host.host_id)


def test_a_report_counts_at_once_and_is_shown(local: Running) -> None:
    add_hosts(local.client, {"metrics": '{"load": 5, "cpu": 1}'}, {"metrics": '{"load": 4}', "pci_devices": 2})
    assert placed(local) == "h1"
    report(local, h1=6)
    assert placed(local) == "h0"
    shown = local.client.get_host("h1").host
    assert (dict(shown.metrics), shown.pci_devices) == ({"load": 6}, 2)
    assert dict(local.client.get_host("h0").host.metrics) == {"load": 5, "cpu": 1}


def test_with_novas_quirks_a_host_that_lacks_a_required_metric_fails_requests_with_nothing_claimed(
    tmp_path: Path,
) -> None:
    with serving(tmp_path / "state", scheduler=replace(OPTIONS, nova_quirks=True)) as local:
        add_hosts(local.client, {"metrics": '{"load": 5}'}, {})
        request = SelectDestinationsRequest(request_spec=spec(num_instances=2))
        failed = refusal(local.scheduler.SelectDestinations, request)
        assert (failed.code, failed.reason) == ("INVALID_ARGUMENT", "INVALID_REQUEST")
        assert failed.info.metadata["nova_exception"] == "ComputeHostMetricNotFound"
        assert "host 'h1' does not report the metric 'load'" in failed.text
        explained = refusal(local.scheduler.ExplainSelection, ExplainSelectionRequest(request_spec=spec()))
        assert explained.code == "INVALID_ARGUMENT"
        local.assert_clean()
        report(local, h1=1)
        assert placed(local) == "h1"


def test_a_host_that_lacks_a_required_metric_is_no_candidate(local: Running) -> None:
    add_hosts(local.client, {"metrics": '{"load": 5}'}, {})
    assert placed(local) == "h0"
    report(local, h1=1)
    assert placed(local) == "h1"


def test_a_change_of_other_facts_keeps_metrics_and_a_restart_those_that_came_with_facts(tmp_path: Path) -> None:
    with serving(tmp_path / "state", scheduler=OPTIONS) as local:
        add_hosts(local.client, {"metrics": '{"load": 5}'}, {})
        report(local, h0=7)
        update(local, Host(host_id="h0", pci_devices=3))
        update(local, Host(host_id="h1", pci_devices=1, metrics={"load": 2, "cpu": 9}))
        assert dict(local.client.get_host("h0").host.metrics) == {"load": 7}
    with serving(tmp_path / "state", scheduler=OPTIONS) as local:
        hosts = [local.client.get_host(name).host for name in ("h0", "h1")]
        assert [(dict(host.metrics), host.pci_devices) for host in hosts] == [
            ({"load": 7}, 3),
            ({"load": 2, "cpu": 9}, 1),
        ]
        assert placed(local) == "h1"


@pytest.mark.parametrize("host", [Host(host_id="h0", metrics={"": 1}), Host(host_id="h0", metrics={"a" * 256: 1})])
def test_a_metric_without_a_proper_name_is_refused_whole(local: Running, host: Host) -> None:
    add_hosts(local.client, {}, {})
    message = UpdateHostsRequest(hosts=[Host(host_id="h1", num_io_ops=3, metrics={"load": 1}), host])
    failed = refusal(local.inventory.UpdateHosts, iter([message]))
    assert (failed.code, failed.reason) == ("INVALID_ARGUMENT", "INVALID_HOST")
    shown = local.client.get_host("h1").host
    assert (shown.num_io_ops, dict(shown.metrics)) == (0, {})


def test_a_message_of_metrics_alone_is_a_report() -> None:
    assert is_report(Host(host_id="h0", metrics={"load": 1}, num_io_ops=2))
    assert not is_report(Host(host_id="h0", metrics={"load": 1}, pci_devices=2))


def test_a_report_of_too_many_names_takes_nothing() -> None:
    table = host_table([{}, {}])
    hosts = [Host(host_id=f"h{index}", metrics={f"{index}-{n}": 1 for n in range(40)}) for index in range(2)]
    with pytest.raises(InvalidRequestError, match=f"{MAX_METRIC_NAMES} different metrics"):
        apply_reports(table, hosts)
    assert [table.metrics_of(row) for row in range(2)] == [{}, {}]
    with pytest.raises(InvalidHostError, match="host 'h1': column metrics names a metric ''"):
        apply_reports(table, [hosts[0], Host(host_id="h1", metrics={"": 1})])
    assert table.metrics_of(0) == {}


def test_what_was_reported_while_an_update_was_written_stays_unless_the_update_says_it() -> None:
    table = host_table([{"metrics": '{"load": 1}'}, {"metrics": '{"load": 1}'}])
    update = fleet(
        [{"metrics": '{"load": 1}', "pci_devices": 9}, {"metrics": '{"load": 2}'}, {"metrics": '{"load": 3}'}]
    )
    columns = fleet_columns(update)
    apply_reports(table, [Host(host_id=name, metrics={"load": 8, "cpu": 1}) for name in ("h0", "h1")])
    said = [Host(host_id="h0", pci_devices=9), Host(host_id="h1", metrics={"load": 2}), Host(host_id="h2")]
    keep_reported(table, said, columns)
    table.upsert_columns(columns)
    assert [table.metrics_of(row) for row in range(3)] == [{"load": 8, "cpu": 1}, {"load": 2}, {"load": 3}]
    assert np.array_equal(table.columns["pci_devices"][:3], [9, 0, 0])
