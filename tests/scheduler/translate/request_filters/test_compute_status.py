"""The trait of disabled hosts is always forbidden."""

from __future__ import annotations

from tests.builders import request
from tests.scheduler.translate.asking import narrowed


def test_disabled_hosts_are_forbidden_beside_what_the_request_forbids() -> None:
    assert narrowed(request()).root_forbidden == {"COMPUTE_STATUS_DISABLED"}
    spec = request(root_forbidden=frozenset({"CUSTOM_OLD"}), force_hosts=("h0",))
    assert narrowed(spec).root_forbidden == {"COMPUTE_STATUS_DISABLED", "CUSTOM_OLD"}


def test_a_request_that_forbids_them_already_comes_back_itself() -> None:
    spec = request(root_forbidden=frozenset({"COMPUTE_STATUS_DISABLED"}))
    assert narrowed(spec) is spec
