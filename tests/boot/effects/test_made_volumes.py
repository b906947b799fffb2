"""Volumes that a boot makes: waiting for them and deleting them, as cinder may answer."""

from __future__ import annotations

from typing import Any

import pytest

from engine.boot.effects import made_volumes
from engine.boot.effects.errors import BuildAbort
from engine.boot.effects.made_volumes import Patience
from engine.boot.openstack import CloudBadRequest
from tests.boot.openstack.stage import USER, run, stage


def test_a_volume_that_may_not_be_deleted_is_told_without_a_long_wait() -> None:
    with stage() as play:
        refusal = {"badRequest": {"code": 400, "message": "Volume has snapshots."}}
        play.answer("DELETE", "/v3/volumes/v", 400, refusal)
        play.answer("GET", "/v3/volumes/v", 200, {"volume": {"id": "v", "status": "available"}})
        with pytest.raises(Exception, match="Volume has snapshots"):
            run(lambda clouds: made_volumes.delete(clouds, "v", within_s=30), play.options())


def volume(status: str) -> dict[str, Any]:
    return {"volume": {"id": "v", "status": status}}


def test_a_volume_that_never_leaves_creating_is_forced_in_the_end() -> None:
    with stage() as play:
        play.answer("DELETE", "/v3/volumes/v?force=True", 202, b"")
        play.answer("DELETE", "/v3/volumes/v", 400, {"badRequest": {"code": 400, "message": "must be available"}})
        play.answer("GET", "/v3/volumes/v", 200, volume("creating"))
        run(lambda clouds: made_volumes.delete(clouds, "v", within_s=0.5), play.options())
        assert len(play.of("DELETE", "/v3/volumes/v?force=True")) == 1


def test_a_force_that_is_refused_tells_the_first_refusal() -> None:
    with stage() as play:
        play.answer("DELETE", "/v3/volumes/v?force=True", 403, {"forbidden": {"code": 403, "message": "admins only"}})
        play.answer("DELETE", "/v3/volumes/v", 400, {"badRequest": {"code": 400, "message": "must be available"}})
        play.answer("GET", "/v3/volumes/v", 200, volume("creating"))
        with pytest.raises(CloudBadRequest, match="must be available"):
            run(lambda clouds: made_volumes.delete(clouds, "v", within_s=0.2), play.options())


@pytest.mark.parametrize("status", [200, 404])
def test_a_volume_that_goes_by_itself_is_as_good_as_deleted(status: int) -> None:
    with stage() as play:
        play.answer("DELETE", "/v3/volumes/v", 400, {"badRequest": {"code": 400, "message": "is deleting"}})
        play.answer("GET", "/v3/volumes/v", status, volume("deleting"))
        run(lambda clouds: made_volumes.delete(clouds, "v", within_s=5), play.options())


def test_the_wait_for_a_new_volume_ends_in_novas_words() -> None:
    new = volume("creating")["volume"]
    with stage() as play:
        play.answer("GET", "/v3/volumes/v", 200, volume("downloading"), times=2)
        play.answer("GET", "/v3/volumes/v", 404, {"itemNotFound": {"code": 404, "message": "no"}})
        with pytest.raises(BuildAbort) as caught:
            run(
                lambda clouds: made_volumes.wait_until_available(clouds, new, USER, Patience(0.01, 10)),
                play.options(),
            )
    assert caught.value.message == (
        "Volume v did not finish being created even after we waited 0 seconds or 3 attempts. "
        "And its status is error_deleting."
    )
