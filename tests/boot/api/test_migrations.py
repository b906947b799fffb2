"""There are no migrations, and that is said."""

from __future__ import annotations

from tests.boot.api.extras_harness import Api


def test_the_list_is_empty(extras: Api) -> None:
    assert extras.get("/os-migrations", version="2.80").json() == {"migrations": []}
    assert extras.get("/os-migrations", user="demo").status_code == 403
