"""What projects used."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from tests.boot.api.extras_harness import Api

HOUR = 3600.0


def text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@pytest.fixture
def project(extras: Api) -> str:
    """A project with a server of two hours that is gone, and one that runs for half an hour."""
    name, now = f"p-{uuid4().hex[:8]}", time.time()
    gone = extras.add_instance(
        project_id=name, launched_at=now - 3 * HOUR, terminated_at=now - HOUR, display_name="gone"
    )
    extras.remove_instance(gone)
    extras.add_instance(project_id=name, launched_at=now - HOUR / 2, display_name="runs")
    extras.add_instance(project_id=name, launched_at=None, display_name="failed")
    return name


def usage(api: Api, project: str, query: str = "", **options: Any) -> dict[str, Any]:
    answer = api.get(f"/os-simple-tenant-usage/{project}{query}", **options)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["tenant_usage"]
    return found


def test_hours_are_those_of_the_span(extras: Api, project: str) -> None:
    whole = usage(extras, project)
    last = usage(extras, project, f"?start={text(time.time() - 2 * HOUR)}&end={text(time.time() - HOUR)}")

    assert whole["total_hours"] == pytest.approx(2.5, abs=0.01)
    assert whole["total_memory_mb_usage"] == pytest.approx(2.5 * 512, abs=5)
    assert {item["name"]: item["state"] for item in whole["server_usages"]} == {"gone": "terminated", "runs": "active"}
    assert last["total_hours"] == pytest.approx(1.0, abs=0.01)
    assert [item["name"] for item in last["server_usages"]] == ["gone"]


def test_a_project_sees_its_own_and_administrators_all(extras: Api, project: str) -> None:
    assert usage(extras, project, user=f"demo:{project}")["tenant_id"] == project
    assert extras.get(f"/os-simple-tenant-usage/{project}", user="other").status_code == 403
    assert extras.get("/os-simple-tenant-usage", user="demo").status_code == 403
    listed = {item["tenant_id"]: item for item in extras.get("/os-simple-tenant-usage").json()["tenant_usages"]}
    assert "server_usages" not in listed[project]
    detailed = extras.get("/os-simple-tenant-usage?detailed=1").json()["tenant_usages"]
    assert all(item["server_usages"] for item in detailed)


def test_nothing_used_is_an_empty_object(extras: Api) -> None:
    assert usage(extras, "p-nothing") == {}


def test_pages_from_2_40(extras: Api, project: str) -> None:
    first = extras.get(f"/os-simple-tenant-usage/{project}?limit=1").json()
    rest = extras.http.get(
        first["tenant_usage_links"][0]["href"],
        headers={"X-Auth-Token": "admin", "OpenStack-API-Version": "compute 2.40"},
    ).json()

    names = [item["name"] for page in (first, rest) for item in page["tenant_usage"]["server_usages"]]
    assert sorted(names) == ["gone", "runs"]
    assert "tenant_usage_links" not in rest


@pytest.mark.parametrize(
    "query", ["start=yesterday", "start=2026-02-01&end=2026-01-01", "marker=x", "limit=x", "odd=1"]
)
def test_bad_queries_are_refused(extras: Api, project: str, query: str) -> None:
    assert extras.get(f"/os-simple-tenant-usage/{project}?{query}").status_code == 400
