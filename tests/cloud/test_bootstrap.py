from __future__ import annotations

import asyncio
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openstack
import pytest
import requests
import sqlalchemy as sa

from engine.cloud.bootstrap import clouds_yaml, seed_identity
from engine.cloud.database import Database
from engine.cloud.identity.passwords import Passwords
from engine.cloud.identity.schema import METADATA, SCHEMA_VERSION, assignments, endpoints, projects, roles, users
from engine.cloud.options import CloudOptions
from engine.errors import InvalidSettingError
from tests.cloud.identity.running import OPTIONS, Caller, running_identity


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "identity.sqlite", METADATA, version=SCHEMA_VERSION)
    yield opened
    opened.close()


def seed(database: Database, options: CloudOptions = OPTIONS) -> None:
    passwords = Passwords()
    try:
        asyncio.run(seed_identity(database, options, passwords))
    finally:
        passwords.close()


def changed(**options: object) -> CloudOptions:
    return CloudOptions.model_validate(OPTIONS.model_dump() | options)


def everything(database: Database) -> dict[str, list[Any]]:
    with database.read() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(sa.select(table))] for table in METADATA.sorted_tables
        }


def write(database: Database, statement: sa.Executable) -> None:
    with database.write() as connection:
        connection.execute(statement)


def names(database: Database, table: sa.Table) -> set[str]:
    with database.read() as connection:
        return set(connection.execute(sa.select(table.c.name)).scalars())


def addresses(database: Database) -> dict[str, str]:
    """The public address by service type, as the catalog has them."""
    statement = sa.text(
        "select s.type, e.url from services s join endpoints e on e.service_id = s.id where e.interface = 'public'"
    )
    with database.read() as connection:
        return {row.type: row.url for row in connection.execute(statement)}


def test_a_new_cloud_has_its_roles_projects_and_users(database: Database) -> None:
    seed(database)
    assert names(database, roles) == {"admin", "member", "reader", "service"}
    assert names(database, projects) == {"admin", "demo", "service"}
    assert names(database, users) == {"admin", "demo", "nova", "glance", "neutron", "cinder"}
    with database.read() as connection:
        kept = connection.execute(sa.select(users.c.password_hash)).scalars().all()
    assert all(text.startswith("$argon2id$") for text in kept)


def test_a_second_start_changes_nothing(database: Database) -> None:
    seed(database)
    before = everything(database)
    seed(database)
    assert everything(database) == before


def test_what_an_operator_changed_stays(database: Database) -> None:
    seed(database)
    write(database, sa.delete(users).where(users.c.name == "demo"))
    write(database, sa.delete(projects).where(projects.c.name == "demo"))
    write(database, sa.update(users).where(users.c.name == "admin").values(email="root@example.org", enabled=False))
    write(database, sa.update(projects).where(projects.c.name == "admin").values(description="ours"))
    write(
        database,
        sa.delete(assignments).where(
            assignments.c.user_id == sa.select(users.c.id).where(users.c.name == "admin").scalar_subquery()
        ),
    )
    before = everything(database)
    seed(database)
    assert everything(database) == before


def test_users_the_services_need_come_back(database: Database) -> None:
    seed(database)
    write(database, sa.delete(users).where(users.c.name == "nova"))
    write(database, sa.delete(projects).where(projects.c.name == "service"))
    seed(database)
    assert "nova" in names(database, users)
    with database.read() as connection:
        held = connection.execute(
            sa.select(sa.func.count()).select_from(assignments).join(projects).where(projects.c.name == "service")
        ).scalar_one()
    assert held == 8


def test_a_password_in_the_options_wins_and_revokes_tokens(tmp_path: Path) -> None:
    with running_identity(tmp_path) as identity:
        demo, admin = identity.demo, identity.admin
        seed(identity.database, changed(member_password="another"))
        assert not demo.is_valid
        assert admin.is_valid
        assert identity.login("demo", "another", "demo").is_valid
        mine = {"user": {"original_password": "another", "password": "my-own"}}
        caller = identity.login("demo", "another", "demo")
        caller.ok("POST", f"/v3/users/{caller.document['user']['id']}/password", mine, status=204)
        seed(identity.database, changed(member_password=""))
        assert identity.login("demo", "my-own", "demo").is_valid


@pytest.mark.parametrize("setting", ["admin_password", "member_password", "service_password"])
def test_a_missing_password_is_refused_at_the_first_start(database: Database, setting: str) -> None:
    with pytest.raises(InvalidSettingError, match=f"cloud.{setting} is empty") as refused:
        seed(database, changed(**{setting: ""}))
    assert refused.value.details["setting"] == f"cloud.{setting}"
    assert names(database, users) == set()
    seed(database)
    seed(database, changed(**{setting: ""}))


def test_the_catalog_follows_the_options(database: Database) -> None:
    seed(database)
    assert addresses(database) == {
        "identity": "http://127.0.0.1:18770/v3",
        "compute": "http://127.0.0.1:18771/v2.1",
        "image": "http://127.0.0.1:18772",
        "network": "http://127.0.0.1:18773",
        "block-storage": "http://127.0.0.1:18774/v3",
        "volumev3": "http://127.0.0.1:18774/v3",
    }
    seed(
        database,
        changed(
            host="0.0.0.0",
            image_port=1,
            region_name="North",
            services=("identity", "image"),
            endpoints={"network": "http://neutron:9696"},
        ),
    )
    assert addresses(database) == {
        "identity": "http://127.0.0.1:18770/v3",
        "compute": "http://127.0.0.1:18771/v2.1",
        "image": "http://127.0.0.1:1",
        "network": "http://neutron:9696",
    }
    with database.read() as connection:
        assert set(connection.execute(sa.select(endpoints.c.region_id)).scalars()) == {"North"}
    seed(database, changed(endpoints={"block-storage": "http://cinder:8776/v3"}))
    assert addresses(database)["volumev3"] == "http://cinder:8776/v3"


def test_an_operators_own_endpoints_stay(tmp_path: Path) -> None:
    with running_identity(tmp_path) as identity:
        service = identity.admin.ok("GET", "/v3/services?type=image")["services"][0]
        own = {"service_id": service["id"], "interface": "public", "url": "http://cdn:1"}
        made = identity.admin.ok("POST", "/v3/endpoints", {"endpoint": own}, status=201)["endpoint"]
        seed(identity.database, changed(image_port=1))
        listed = identity.admin.ok("GET", f"/v3/endpoints?service_id={service['id']}&interface=public")["endpoints"]
        assert {item["url"] for item in listed} == {"http://127.0.0.1:1", "http://cdn:1"}
        assert made["id"] in {item["id"] for item in listed}


def test_the_clouds_file_lets_clients_in_and_others_out(tmp_path: Path) -> None:
    path = tmp_path / "client" / "clouds.yaml"
    with running_identity(tmp_path) as identity:
        options = changed(auth_url=f"{identity.url}/v3", admin_password='q"\\: #{ü}')
        clouds_yaml(options, path)
        seed(identity.database, options)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        for cloud, user in (("berth", "demo"), ("berth-admin", "admin")):
            config = openstack.config.OpenStackConfig(config_files=[str(path)], load_envvars=False)
            session = config.get_one(cloud=cloud).get_session()
            caller = Caller(identity.url, str(session.get_token()), requests.Session())
            assert caller.document["user"]["name"] == user


def test_the_clouds_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "clouds.yaml"
    path.write_text("old")
    path.chmod(0o644)
    clouds_yaml(OPTIONS, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "old" not in path.read_text()
    assert [item.name for item in tmp_path.iterdir()] == ["clouds.yaml"]
