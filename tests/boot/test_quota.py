"""The quota of instances, cores and memory, exact also for requests at once."""

from __future__ import annotations

import asyncio
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine.boot.options import QuotaOptions
from engine.boot.quota import Usage, admit, usage_of
from engine.boot.store.instances import add_instances, change_instance
from engine.boot.store.quotas import limits_of, set_limits
from engine.boot.store.store import Store
from engine.rest.errors import Forbidden
from tests.boot.harness import boot_api, message_of


def row(uuid: str, *, project: str = "p", vcpus: int = 1, memory_mb: int = 512, **fields: Any) -> dict[str, Any]:
    now = time.time()
    flavor = {"name": "f", "vcpus": vcpus, "memory_mb": memory_mb}
    times = {"created_at": now, "updated_at": now, "progress_at": now}
    return {"uuid": uuid, "project_id": project, "vm_state": "active", "flavor": flavor, **times, **fields}


class Database:
    """A store whose transactions a test runs one by one."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(f"sqlite:///{folder / 'boot.db'}", durable=False)
        self._loop = asyncio.new_event_loop()

    def write(self, work: Any) -> Any:
        return self._loop.run_until_complete(self.store.write(work))

    def close(self) -> None:
        self.store.close()
        self._loop.close()


@pytest.fixture
def database(tmp_path: Path) -> Any:
    made = Database(tmp_path)
    yield made
    made.close()


def admitted(database: Database, *, least: int = 1, most: int = 1, vcpus: int = 1, memory_mb: int = 512) -> int:
    def work(connection: sa.Connection) -> int:
        limits = limits_of(connection, "p", QuotaOptions())
        usage = partial(usage_of, connection, "p")
        return admit(limits, usage, vcpus=vcpus, memory_mb=memory_mb, least=least, most=most)

    return int(database.write(work))


def test_usage_counts_live_instances_of_the_project_alone(database: Database) -> None:
    rows = [row("a", vcpus=2), row("b", memory_mb=1024), row("c", project="other"), row("d")]
    database.write(lambda connection: add_instances(connection, rows))
    database.write(lambda connection: change_instance(connection, "d", {"deleted": True}, now=0.0))
    assert database.write(lambda connection: usage_of(connection, "p")) == Usage(2, 3, 1536)


def test_the_refusal_is_in_novas_words(database: Database) -> None:
    database.write(lambda connection: add_instances(connection, [row("a")]))
    with pytest.raises(Forbidden) as refused:
        admitted(database, vcpus=200, memory_mb=999_999)
    assert refused.value.message == (
        "Quota exceeded for cores, ram: Requested 200, 999999, but already used 1, 512 of 20, 51200 cores, ram"
    )
    with pytest.raises(Forbidden) as refused:
        admitted(database, vcpus=2, least=11, most=11)
    assert refused.value.message == (
        "Quota exceeded for cores, instances: Requested 22, 11, but already used 1, 1 of 20, 10 cores, instances"
    )


def test_fewer_than_the_most_are_admitted_when_they_are_enough(database: Database) -> None:
    assert admitted(database, least=1, most=50) == 10
    assert admitted(database, least=1, most=10, vcpus=7) == 2


def test_a_project_of_its_own_limits(database: Database) -> None:
    database.write(lambda connection: set_limits(connection, "p", {"instances": -1, "cores": -1, "ram": -1}))
    assert admitted(database, least=500, most=500) == 500
    database.write(lambda connection: set_limits(connection, "p", {"instances": 0}))
    with pytest.raises(Forbidden):
        admitted(database)


def test_requests_at_once_do_not_pass_together(tmp_path: Path) -> None:
    with boot_api(tmp_path, quotas=QuotaOptions(instances=3)) as api:
        image, answers = api.image(), []
        api.token()

        def boot() -> None:
            answers.append(api.boot(imageRef=image))

        threads = [threading.Thread(target=boot) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answer.status_code for answer in answers) == [202] * 3 + [403] * 9
        refused = next(answer for answer in answers if answer.status_code == 403)
        assert message_of(refused) == "Quota exceeded for instances: Requested 1, but already used 3 of 3 instances"
        # an instance in ERROR counts until it is deleted
        uuids = [server["id"] for server in api.get("/servers").json()["servers"]]
        api.delete(f"/servers/{uuids[0]}")
        assert api.boot(imageRef=image).status_code == 403
