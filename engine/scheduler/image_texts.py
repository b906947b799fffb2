"""An image's properties as nova's image object holds them, and as texts: known names only, values made canonical.

The names and rules are those of nova.objects.image_meta and nova.objects.fields, for filters that compare properties
with texts. A value that nova's image object would refuse, and nova-api with it, stays as it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count, takewhile
from typing import Final

from engine.fitting.truth import is_true
from engine.scheduler.guest_names import ARCHITECTURES, HYPERVISOR_TYPES, VM_MODES, GuestNames

_BOOLEANS: Final = frozenset(
    {
        "hw_boot_menu",
        "hw_ephemeral_encryption",
        "hw_firmware_stateless",
        "hw_ipxe_boot",
        "hw_locked_memory",
        "hw_mem_encryption",
        "hw_pmu",
        "hw_qemu_guest_agent",
        "hw_time_hpet",
        "hw_vif_multiqueue_enabled",
        "hw_virtio_packed_ring",
        "img_bdm_v2",
        "img_bittorrent",
        "img_cache_in_nova",
        "img_hide_hypervisor_id",
        "img_linked_clone",
        "img_use_agent",
        "os_require_quiesce",
        "os_skip_agent_inject_files_at_boot",
        "os_skip_agent_inject_ssh",
    }
)
_INTEGERS: Final = frozenset(
    {
        "hw_cpu_cores",
        "hw_cpu_max_cores",
        "hw_cpu_max_sockets",
        "hw_cpu_max_threads",
        "hw_cpu_sockets",
        "hw_cpu_threads",
        "hw_device_id",
        "hw_maxphysaddr_bits",
        "hw_numa_nodes",
        "hw_redirected_usb_ports",
        "hw_serial_port_count",
        "hw_video_ram",
        "img_compression_level",
        "img_version",
    }
)
_TEXTS: Final = frozenset(
    {
        "hw_auto_disk_config",
        "hw_cdrom_bus",
        "hw_cpu_policy",
        "hw_cpu_realtime_mask",
        "hw_cpu_thread_policy",
        "hw_disk_bus",
        "hw_disk_type",
        "hw_ephemeral_encryption_format",
        "hw_ephemeral_encryption_secret_uuid",
        "hw_firmware_type",
        "hw_floppy_bus",
        "hw_input_bus",
        "hw_machine_type",
        "hw_maxphysaddr_mode",
        "hw_mem_encryption_model",
        "hw_mem_page_size",
        "hw_pci_numa_affinity_policy",
        "hw_pointer_model",
        "hw_rescue_bus",
        "hw_rescue_device",
        "hw_rng_model",
        "hw_sound_model",
        "hw_tpm_model",
        "hw_tpm_version",
        "hw_usb_model",
        "hw_video_model",
        "hw_viommu_model",
        "hw_watchdog_action",
        "img_block_device_mapping",
        "img_config_drive",
        "img_hv_requested_version",
        "img_mappings",
        "img_owner_id",
        "img_root_device_name",
        "img_signature",
        "img_signature_certificate_uuid",
        "img_signature_hash_method",
        "img_signature_key_type",
        "os_admin_user",
        "os_command_line",
        "os_distro",
        "os_secure_boot",
    }
)
_GUEST_NAMES: Final = {
    "hw_architecture": ARCHITECTURES,
    "hw_emulation_architecture": ARCHITECTURES,
    "hw_vm_mode": VM_MODES,
    "img_hv_type": HYPERVISOR_TYPES,
}
_LOWERED: Final[Mapping[str, Mapping[str, str]]] = {
    "os_type": {},
    "hw_scsi_model": {"lsilogicsas": "lsisas1068", "paravirtual": "vmpvscsi"},
    "hw_vif_model": {
        "virtuale1000": "e1000",
        "virtuale1000e": "e1000e",
        "virtualpcnet32": "pcnet",
        "virtualsriovethernetcard": "sriov",
        "virtualvmxnet": "vmxnet",
        "virtualvmxnet3": "vmxnet3",
    },
}
"""The properties without case, each with the older spellings of its values."""

_LEGACY_NAMES: Final = {
    "architecture": "hw_architecture",
    "owner_id": "img_owner_id",
    "vmware_disktype": "hw_disk_type",
    "vmware_image_version": "img_version",
    "vmware_ostype": "os_distro",
    "auto_disk_config": "hw_auto_disk_config",
    "ipxe_boot": "hw_ipxe_boot",
    "xenapi_device_id": "hw_device_id",
    "xenapi_image_compression_level": "img_compression_level",
    "vmware_linked_clone": "img_linked_clone",
    "xenapi_use_agent": "img_use_agent",
    "xenapi_skip_agent_inject_ssh": "os_skip_agent_inject_ssh",
    "xenapi_skip_agent_inject_files_at_boot": "os_skip_agent_inject_files_at_boot",
    "cache_in_nova": "img_cache_in_nova",
    "vm_mode": "hw_vm_mode",
    "bittorrent": "img_bittorrent",
    "mappings": "img_mappings",
    "block_device_mapping": "img_block_device_mapping",
    "bdm_v2": "img_bdm_v2",
    "root_device_name": "img_root_device_name",
    "hypervisor_version_requires": "img_hv_requested_version",
    "hypervisor_type": "img_hv_type",
}
"""Older names of properties, which count where the current one is not set."""

_ADAPTER: Final = "vmware_adaptertype"
_TRAIT: Final = "trait:"


def image_texts(properties: Mapping[str, object]) -> dict[str, str]:
    """Return Python's text of each property that nova knows and that is set, as ``True``, ``4`` or ``x86_64``."""
    return {name: str(value) for name, value in image_values(properties).items()}


