from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keystoneauth1.exceptions as ksa
import openstack
import pytest
import requests
from keystoneauth1.identity.v3 import ApplicationCredential, Token
from keystoneauth1.session import Session
from pydantic import SecretStr

from engine.cloud.bootstrap import clouds_yaml
from engine.cloud.database import Database
from engine.cloud.identity.schema import METADATA, SCHEMA_VERSION, tokens
from engine.cloud.identity.service import purge, serve
from engine.errors import InvalidFileError, InvalidSettingError
from tests.cloud.harness import PASSWORDS, Cloud, cloud
from tests.cloud.identity.running import OPTIONS

OPENSTACK = Path(sys.executable).parent / "openstack"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("cloud")
    with cloud(folder) as started:
        clouds_yaml(started.options, folder / "clouds.yaml")
        yield started


def command(running: Cloud, who: str, *arguments: str, fails: bool = False) -> Any:
    """What the unmodified ``openstack`` command answers, or says when it fails."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("OS_")},
        "OS_CLIENT_CONFIG_FILE": str(running.state_dir.parent / "clouds.yaml"),
    }
    ran = subprocess.run(
        [OPENSTACK, "--os-cloud", who, *arguments, *([] if fails else ["-f", "json"])],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode != 0) == fails, ran.stderr
    return ran.stderr if fails else json.loads(ran.stdout)


def test_the_command_gets_a_token_and_reads_the_catalog(running: Cloud) -> None:
    issued = command(running, "berth", "token", "issue")
    checked = requests.get(
        f"{running.url('identity')}/v3/auth/tokens",
        headers={"X-Auth-Token": running.token("nova"), "X-Subject-Token": issued["id"]},
        timeout=20,
    )
    assert checked.json()["token"]["project"]["id"] == issued["project_id"]
    listed = command(running, "berth", "catalog", "list")
    assert {entry["Type"] for entry in listed} >= {"compute", "image", "network", "block-storage", "identity"}


def test_the_command_lists_projects_and_users(running: Cloud) -> None:
    projects = command(running, "berth-admin", "project", "list")
    assert {project["Name"] for project in projects} >= {"admin", "demo", "service"}
    assert command(running, "berth-admin", "user", "show", "demo")["domain_id"] == "default"
    said = command(running, "berth", "user", "list", fails=True)
    assert "You are not authorized to perform the requested action: identity:list_users." in said


def connection(running: Cloud, who: str) -> openstack.connection.Connection:
    config = openstack.config.OpenStackConfig(
        config_files=[str(running.state_dir.parent / "clouds.yaml")], load_envvars=False
    )
    return openstack.connection.Connection(config=config.get_one(cloud=who))


def test_the_sdk_manages_projects_users_and_roles(running: Cloud) -> None:
    identity = connection(running, "berth-admin").identity
    project = identity.create_project(name="shop", description="d")
    user = identity.create_user(name="anna", password="secret", default_project_id=project.id)
    role = identity.find_role("member", ignore_missing=False)
    identity.assign_project_role_to_user(project, user, role)
    assert identity.validate_user_has_project_role(project, user, role)
    assert [item.name for item in identity.role_assignments_filter(project=project, user=user)] == ["member"]
    assert identity.find_user("anna").id == user.id
    assert identity.find_project("shop").id == project.id
    assert identity.find_project("no-such") is None
    identity.update_project(project, is_enabled=False)
    assert not identity.get_project(project.id).is_enabled
    identity.unassign_project_role_from_user(project, user, role)
    identity.delete_user(user)
    identity.delete_project(project)
    assert identity.find_user("anna") is None


def test_the_sdk_manages_the_catalog(running: Cloud) -> None:
    identity = connection(running, "berth-admin").identity
    service = identity.create_service(type="dns", name="designate")
    endpoint = identity.create_endpoint(
        service_id=service.id, interface="public", url="http://dns:9001", region_id="RegionOne"
    )
    assert [item.id for item in identity.endpoints(service_id=service.id)] == [endpoint.id]
    identity.delete_endpoint(endpoint)
    identity.delete_service(service)
    assert [item.id for item in identity.regions()] == ["RegionOne"]
    assert [item.name for item in identity.domains()] == ["Default"]


def test_the_sdk_makes_an_application_credential_that_works(running: Cloud) -> None:
    demo = connection(running, "berth")
    made = demo.identity.create_application_credential(
        demo.current_user_id, "ci", roles=[{"name": "reader"}], unrestricted=False
    )
    auth = ApplicationCredential(
        auth_url=running.options.identity_url,
        application_credential_id=made.id,
        application_credential_secret=made.secret,
    )
    assert auth.get_access(Session(auth=auth)).role_names == ["reader"]
    assert [item.name for item in demo.identity.application_credentials(demo.current_user_id)] == ["ci"]
    demo.identity.delete_application_credential(demo.current_user_id, made.id)
    with pytest.raises(ksa.Unauthorized):
        auth.get_auth_ref(Session(auth=auth))


def test_keystoneauth_discovers_from_the_root_and_rescopes(running: Cloud) -> None:
    root = running.url("identity")
    unscoped = running.session("demo").get_token()
    session = Session(
        auth=Token(auth_url=root + "/v3", token=unscoped, project_name="demo", project_domain_id="default")
    )
    assert session.get_endpoint(service_type="identity", interface="internal") == f"{root}/v3"
    assert session.get(f"{root}/v3/auth/projects").json()["projects"][0]["name"] == "demo"
    assert session.get_project_id() == running.session("demo").get_project_id()


def test_a_wrong_password_is_unauthorized(running: Cloud) -> None:
    session = running.session("demo")
    session.auth.auth_methods[0].password = "wrong"
    with pytest.raises(ksa.Unauthorized, match="requires authentication"):
        session.get_token()


def test_keystoneauth_logs_in_again_when_its_token_was_revoked(running: Cloud) -> None:
    session = running.session("demo")
    token = session.get_token()
    url = f"{running.url('identity')}/v3/auth/tokens"
    assert session.delete(url, headers={"X-Subject-Token": token}).status_code == 204
    assert session.get(f"{running.url('identity')}/v3/auth/projects").status_code == 200
    assert session.get_token() != token


def test_tokens_are_issued_and_checked_fast(running: Cloud) -> None:
    nova, demo = running.session("nova"), running.token("demo")
    url = f"{running.url('identity')}/v3/auth/tokens"
    best = 9.0
    for _ in range(30):
        began = time.perf_counter()
        assert nova.get(url, headers={"X-Subject-Token": demo}).status_code == 200
        best = min(best, time.perf_counter() - began)
    # the client's own part is most of it; an acknowledgement that is waited for takes 40 ms
    assert best < 0.02


def test_tokens_outlive_a_restart_and_the_file_holds_none(tmp_path: Path) -> None:
    with cloud(tmp_path) as running:
        token, revoked = running.token("demo"), running.token("demo")
        url = f"{running.url('identity')}/v3/auth/tokens"
        requests.delete(url, headers={"X-Auth-Token": revoked, "X-Subject-Token": revoked}, timeout=20)
        running.stop("identity")
        with pytest.raises(requests.ConnectionError):
            requests.get(url, timeout=20)
        running.start("identity")
        for text, status in ((token, 200), (revoked, 401)):
            reply = requests.get(url, headers={"X-Auth-Token": text, "X-Subject-Token": text}, timeout=20)
            assert reply.status_code == status
    kept = b"".join(path.read_bytes() for path in (tmp_path / "state" / "cloud").iterdir())
    for secret in (token, revoked, *PASSWORDS.values()):
        assert secret.encode() not in kept


def test_old_tokens_are_purged(tmp_path: Path) -> None:
    with cloud(tmp_path) as running:
        running.token("demo")
    database = Database(tmp_path / "state" / "cloud" / "identity.sqlite", METADATA, version=SCHEMA_VERSION)
    try:
        for before, left in ((time.time(), 1), (time.time() + 3601, 0)):
            purge(database, before)
            with database.read() as connection:
                assert len(connection.execute(tokens.select()).all()) == left
    finally:
        database.close()


def test_a_port_of_zero_is_any_free_one_and_the_catalog_names_it(tmp_path: Path) -> None:
    stop, ready, told = asyncio.Event(), threading.Event(), []

    def is_ready(address: str) -> None:
        told.append(address)
        ready.set()

    loop = asyncio.new_event_loop()
    options = OPTIONS.model_copy(update={"identity_port": 0})
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(options, tmp_path, stop, is_ready),))
    thread.start()
    try:
        assert ready.wait(20)
        assert requests.get(told[0] + "/v3", timeout=20).status_code == 200
        proof = {"user": {"name": "demo", "domain": {"id": "default"}, "password": "demo-secret"}}
        body = {"auth": {"identity": {"methods": ["password"], "password": proof}}}
        catalog = requests.post(told[0] + "/v3/auth/tokens", json=body, timeout=20).json()["token"]["catalog"]
        entry = next(entry for entry in catalog if entry["type"] == "identity")
        assert {endpoint["url"] for endpoint in entry["endpoints"]} == {told[0] + "/v3"}
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        loop.close()


def test_what_keeps_it_from_starting_is_said(running: Cloud, tmp_path: Path) -> None:
    def start(**changed: object) -> None:
        options = running.options.model_copy(update=changed)
        asyncio.run(serve(options, tmp_path, asyncio.Event(), lambda _: None))

    with pytest.raises(InvalidSettingError, match=f"cannot listen on 127.0.0.1:{running.options.identity_port}"):
        start()
    with pytest.raises(InvalidSettingError, match="admin_password"):
        start(identity_port=0, admin_password=SecretStr(""))
    (tmp_path / "cloud" / "identity.sqlite").unlink()
    with sqlite3.connect(tmp_path / "cloud" / "identity.sqlite") as other:
        other.execute("PRAGMA user_version = 99")
    with pytest.raises(InvalidFileError, match="version"):
        start(identity_port=0)


def test_fault_rules_make_requests_fail(tmp_path: Path) -> None:
    rules = tmp_path / "faults.json"
    with cloud(tmp_path, fault_file=rules) as running:
        url = f"{running.url('identity')}/v3"
        assert requests.get(url, timeout=20).status_code == 200
        rules.write_text(json.dumps([{"part": "identity", "point": "GET /v3", "status": 503, "message": "drill"}]))
        reply = requests.get(url, timeout=20)
        assert (reply.status_code, reply.json()["error"]["message"]) == (503, "drill")
        rules.unlink()
        assert requests.get(url, timeout=20).status_code == 200
