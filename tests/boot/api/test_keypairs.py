"""Key pairs: each user's own, imported or made, by version."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.boot.api.extras_harness import Api, message_of
from tests.boot.api.test_public_keys import ED25519


def new_key(**fields: Any) -> dict[str, Any]:
    return {"keypair": {"name": f"key-{uuid4().hex[:8]}", "public_key": ED25519} | fields}


def test_a_key_is_imported_shown_and_removed(extras: Api) -> None:
    answer = extras.post("/os-keypairs", new_key(name="mine"), user="demo", version="2.10")
    shown = {
        "type": "ssh",
        "name": "mine",
        "public_key": ED25519,
        "fingerprint": "ff:bd:44:65:9f:8d:98:99:0f:69:38:00:25:b9:32:cb",
    }

    assert answer.status_code == 201
    assert answer.json() == {"keypair": shown | {"user_id": "u-demo"}}
    assert extras.get("/os-keypairs", user="demo").json() == {"keypairs": [{"keypair": shown}]}
    full = extras.get("/os-keypairs/mine", user="demo").json()["keypair"]
    assert shown.items() <= full.items()
    assert (full["user_id"], full["deleted"], full["deleted_at"]) == ("u-demo", False, None)
    assert extras.delete("/os-keypairs/mine", user="demo").status_code == 204
    gone = extras.get("/os-keypairs/mine", user="demo")
    assert gone.status_code == 404
    assert message_of(gone) == "Keypair mine not found for user u-demo"
    assert extras.delete("/os-keypairs/mine", user="demo").status_code == 404


def test_the_oldest_version_answers_in_its_own_way(extras: Api) -> None:
    body = new_key()
    answer = extras.post("/os-keypairs", body, version="2.1")

    assert answer.status_code == 200
    assert "type" not in answer.json()["keypair"]
    assert extras.delete(f"/os-keypairs/{body['keypair']['name']}", version="2.1").status_code == 202
    assert extras.post("/os-keypairs", new_key(type="ssh"), version="2.1").status_code == 400
    assert extras.post("/os-keypairs", new_key(user_id="u"), version="2.9").status_code == 400


@pytest.mark.parametrize(("kind", "begins"), [("ssh", "ssh-rsa "), ("x509", "-----BEGIN CERTIFICATE-----")])
def test_keys_are_made_below_2_92_only(extras: Api, kind: str, begins: str) -> None:
    body = {"keypair": {"name": f"made-{kind}", "type": kind}}

    made = extras.post("/os-keypairs", body, version="2.91").json()["keypair"]
    assert made["public_key"].startswith(begins)
    assert "PRIVATE KEY" in made["private_key"]
    assert "private_key" not in extras.get(f"/os-keypairs/made-{kind}").json()["keypair"]
    refused = extras.post("/os-keypairs", {"keypair": {"name": "n", "type": kind}}, version="2.92")
    assert refused.status_code == 400
    assert "'public_key' is a required property" in message_of(refused)


def test_users_have_keys_of_their_own(extras: Api) -> None:
    body = new_key()
    name = body["keypair"]["name"]
    assert extras.post("/os-keypairs", body, user="demo").status_code == 201

    assert extras.get(f"/os-keypairs/{name}", user="colleague").status_code == 404
    assert extras.get(f"/os-keypairs/{name}?user_id=u-demo", user="colleague").status_code == 403
    assert extras.delete(f"/os-keypairs/{name}?user_id=u-demo", user="colleague").status_code == 403
    assert extras.post("/os-keypairs", new_key(user_id="u-demo"), user="colleague").status_code == 403
    assert extras.get(f"/os-keypairs/{name}?user_id=u-demo").status_code == 200
    assert extras.post("/os-keypairs", body, user="colleague").status_code == 201
    again = extras.post("/os-keypairs", body, user="demo")
    assert again.status_code == 409
    assert message_of(again) == f"Key pair '{name}' already exists."
    assert extras.delete(f"/os-keypairs/{name}?user_id=u-demo").status_code == 204


def test_readers_only_read(extras: Api) -> None:
    assert extras.get("/os-keypairs", user="reader").status_code == 200
    assert extras.post("/os-keypairs", new_key(), user="reader").status_code == 403
    assert extras.delete("/os-keypairs/x", user="reader").status_code == 403


def test_pages_from_2_35(extras: Api) -> None:
    names = [f"page-{number}" for number in range(3)]
    for name in names:
        assert extras.post("/os-keypairs", new_key(name=name), user="other").status_code == 201

    page = extras.get("/os-keypairs?limit=2", user="other").json()
    rest = extras.http.get(
        page["keypairs_links"][0]["href"],
        headers={"X-Auth-Token": "other", "OpenStack-API-Version": "compute 2.35"},
    ).json()
    assert [item["keypair"]["name"] for item in page["keypairs"] + rest["keypairs"]] == names
    assert "keypairs_links" not in rest
    assert len(extras.get("/os-keypairs?limit=2", user="other", version="2.34").json()["keypairs"]) == 3
    assert extras.get("/os-keypairs?marker=nothing", user="other").status_code == 400


def test_the_quota_counts_a_users_keys(extras: Api) -> None:
    assert extras.put("/os-quota-sets/p-full", {"quota_set": {"key_pairs": 1}}).status_code == 200
    user = "colleague:p-full"
    for item in extras.get("/os-keypairs", user=user).json()["keypairs"]:
        extras.delete(f"/os-keypairs/{item['keypair']['name']}", user=user)

    assert extras.post("/os-keypairs", new_key(), user=user).status_code == 201
    refused = extras.post("/os-keypairs", new_key(), user=user)
    assert refused.status_code == 403
    assert message_of(refused) == "Quota exceeded, too many key pairs."


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "n" * 256},
        {"name": "a/b"},
        {"name": "schlüssel"},
        {"name": 1},
        {"public_key": ""},
        {"public_key": "ssh-rsa AAAA"},
        {"public_key": "x" * 65_536},
        {"public_key": ["a"]},
        {"type": "gpg"},
        {"type": "x509"},
        {"user_id": ""},
        {"more": True},
    ],
    ids=str,
)
def test_bad_keys_are_refused(extras: Api, fields: dict[str, Any]) -> None:
    assert extras.post("/os-keypairs", new_key(**fields)).status_code == 400


def test_names_may_hold_more_from_2_92(extras: Api) -> None:
    assert extras.post("/os-keypairs", new_key(name="me@my.host"), version="2.91").status_code == 400
    assert extras.post("/os-keypairs", new_key(name="me@my.host"), version="2.92").status_code == 201
    assert extras.get("/os-keypairs/me@my.host").status_code == 200
