"""Flavors given to projects."""

from __future__ import annotations

import pytest

from tests.boot.api.extras_harness import Api, message_of
from tests.boot.api.test_flavors import made

ADD = {"addTenantAccess": {"tenant": "p-demo"}}
REMOVE = {"removeTenantAccess": {"tenant": "p-demo"}}


def test_a_project_sees_the_private_flavor_it_was_given(extras: Api) -> None:
    flavor = made(extras, **{"os-flavor-access:is_public": False})["id"]
    entry = {"flavor_id": flavor, "tenant_id": "p-demo"}

    assert extras.post(f"/flavors/{flavor}/action", ADD).json() == {"flavor_access": [entry]}
    assert extras.get(f"/flavors/{flavor}/os-flavor-access").json() == {"flavor_access": [entry]}
    assert extras.get(f"/flavors/{flavor}", user="demo").status_code == 200
    assert extras.get(f"/flavors/{flavor}", user="other").status_code == 404
    again = extras.post(f"/flavors/{flavor}/action", ADD)
    assert again.status_code == 409
    assert "already exists" in message_of(again)

    assert extras.post(f"/flavors/{flavor}/action", REMOVE).json() == {"flavor_access": []}
    assert extras.get(f"/flavors/{flavor}", user="demo").status_code == 404
    assert extras.post(f"/flavors/{flavor}/action", REMOVE).status_code == 404


def test_a_public_flavor_has_no_list(extras: Api) -> None:
    flavor = made(extras)["id"]

    assert extras.get(f"/flavors/{flavor}/os-flavor-access").status_code == 404
    refused = extras.post(f"/flavors/{flavor}/action", ADD)
    assert refused.status_code == 409
    assert message_of(refused) == "Can not add access to a public flavor."


@pytest.mark.parametrize("body", [{}, ADD | REMOVE, {"addTenantAccess": {}}, {"addTenantAccess": "p"}, {"explode": {}}])
def test_bad_actions_are_refused(extras: Api, body: object) -> None:
    flavor = made(extras, **{"os-flavor-access:is_public": False})["id"]

    assert extras.post(f"/flavors/{flavor}/action", body).status_code == 400


def test_others_may_not(extras: Api) -> None:
    flavor = made(extras, **{"os-flavor-access:is_public": False})["id"]

    assert extras.post(f"/flavors/{flavor}/action", ADD, user="demo").status_code == 403
    assert extras.get(f"/flavors/{flavor}/os-flavor-access", user="demo").status_code == 403
    assert extras.post("/flavors/nothing/action", ADD).status_code == 404
