"""Volumes and attachments as real cinder answers, asked as nova asks."""

from __future__ import annotations

import pytest

from engine.boot.openstack import CloudError, CloudNotFound, CloudOverQuota, Clouds
from tests.boot.openstack.stage import USER, exchange, run, stage

VOLUME = "21b4581a-d55c-4c91-8747-45916927b2ce"
INSTANCE = "19adac21-6454-4f90-a207-523d75906cd5"
ATTACHMENT = "cb233e58-ffa8-4da5-b1b5-dbe5e6e9ddd0"


def test_an_attachment_from_reservation_to_completion() -> None:
    reserved = exchange("POST", "/v3/attachments")
    updated = exchange("PUT", f"/v3/attachments/{ATTACHMENT}")
    completed = exchange("POST", f"/v3/attachments/{ATTACHMENT}/action")
    with stage() as play:
        for found in (reserved, updated, completed):
            play.play(found)

        async def work(clouds: Clouds) -> dict[str, object]:
            made = await clouds.volumes.create_attachment(USER, VOLUME, INSTANCE)
            info = await clouds.volumes.update_attachment(USER, made["id"], updated.request["attachment"]["connector"])
            await clouds.volumes.complete_attachment(USER, made["id"])
            return info

        info = run(work, play.options())
        assert [seen.body for seen in play.requests] == [reserved.request, updated.request, completed.request]
        assert {seen.headers["openstack-api-version"] for seen in play.requests} == {"volume 3.44"}
    assert info["driver_volume_type"] == "local"
    assert info["data"] == {
        name: value
        for name, value in updated.reply["attachment"]["connection_info"].items()
        if name != "driver_volume_type"
    }


def test_connection_info_that_has_its_data_apart() -> None:
    info = {"driver_volume_type": "local", "data": {"device_path": "f"}, "extra": 1}
    with stage() as play:
        play.answer("PUT", "/v3/attachments/a", 200, {"attachment": {"id": "a", "connection_info": info}})
        got = run(lambda clouds: clouds.volumes.update_attachment(USER, "a", {}), play.options())
    assert got == {"driver_volume_type": "local", "data": {"device_path": "f"}}


@pytest.mark.parametrize("info", [None, {}, [], {"driver_volume_type": 5}, {"driver_volume_type": ""}, "x"])
def test_connection_info_that_is_none(info: object) -> None:
    with stage() as play:
        play.answer("PUT", "/v3/attachments/a", 200, {"attachment": {"id": "a", "connection_info": info}})
        with pytest.raises(CloudError, match="without connection info"):
            run(lambda clouds: clouds.volumes.update_attachment(USER, "a", {}), play.options())


def test_an_attachment_that_is_gone_is_as_good_as_deleted() -> None:
    gone = "549dc6a8-29f7-49d5-a00f-a7a35813db37"
    for status in (200, 404):
        with stage() as play:
            play.play(exchange("DELETE", f"/v3/attachments/{gone}", status))
            run(lambda clouds: clouds.volumes.delete_attachment(gone), play.options())
            (seen,) = play.requests
            assert seen.headers["x-auth-token"] == seen.headers["x-service-token"]


def test_volumes_as_cinder_shows_them() -> None:
    with stage() as play:
        play.play(exchange("GET", f"/v3/volumes/{VOLUME}"))
        play.play(exchange("GET", "/v3/volumes/recvol"))
        made = exchange("POST", "/v3/volumes")
        play.play(made)
        volume = run(lambda clouds: clouds.volumes.get(USER, VOLUME), play.options())
        assert volume["status"] == "available"
        new = run(lambda clouds: clouds.volumes.create(USER, {"size": 1}), play.options())
        assert new["status"] == "creating"
        with pytest.raises(CloudNotFound, match="Volume recvol could not be found"):
            run(lambda clouds: clouds.volumes.get(USER, "recvol"), play.options())


def test_over_quota_in_cinders_words() -> None:
    words = "VolumeLimitExceeded: Maximum number of volumes allowed (10) exceeded for quota 'volumes'."
    with stage() as play:
        play.answer("POST", "/v3/volumes", 413, {"overLimit": {"code": 413, "message": words}})
        with pytest.raises(CloudOverQuota, match="Maximum number of volumes"):
            run(lambda clouds: clouds.volumes.create(USER, {"size": 1}), play.options())


def test_filters_of_lists() -> None:
    with stage() as play:
        play.answer("GET", "/v3/volumes/detail", 200, {"volumes": []})
        play.answer("GET", "/v3/attachments", 200, {"attachments": []})

        async def work(clouds: Clouds) -> None:
            await clouds.volumes.list(None, all_tenants="1", metadata={"k": "v"})
            await clouds.volumes.list_attachments("i")
            await clouds.volumes.list_attachments()

        run(work, play.options())
        assert [seen.path for seen in play.requests] == [
            "/v3/volumes/detail?all_tenants=1&metadata=%7B%27k%27%3A+%27v%27%7D",
            "/v3/attachments?instance_id=i&all_tenants=1",
            "/v3/attachments?all_tenants=1",
        ]


def test_a_volume_is_deleted_and_fine_when_gone() -> None:
    with stage() as play:
        play.answer("DELETE", "/v3/volumes/v", 202, b"")
        play.answer("DELETE", "/v3/volumes/v?force=True", 404, {"itemNotFound": {"code": 404, "message": "no"}})
        run(lambda clouds: clouds.volumes.delete("v"), play.options())
        run(lambda clouds: clouds.volumes.delete("v", force=True), play.options())
