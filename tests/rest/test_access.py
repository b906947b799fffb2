from __future__ import annotations

import pytest

from engine.rest.access import Access, access_of_token
from engine.rest.errors import Forbidden


def caller(*roles: str, service_roles: tuple[str, ...] = ()) -> Access:
    return Access("t", "u", "anna", "p", "shop", frozenset(roles), 2e9, frozenset(service_roles))


def test_a_token_document_becomes_a_caller() -> None:
    document = {
        "user": {"id": "u", "name": "anna"},
        "project": {"id": "p", "name": "shop"},
        "roles": [{"id": "1", "name": "member"}, {"id": "2", "name": "reader"}],
    }
    access = access_of_token("t", document, 5.0)
    assert (access.user_id, access.project_id, access.project_name) == ("u", "p", "shop")
    assert access.roles == {"member", "reader"}
    assert access.document is document


def test_an_unscoped_token_has_no_project_and_no_roles() -> None:
    access = access_of_token("t", {"user": {"id": "u"}}, 5.0)
    assert (access.project_id, access.user_name, access.roles) == ("", "", frozenset())
    assert not access.sees("p")


def test_readers_read_members_write_administrators_manage() -> None:
    caller("member", "reader").require_writer()
    caller("service").require_writer()
    with pytest.raises(Forbidden, match="member role"):
        caller("reader").require_writer()
    caller("admin").require_admin("os_compute_api:servers:create:forced_host")
    with pytest.raises(Forbidden, match="doesn't allow os_compute_api:x to be performed"):
        caller("member").require_admin("os_compute_api:x")


def test_a_service_token_vouches_but_does_not_make_an_administrator() -> None:
    vouched = caller("member", service_roles=("service", "admin"))
    assert vouched.is_service
    assert not vouched.is_admin
    assert not vouched.sees("other")
    with pytest.raises(Forbidden):
        vouched.require_admin("x")


def test_projects_see_their_own_things() -> None:
    assert caller("member").sees("p")
    assert not caller("member").sees("q")
    assert caller("admin").sees("q")


def test_a_caller_in_a_log_shows_neither_its_token_nor_its_document() -> None:
    assert "secret" not in repr(access_of_token("secret", {"user": {"id": "u"}, "secret": 1}, 1.0))
