"""The check of disk formats on files that qemu-img made, on files that lie, and on noise."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.cloud.image.formats import FormatMismatchError, UnsafeImageError, inspect

MIB = 1024**2


def qemu(*words: str) -> None:
    subprocess.run(["qemu-img", *words], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("disk_format", "name"), [("qcow2", "qcow2"), ("vdi", "vdi"), ("vhd", "vpc"), ("vhdx", "vhdx")]
)
def test_every_format_is_known_and_its_virtual_size_read(tmp_path: Path, disk_format: str, name: str) -> None:
    path = tmp_path / "disk"
    qemu("create", "-f", name, str(path), "64M")
    assert abs(inspect(path, disk_format) - 64 * MIB) < MIB
    with pytest.raises(FormatMismatchError):
        inspect(path, "raw")


def test_a_streamed_vmdk_is_taken_and_a_flat_one_is_not(tmp_path: Path) -> None:
    raw, path = tmp_path / "raw", tmp_path / "disk.vmdk"
    raw.write_bytes(bytes(MIB))
    qemu("convert", "-O", "vmdk", "-o", "subformat=streamOptimized", str(raw), str(path))
    assert inspect(path, "vmdk") == MIB
    flat = tmp_path / "flat.vmdk"
    qemu("create", "-f", "vmdk", "-o", "subformat=monolithicFlat", str(flat), "1M")
    with pytest.raises((UnsafeImageError, FormatMismatchError)):
        inspect(flat, "vmdk")


def test_a_data_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    qemu("create", "-f", "qcow2", "-o", f"data_file={tmp_path / 'elsewhere'},data_file_raw=on", str(path), "1M")
    with pytest.raises(UnsafeImageError, match="data_file"):
        inspect(path, "qcow2")


def test_an_absurd_virtual_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    qemu("create", "-f", "qcow2", str(path), "1M")
    head = bytearray(path.read_bytes())
    head[24:32] = (2**62).to_bytes(8, "big")
    path.write_bytes(head)
    with pytest.raises(UnsafeImageError, match="absurd"):
        inspect(path, "qcow2")


def test_a_disk_with_a_partition_table_is_raw(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    mbr = bytearray(4 * MIB)
    mbr[446:462] = bytes([0x00, 0x00, 0x02, 0x00, 0xEE, 0xFF, 0xFF, 0xFF, 1, 0, 0, 0, 0xFF, 0x1F, 0, 0])
    mbr[510:512] = b"\x55\xaa"
    path.write_bytes(mbr)
    assert inspect(path, "raw") == 4 * MIB
    assert inspect(path, "ami") == 4 * MIB


def test_an_empty_file_is_raw_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(b"")
    assert inspect(path, "raw") == 0
    with pytest.raises(FormatMismatchError):
        inspect(path, "qcow2")


@settings(max_examples=60, deadline=None)
@given(
    magic=st.sampled_from(
        [b"", b"QFI\xfb\x00\x00\x00\x03", b"conectix", b"KDMV\x01\x00\x00\x00", b"vhdxfile", b"LUKS"]
    ),
    noise=st.binary(max_size=3000),
    disk_format=st.sampled_from(["raw", "qcow2", "vmdk", "vhd", "vhdx", "vdi", "iso"]),
)
def test_noise_is_judged_and_never_breaks_the_check(
    tmp_path_factory: pytest.TempPathFactory, magic: bytes, noise: bytes, disk_format: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "noise"
    path.write_bytes(magic + noise)
    with suppress(FormatMismatchError, UnsafeImageError):
        assert inspect(path, disk_format) >= 0