def image_values(properties: Mapping[str, object]) -> dict[str, object]:
    """Return the value of each property that nova knows and that is set: a truth value, a number, text or a list."""
    current = {new: properties[old] for old, new in _LEGACY_NAMES.items() if old in properties}
    adapter = properties.get(_ADAPTER)
    if adapter:
        current |= {"hw_disk_bus": "ide"} if adapter == "ide" else {"hw_disk_bus": "scsi", "hw_scsi_model": adapter}
    current |= properties
    values = {name: _READERS[name](value) for name, value in current.items() if name in _READERS}
    return values | _lists(properties)


def _lists(properties: Mapping[str, object]) -> dict[str, object]:
    """Return the properties that nova gathers into lists."""
    traits = [name for name in properties if name.startswith(_TRAIT) and str(properties[name]) == "required"]
    listed: dict[str, list[object]] = {
        "traits_required": [name.removeprefix(_TRAIT) for name in traits],
        "hw_numa_mem": [_integer(value) for value in _numbered(properties, "hw_numa_mem")],
        "hw_numa_cpus": _numbered(properties, "hw_numa_cpus"),
    }
    return {name: items for name, items in listed.items() if items}


def _numbered(properties: Mapping[str, object], name: str) -> list[object]:
    """Return the values of ``name.0``, ``name.1`` and so on, as far as they go."""
    return list(takewhile(lambda value: value is not None, (properties.get(f"{name}.{cell}") for cell in count())))


def _integer(value: object) -> object:
    try:
        return int(value)  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        return value


def _canonical(names: GuestNames) -> Callable[[object], str]:
    return lambda value: names.canonical(str(value)) or str(value)


def _lowered(spellings: Mapping[str, str]) -> Callable[[object], str]:
    return lambda value: spellings.get(str(value).lower(), str(value).lower())


_READERS: Final[Mapping[str, Callable[[object], object]]] = {
    **dict.fromkeys(_BOOLEANS, is_true),
    **dict.fromkeys(_INTEGERS, _integer),
    **dict.fromkeys(_TEXTS, str),
    **{name: _canonical(names) for name, names in _GUEST_NAMES.items()},
    **{name: _lowered(spellings) for name, spellings in _LOWERED.items()},
}
