"""Images as real glance answers, and downloads that break, lie or are cancelled."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from engine.boot.openstack import CloudNotFound, Clouds, CloudUnreachable, Downloaded
from engine.boot.openstack.images import promised_hash
from tests.boot.openstack.stage import USER, exchange, run, stage

IMAGE = "75f5af71-98eb-4b1f-b304-5b72315e4ee1"
DATA = b"berth" * 100_000


def test_glances_own_record_and_list() -> None:
    with stage() as play:
        play.play(exchange("GET", f"/v2/images/{IMAGE}"))
        play.play(exchange("GET", "/v2/images?name=recimg"))
        image = run(lambda clouds: clouds.images.get(USER, IMAGE), play.options())
        listed = run(lambda clouds: clouds.images.list(USER, name="recimg"), play.options())
    assert (image["status"], image["size"], image["os_hash_algo"]) == ("active", 3_000_000, "sha512")
    assert [found["id"] for found in listed] == [IMAGE]


def test_glances_own_not_found() -> None:
    with stage() as play:
        play.play(exchange("GET", "/v2/images/recimg"))
        with pytest.raises(CloudNotFound, match=r"^No image found with ID recimg$"):
            run(lambda clouds: clouds.images.get(USER, "recimg"), play.options())


def test_pages_of_images() -> None:
    with stage() as play:
        play.answer("GET", "/v2/images?limit=1", 200, {"images": [{"id": "a"}], "next": "/v2/images?marker=a&limit=1"})
        play.answer("GET", "/v2/images?marker=a&limit=1", 200, {"images": [{"id": "b"}]})
        listed = run(lambda clouds: clouds.images.list(USER, limit=1), play.options())
    assert [found["id"] for found in listed] == ["a", "b"]


def download(tmp_path: Path, record: dict[str, object], *, body: bytes = DATA, status: int = 200) -> Downloaded:
    with stage() as play:
        play.answer("GET", "/v2/images/i", 200, {"id": "i", **record})
        play.answer("GET", "/v2/images/i/file", status, body)
        return run(lambda clouds: clouds.images.download(USER, "i", tmp_path / "d"), play.options())


def test_a_download_is_hashed_as_glance_promises(tmp_path: Path) -> None:
    promised = {"size": len(DATA), "os_hash_algo": "SHA512", "os_hash_value": hashlib.sha512(DATA).hexdigest()}
    got = download(tmp_path, promised)
    assert (got.size, got.algorithm, got.matches) == (len(DATA), "sha512", True)
    assert (tmp_path / "d").read_bytes() == DATA


@pytest.mark.parametrize(
    ("record", "matches"),
    [
        ({"os_hash_algo": "sha512", "os_hash_value": "0" * 128}, False),
        ({"checksum": hashlib.md5(DATA).hexdigest()}, True),
        ({"checksum": "0" * 32}, False),
        ({"checksum": None, "os_hash_algo": None, "os_hash_value": None}, True),
        ({"os_hash_algo": "shake_128", "os_hash_value": "00", "checksum": hashlib.md5(DATA).hexdigest()}, True),
        ({"os_hash_algo": "nonsense", "os_hash_value": "00", "checksum": "1" * 32}, False),
        ({"os_hash_algo": 5, "os_hash_value": ["x"], "checksum": 7}, True),
        ({"size": len(DATA) - 1}, False),
    ],
)
def test_what_counts_as_the_promised_data(tmp_path: Path, record: dict[str, object], *, matches: bool) -> None:
    assert download(tmp_path, record).matches is matches


def test_data_beyond_the_recorded_size_do_not_fill_the_disk(tmp_path: Path) -> None:
    got = download(tmp_path, {"size": 10})
    assert got.too_large
    assert (tmp_path / "d").stat().st_size == 0


def test_no_data(tmp_path: Path) -> None:
    assert download(tmp_path, {}, body=b"", status=204).size == 0


def test_a_broken_download_begins_anew(tmp_path: Path) -> None:
    with stage() as play:
        play.answer("GET", "/v2/images/i", 200, {"id": "i"})
        short = {"Content-Length": "50000"}
        play.answer("GET", "/v2/images/i/file", 200, b"x" * 10, headers=short, times=1)
        play.answer("GET", "/v2/images/i/file", 200, DATA)
        got = run(lambda clouds: clouds.images.download(USER, "i", tmp_path / "d"), play.options())
    assert got.size == len(DATA)
    assert (tmp_path / "d").read_bytes() == DATA


def test_a_download_that_never_succeeds(tmp_path: Path) -> None:
    with stage() as play:
        play.answer("GET", "/v2/images/i", 200, {"id": "i"})
        play.answer("GET", "/v2/images/i/file", 200, b"x", headers={"Content-Length": "50000"})
        with pytest.raises(CloudUnreachable, match="image service broke off its answer"):
            run(lambda clouds: clouds.images.download(USER, "i", tmp_path / "d"), play.options(), attempts=2)


def test_a_cancelled_download_has_stopped_writing(tmp_path: Path) -> None:
    async def work(clouds: Clouds) -> None:
        call = asyncio.ensure_future(clouds.images.download(USER, "i", tmp_path / "d"))
        await asyncio.sleep(0.2)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        before = (tmp_path / "d").stat().st_size if (tmp_path / "d").exists() else None
        await asyncio.sleep(0.3)
        after = (tmp_path / "d").stat().st_size if (tmp_path / "d").exists() else None
        assert before == after

    with stage() as play:
        play.answer("GET", "/v2/images/i", 200, {"id": "i"})
        play.answer("GET", "/v2/images/i/file", 200, DATA, delay_s=0.4)
        run(work, play.options())


def test_a_disk_that_takes_nothing(tmp_path: Path) -> None:
    with stage() as play:
        play.answer("GET", "/v2/images/i", 200, {"id": "i"})
        play.answer("GET", "/v2/images/i/file", 200, DATA)
        with pytest.raises(OSError):
            run(lambda clouds: clouds.images.download(USER, "i", tmp_path / "no" / "d"), play.options())


def test_the_recorded_images_hash_is_taken_over_its_checksum() -> None:
    image = exchange("GET", f"/v2/images/{IMAGE}").reply
    assert promised_hash(image) == ("sha512", image["os_hash_value"])
