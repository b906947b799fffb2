"""The image cache with a real embedded image service: once, whole, checked, and gone when unused."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import struct
import time
from pathlib import Path
from typing import Any

import pytest

from engine.boot.effects.errors import BuildAbort, ImageCorrupt, ImageUnacceptable, Reschedule
from engine.boot.effects.image_cache import CachedImage, ImageCache, cache_name
from engine.boot.openstack import CallTrace, Clouds
from engine.v1 import instance_pb2 as v1
from tests.boot.effects.world import World
from tests.boot.openstack.stage import USER, Stage, run, stage

RAW = b"\x00berth" * 1000


def qcow2(virtual_size: int, *, backing: bool = False) -> bytes:
    """A qcow2 header, as much of it as makes an image that says its size."""
    offset, length = (112, 8) if backing else (0, 0)
    header = struct.pack(">4sIQIIQ", b"QFI\xfb", 3, offset, length, 16, virtual_size)
    header += bytes(40) + struct.pack(">QQQII", 0, 0, 0, 4, 104)
    return (header + bytes(8) + b"/etc/pwd").ljust(4096, b"\0")


def fetch(here: World, folder: Path, instance: v1.Instance, **options: Any) -> CachedImage:
    return here.run(lambda clouds: ImageCache(folder, clouds.images).fetch(here.caller(), instance, **options))


def test_an_image_is_downloaded_once_and_lies_under_its_hash(here: World, tmp_path: Path) -> None:
    instance, traces = here.instance(), [CallTrace(), CallTrace()]

    async def work(clouds: Clouds) -> list[CachedImage]:
        cache = ImageCache(tmp_path / "c", clouds.images)
        return [await cache.fetch(here.caller(), instance, trace=trace) for trace in traces]

    first, again = here.run(work)
    assert first.path == again.path == tmp_path / "c" / hashlib.sha512(here.image_data).hexdigest()
    assert first.path.read_bytes() == here.image_data
    assert (first.downloaded, again.downloaded) == (True, False)
    assert first.detail == "downloaded, 100000 bytes, raw, virtual size 100000 bytes"
    assert again.detail == "image in cache, 100000 bytes, raw, virtual size 100000 bytes"
    assert [[call.url.rpartition("/")[2] for call in trace.calls] for trace in traces] == [
        [here.image_id, "file"],
        [here.image_id],
    ]


def test_many_at_once_download_once(here: World, tmp_path: Path) -> None:
    trace = CallTrace()

    async def work(clouds: Clouds) -> list[CachedImage]:
        # two caches on one directory stand for two processes
        caches = [ImageCache(tmp_path / "c", clouds.images) for _ in range(2)]
        who, instance = here.caller(), here.instance()
        return await asyncio.gather(*(caches[i % 2].fetch(who, instance, trace=trace) for i in range(20)))

    found = here.run(work)
    assert sum(image.downloaded for image in found) == 1
    assert sum(call.url.endswith("/file") for call in trace.calls) == 1


def test_who_may_not_have_an_image_does_not_get_it_from_the_cache(here: World, tmp_path: Path) -> None:
    admin = here.cloud.session("admin")
    url = f"{here.cloud.url('image')}/v2/images"
    body = {"name": "own", "disk_format": "raw", "container_format": "bare", "visibility": "private"}
    image_id = admin.post(url, json=body).json()["id"]
    headers = {"Content-Type": "application/octet-stream"}
    admin.put(f"{url}/{image_id}/file", data=here.image_data, headers=headers)
    fetch(here, tmp_path / "c", here.instance())
    with pytest.raises(BuildAbort, match=image_id):
        fetch(here, tmp_path / "c", here.instance(image_id=image_id))


@pytest.mark.parametrize("damage", [b"", b"short", RAW * 100])
def test_a_cached_file_of_another_size_is_not_trusted(here: World, tmp_path: Path, damage: bytes) -> None:
    first = fetch(here, tmp_path / "c", here.instance())
    first.path.write_bytes(damage)
    again = fetch(here, tmp_path / "c", here.instance())
    assert again.downloaded
    assert again.path.read_bytes() == here.image_data


def test_no_data_aborts_in_novas_words(here: World, tmp_path: Path) -> None:
    here.break_down({"part": "image", "point": "download", "value": "empty"})
    with pytest.raises(ImageUnacceptable) as caught:
        fetch(here, tmp_path / "c", here.instance())
    assert caught.value.message == f"Image {here.image_id} is unacceptable: Image has no associated data"
    assert not [path for path in (tmp_path / "c").iterdir() if path.suffix != ".lock"]


def test_a_corrupt_download_reschedules_and_is_not_kept(here: World, tmp_path: Path) -> None:
    here.break_down({"part": "image", "point": "download", "value": "corrupt"})
    with pytest.raises(ImageCorrupt, match="Corrupt image download"):
        fetch(here, tmp_path / "c", here.instance())
    assert not [path for path in (tmp_path / "c").iterdir() if path.suffix != ".lock"]
    here.break_down()
    assert fetch(here, tmp_path / "c", here.instance()).downloaded


def test_an_image_without_data_is_not_active(here: World, tmp_path: Path) -> None:
    image_id = here.image(None)
    with pytest.raises(BuildAbort, match=f"Image {image_id} is not active"):
        fetch(here, tmp_path / "c", here.instance(image_id=image_id))


def test_an_image_that_is_gone_aborts(here: World, tmp_path: Path) -> None:
    gone = "11111111-2222-3333-4444-555555555555"
    with pytest.raises(BuildAbort, match=gone):
        fetch(here, tmp_path / "c", here.instance(image_id=gone))


def test_the_service_away_reschedules(here: World, tmp_path: Path) -> None:
    here.break_down({"part": "image", "point": "GET /v2/images/[^/]*", "status": 500, "message": "glance is ill"})
    with pytest.raises(Reschedule, match="glance is ill"):
        fetch(here, tmp_path / "c", here.instance())


def test_a_disk_that_takes_nothing_reschedules(here: World, tmp_path: Path) -> None:
    async def work(clouds: Clouds) -> CachedImage:
        cache = ImageCache(tmp_path / "c", clouds.images)
        (tmp_path / "c").rmdir()
        return await cache.fetch(here.caller(), here.instance())

    with pytest.raises(Reschedule, match="cannot be kept on this host"):
        here.run(work)


def test_one_who_cannot_download_leaves_it_to_the_next(here: World, tmp_path: Path) -> None:
    async def work(clouds: Clouds) -> None:
        cache = ImageCache(tmp_path / "c", clouds.images)
        here.break_down({"part": "image", "point": "GET /v2/images/.*/file", "status": 403, "times": 1})
        first, second = await asyncio.gather(
            *(cache.fetch(here.caller(), here.instance()) for _ in range(2)), return_exceptions=True
        )
        failed, fetched = (first, second) if isinstance(first, BuildAbort) else (second, first)
        assert isinstance(failed, BuildAbort)
        assert isinstance(fetched, CachedImage)

    here.run(work)


def laid(play: Stage, data: bytes, disk_format: str, **fields: Any) -> v1.Instance:
    """An image as some glance would have it that checks nothing, and an instance to boot from it."""
    record = {
        "id": "i",
        "status": "active",
        "disk_format": disk_format,
        "size": len(data),
        "os_hash_algo": "sha512",
        "os_hash_value": hashlib.sha512(data).hexdigest(),
        **fields,
    }
    play.answer("GET", "/v2/images/i", 200, record)
    play.answer("GET", "/v2/images/i/file", 200, data)
    instance = v1.Instance(uuid="u", image_id="i")
    instance.flavor.root_gb = 1
    instance.flavor.memory_mb = 512
    return instance


def fetch_laid(folder: Path, data: bytes, disk_format: str, **fields: Any) -> CachedImage:
    with stage() as play:
        instance = laid(play, data, disk_format, **fields)
        return run(lambda clouds: ImageCache(folder, clouds.images).fetch(USER, instance), play.options())


def test_a_qcow2_image_says_its_virtual_size(tmp_path: Path) -> None:
    assert fetch_laid(tmp_path, qcow2(512 << 20), "qcow2").virtual_size == 512 << 20


@pytest.mark.parametrize(
    ("data", "disk_format", "words"),
    [
        (qcow2(1 << 20), "raw", "does not match disk_format: it is declared raw, and is qcow2"),
        (RAW, "qcow2", "does not match disk_format: it is declared qcow2, and is raw"),
        (qcow2(1 << 20, backing=True), "qcow2", "not safe to open: backing_file"),
        (qcow2(0), "qcow2", "impossible virtual size"),
        (qcow2((1 << 64) - 1), "qcow2", "impossible virtual size"),
        (RAW, "ploop", "Image disk format ploop is not supported"),
        (RAW, "", "Image disk format none is not supported"),
    ],
)
def test_an_image_that_lies_is_unacceptable(tmp_path: Path, data: bytes, disk_format: str, words: str) -> None:
    with pytest.raises(ImageUnacceptable, match=words):
        fetch_laid(tmp_path, data, disk_format)


def test_the_same_bytes_declared_otherwise_are_checked_anew(tmp_path: Path) -> None:
    assert fetch_laid(tmp_path, qcow2(1 << 20), "qcow2").downloaded
    with pytest.raises(ImageUnacceptable):
        fetch_laid(tmp_path, qcow2(1 << 20), "raw")


@pytest.mark.parametrize(
    ("data", "fields", "words"),
    [
        (
            qcow2(2 << 30),
            {},
            "disk is too small for requested image. Flavor disk is 1073741824 bytes, image is 2147483648",
        ),
        (RAW, {"size": 3 << 30}, "disk is too small for requested image"),
        (RAW, {"min_disk": 2}, "smaller than the minimum size specified in image metadata"),
        (RAW, {"min_ram": 1024}, "memory is too small for requested image"),
    ],
)
def test_an_image_too_large_for_the_flavor(tmp_path: Path, data: bytes, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(BuildAbort, match=words):
        fetch_laid(tmp_path, data, "qcow2" if data[:1] == b"Q" else "raw", **fields)


def test_a_flavor_without_a_root_disk_takes_any_size(tmp_path: Path) -> None:
    with stage() as play:
        instance = laid(play, qcow2(2 << 30), "qcow2")
        instance.flavor.root_gb = 0
        run(lambda clouds: ImageCache(tmp_path, clouds.images).fetch(USER, instance), play.options())


@pytest.mark.parametrize(
    "fields",
    [
        {"os_hash_value": "../../../../etc/passwd"},
        {"os_hash_value": "A" * 20_000},
        {"os_hash_algo": None, "os_hash_value": None, "checksum": None, "size": None},
        {"os_hash_algo": "md5", "os_hash_value": "0" * 32},
    ],
)
def test_a_name_is_never_what_the_service_says(fields: dict[str, Any]) -> None:
    name = cache_name({"id": "i", "os_hash_algo": "sha512", **fields})
    assert len(name) == 64
    assert set(name) <= set("0123456789abcdef")


def test_images_known_by_a_weak_hash_alone_do_not_share_a_name() -> None:
    assert cache_name({"id": "a", "checksum": "0" * 32}) != cache_name({"id": "b", "checksum": "0" * 32})


def test_what_nobody_uses_is_removed(here: World, tmp_path: Path) -> None:
    folder = tmp_path / "c"
    used, unused = fetch(here, folder, here.instance()), folder / ("a" * 128)
    unused.write_bytes(RAW)
    fresh = folder / ("b" * 64)
    fresh.write_bytes(RAW)
    broken = folder / ("c" * 128 + ".part")
    broken.write_bytes(RAW)
    loading = folder / ("d" * 128 + ".part")
    loading.write_bytes(RAW)
    foreign = folder / "notes.txt"
    foreign.write_text("kept")
    for path in (used.path, unused):
        os.utime(path, (0, time.time() - 100))

    async def work(clouds: Clouds) -> list[Path]:
        return ImageCache(folder, clouds.images).prune(50, [used.path])

    with (folder / ("d" * 128 + ".lock")).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert here.run(work) == [unused]
    assert used.path.exists()
    assert fresh.exists()
    assert foreign.exists()
    assert loading.exists()
    assert not broken.exists()
    assert here.run(work) == []
    assert not loading.exists()


def test_a_cancelled_fetch_leaves_nothing_half(here: World, tmp_path: Path) -> None:
    here.break_down({"part": "image", "point": "GET /v2/images/.*/file", "delay_s": 0.5})

    async def work(clouds: Clouds) -> None:
        cache = ImageCache(tmp_path / "c", clouds.images)
        fetching = asyncio.ensure_future(cache.fetch(here.caller(), here.instance()))
        await asyncio.sleep(0.2)
        fetching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetching
        here.break_down()
        assert (await cache.fetch(here.caller(), here.instance())).downloaded

    here.run(work)
    assert not list((tmp_path / "c").glob("*.part"))
