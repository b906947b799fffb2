"""Image properties as nova's image object holds them: typed, canonical, under their current names."""

from __future__ import annotations

import pytest

from engine.scheduler.image_texts import image_texts, image_values


@pytest.mark.parametrize(
    ("properties", "values"),
    [
        ({}, {}),
        ({"novelty": "x", "os_distro": "debian"}, {"os_distro": "debian"}),
        ({"hw_qemu_guest_agent": "yes"}, {"hw_qemu_guest_agent": True}),
        ({"hw_qemu_guest_agent": " On "}, {"hw_qemu_guest_agent": True}),
        ({"hw_qemu_guest_agent": True}, {"hw_qemu_guest_agent": True}),
        ({"hw_qemu_guest_agent": "no"}, {"hw_qemu_guest_agent": False}),
        ({"hw_qemu_guest_agent": "perhaps"}, {"hw_qemu_guest_agent": False}),
        ({"hw_cpu_cores": " 04"}, {"hw_cpu_cores": 4}),
        ({"hw_cpu_cores": "four"}, {"hw_cpu_cores": "four"}),
        ({"hw_cpu_cores": None}, {"hw_cpu_cores": None}),
        ({"hw_architecture": "AMD64"}, {"hw_architecture": "x86_64"}),
        ({"hw_architecture": "abacus"}, {"hw_architecture": "abacus"}),
        ({"img_hv_type": "xapi"}, {"img_hv_type": "xen"}),
        ({"hw_vm_mode": "HV"}, {"hw_vm_mode": "hvm"}),
        ({"os_type": "Linux"}, {"os_type": "linux"}),
        ({"hw_scsi_model": "lsiLogicsas"}, {"hw_scsi_model": "lsisas1068"}),
        ({"hw_vif_model": "VirtualE1000"}, {"hw_vif_model": "e1000"}),
        ({"hw_tpm_version": 2.0}, {"hw_tpm_version": "2.0"}),
        ({"architecture": "i386"}, {"hw_architecture": "i686"}),
        ({"architecture": "i386", "hw_architecture": "s390"}, {"hw_architecture": "s390"}),
        ({"vmware_adaptertype": "ide"}, {"hw_disk_bus": "ide"}),
        ({"vmware_adaptertype": "paravirtual"}, {"hw_disk_bus": "scsi", "hw_scsi_model": "vmpvscsi"}),
        ({"vmware_adaptertype": "ide", "hw_disk_bus": "virtio"}, {"hw_disk_bus": "virtio"}),
        ({"vmware_adaptertype": ""}, {}),
        ({"trait:B": "required", "trait:A": "forbidden"}, {"traits_required": ["B"]}),
        ({"traits_required": "A", "hw_numa_mem": "1"}, {}),
        ({"hw_numa_mem.0": "512", "hw_numa_mem.1": 0, "hw_numa_mem.3": "1"}, {"hw_numa_mem": [512, 0]}),
        ({"hw_numa_cpus.0": "0-1", "hw_numa_cpus.1": "2"}, {"hw_numa_cpus": ["0-1", "2"]}),
    ],
)
def test_values_are_typed_and_canonical(properties: dict[str, object], values: dict[str, object]) -> None:
    assert image_values(properties) == values


def test_texts_are_pythons() -> None:
    properties = {"hw_boot_menu": "1", "img_use_agent": "0", "hw_cpu_cores": "2", "trait:A": "required"}
    assert image_texts(properties) == {
        "hw_boot_menu": "True",
        "img_use_agent": "False",
        "hw_cpu_cores": "2",
        "traits_required": "['A']",
    }
