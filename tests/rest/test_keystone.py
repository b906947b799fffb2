from __future__ import annotations

from pathlib import Path

import pytest

from engine.rest.keystone import Credentials, identity_adapter, session_of
from tests.cloud.harness import PASSWORDS, cloud


def test_a_services_session_logs_in_and_asks_identity_where_it_is_known(tmp_path: Path) -> None:
    with cloud(tmp_path) as running:
        for auth_url in (running.url("identity") + "/v3", running.url("identity") + "/v3/", running.url("identity")):
            credentials = Credentials(auth_url, "nova", PASSWORDS["nova"])
            session = session_of(credentials)
            identity = identity_adapter(session, credentials)
            assert identity.get_endpoint() == running.url("identity") + "/v3"
            assert identity.get("/auth/projects").json()["projects"][0]["name"] == "service"
            assert session.get_endpoint(service_type="image", region_name="RegionOne") == running.url("image")


def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(Credentials("http://x", "nova", "secret"))


@pytest.mark.parametrize(
    "auth_url", ["http://h:1", "http://h:1/", "http://h:1/v3", "http://h:1/v3/", "http://h/identity/v3"]
)
def test_the_version_is_named_once(auth_url: str) -> None:
    credentials = Credentials(auth_url, "nova", "x")
    endpoint = identity_adapter(session_of(credentials), credentials).endpoint_override
    assert endpoint is not None
    assert endpoint.endswith("/v3")
    assert endpoint.count("/v3") == 1
