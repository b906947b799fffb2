from __future__ import annotations

import pytest
import requests

from tests.cloud.identity.running import Identity


@pytest.mark.parametrize("path", ["/v3", "/v3/"])
def test_the_version_needs_no_token_and_links_to_the_host_that_was_asked(identity: Identity, path: str) -> None:
    reply = requests.get(identity.url + path, headers={"Host": "cloud.example:5000"}, timeout=20)
    assert reply.status_code == 200
    version = reply.json()["version"]
    assert (version["id"], version["status"]) == ("v3.14", "stable")
    assert version["links"] == [{"rel": "self", "href": "http://cloud.example:5000/v3/"}]


def test_the_root_lists_the_one_version(identity: Identity) -> None:
    reply = requests.get(identity.url + "/", allow_redirects=False, timeout=20)
    assert reply.status_code == 300
    assert reply.headers["Location"] == f"{identity.url}/v3/"
    assert [version["id"] for version in reply.json()["versions"]["values"]] == ["v3.14"]


def test_paths_and_methods_there_are_not_are_refused_in_keystones_words(identity: Identity) -> None:
    reply = identity.admin("GET", "/v3/no-such")
    assert (reply.status_code, reply.json()["error"]["title"]) == (404, "Not Found")
    reply = identity.admin("PUT", "/v3/users")
    assert (reply.status_code, reply.json()["error"]["title"]) == (405, "Method Not Allowed")
    assert requests.get(f"{identity.url}/v3/no-such", timeout=20).status_code == 401
