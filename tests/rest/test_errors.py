from __future__ import annotations

import pytest

from engine.rest.errors import (
    BadRequest,
    Conflict,
    NotFound,
    RestError,
    TooLarge,
    Unavailable,
    glance_fault,
    keystone_fault,
    neutron_fault,
    nova_fault,
    title_of,
)


def test_novas_words() -> None:
    assert nova_fault(NotFound("gone")) == {"itemNotFound": {"code": 404, "message": "gone"}}
    assert nova_fault(TooLarge("m")) == {"overLimit": {"code": 413, "message": "m"}}
    assert nova_fault(RestError("m")) == {"computeFault": {"code": 500, "message": "m"}}
    assert nova_fault(RestError("m", status=406)) == {"computeFault": {"code": 406, "message": "m"}}


def test_keystones_words() -> None:
    assert keystone_fault(BadRequest("m")) == {"error": {"code": 400, "title": "Bad Request", "message": "m"}}


def test_neutrons_words() -> None:
    fault = neutron_fault(Conflict("m", kind="OverQuota"))
    assert fault == {"NeutronError": {"type": "OverQuota", "message": "m", "detail": ""}}
    assert neutron_fault(Unavailable("m")) == {
        "NeutronError": {"type": "HTTPServiceUnavailable", "message": "m", "detail": ""}
    }


def test_glances_words() -> None:
    assert glance_fault(NotFound("m")) == {"message": "m", "code": "404 Not Found", "title": "Not Found"}


@pytest.mark.parametrize(("status", "title"), [(200, "OK"), (404, "Not Found"), (599, "Error"), (0, "Error")])
def test_a_status_without_a_name_has_a_title_all_the_same(status: int, title: str) -> None:
    assert title_of(status) == title
    assert keystone_fault(RestError("m", status=599))
