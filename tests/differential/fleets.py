"""Random fleets in the cases' schema: hosts with odd, missing and contradictory facts, and their aggregates."""

from __future__ import annotations

import copy

from tests.differential.chance import Chance, Content

NOW = "2026-01-15T12:00:00"
CELLS = ("11111111-1111-4111-8111-111111111111", "33333333-3333-4333-8333-333333333333")
FEATURES = ("aes", "avx", "avx2", "avx512f", "amx", "sgx", "svm", "vmx", "pdpe1gb")
MODELS = ("Icelake-Server", "EPYC-Rome", "Cascadelake-Server")
METRICS = ("cpu.percent", "cpu.frequency", "cpu.idle.percent", "cpu.user.time", "cpu.iowait.percent")
MULTIPLIERS = (
    "cpu_weight_multiplier",
    "ram_weight_multiplier",
    "disk_weight_multiplier",
    "io_ops_weight_multiplier",
    "pci_weight_multiplier",
    "build_failure_weight_multiplier",
    "hypervisor_version_weight_multiplier",
    "num_instances_weight_multiplier",
    "soft_affinity_weight_multiplier",
    "soft_anti_affinity_weight_multiplier",
    "metrics_weight_multiplier",
    "image_props_weight_multiplier",
    "cross_cell_move_weight_multiplier",
)
NUMBER_TEXTS = ("2", "0", "-1.5", "0.25", " 4 ", "1e2", "+3", "1_0", "\uff17", "abc", "", "1,5", "0x10", "1e-3", "7.")
"""What an aggregate may say where a number is meant: some parse in Python, some do not."""
COUNT_TEXTS = ("2", "5", "6", "0", "-1", " 9 ", "1_0", "+4", "3.5", "1,2", "abc", "", "100", "\uff13")
PROJECTS = ("proj-a", "proj-b", "proj-c")
FLAVOR_NAMES = ("m1.small", "m1.large", "c5.xl")
_METADATA = {
    "filter_tenant_id": ("proj-a", "proj-b, proj-c", " proj-a", "", ",", "proj-a,proj-b"),
    "filter_tenant_id2": ("proj-a,proj-d", "proj-c"),
    "filter_tenant_idx": ("proj-b",),
    "max_io_ops_per_host": COUNT_TEXTS,
    "max_instances_per_host": COUNT_TEXTS,
    "instance_type": ("m1.small", "m1.large, c5.xl", "m1.smal", "m1.small,m1.large", " c5.xl ", "", "m1.*"),
    "ssd": ("true", "false, nvme", "True", ""),
    "tier": ("3", "2,4", " 5 ", "3.0", "x"),
    "gen": ("g5,g6", "g4", "g5"),
    "ssd:x": ("true",),
    "hw_disk_bus": ("virtio", "scsi,ide", "scsi"),
    "hw_qemu_guest_agent": ("true", "True", "no", "False"),
    "hw_architecture": ("x86_64", "i686", "aarch64"),
    "os_distro": ("ubuntu", "debian,ubuntu"),
    "os_type": ("linux", "windows"),
    "hw_cpu_cores": ("2", "4,8"),
    "notaprop": ("zzz",),
    "availability_zone": ("az1", "az2"),
}
_SERVICES: tuple[Content, ...] = (
    {"disabled": True, "disabled_reason": "maintenance"},
    {"disabled": True},
    {"forced_down": True},
    {"last_seen_up": "2026-01-15T11:59:00"},
    {"last_seen_up": "2026-01-15T11:58:59"},
    {"last_seen_up": "2026-01-15T12:01:00"},
    {"last_seen_up": "2026-01-15T12:01:01"},
    {"last_seen_up": None, "created_at": "2026-01-15T11:59:30"},
    {"last_seen_up": None, "created_at": "2026-01-14T11:59:30"},
)


def make_hosts(chance: Chance, *, down: float = 0.12, twins: float = 0.25) -> list[Content]:
    """Return 5 to 40 hosts, mostly few; ``twins`` is how often one is a copy of another but for its names."""
    many = chance.number(5, 14) if chance.maybe(0.85) else chance.number(15, 40)
    hosts: list[Content] = []
    for number in range(many):
        host = copy.deepcopy(chance.one(hosts)) if hosts and chance.maybe(twins) else _host(chance, down)
        host["host"] = f"cmp{number:04d}"
        host["uuid"] = chance.uuid()
        host["instances"] = [_instance(chance) for _ in range(chance.one((0, 0, 0, 1, 2, 3)))]
        if chance.maybe(0.1):
            host["hypervisor_hostname"] = f"node{number}.example"
        hosts.append(host)
    return hosts


def make_aggregates(chance: Chance, hosts: list[Content], keys: tuple[str, ...]) -> list[Content]:
    """Return up to five aggregates whose metadata has some of ``keys``."""
    names = [host["host"] for host in hosts]
    return [
        {
            "id": number + 1,
            "uuid": chance.uuid(),
            "name": f"agg{number + 1}",
            "hosts": sorted(chance.some(names)),
            "metadata": {key: metadata_text(chance, key) for key in chance.some(keys, 0, 3)},
        }
        for number in range(chance.number(0, 5) if keys else chance.number(0, 1))
    ]


def metadata_text(chance: Chance, key: str) -> str:
    """Return something that an aggregate may say under a key."""
    return chance.one(NUMBER_TEXTS if key.endswith("_multiplier") else _METADATA[key])


def _host(chance: Chance, down: float) -> Content:
    vcpus = chance.one((4, 8, 16, 24, 32, 64, 128))
    memory_mb = chance.one((8192, 16384, 32768, 131072, 262144))
    local_gb = chance.one((0, 100, 200, 1000, 2000))
    ratio = chance.one((1.0, 1.5, 2.0, 4.0, 16.0))
    host: Content = {
        "host": "",
        "uuid": "",
        "vcpus": vcpus,
        "vcpus_used": chance.number(0, int(vcpus * ratio)),
        "memory_mb": memory_mb,
        "memory_mb_used": chance.number(0, memory_mb + (4096 if chance.maybe(0.1) else 0)),
        "local_gb": local_gb,
        "local_gb_used": chance.number(0, local_gb + (50 if chance.maybe(0.1) else 0)),
        "cpu_allocation_ratio": ratio,
        "ram_allocation_ratio": chance.one((1.0, 1.0, 1.5, 0.9)),
        "disk_allocation_ratio": chance.one((1.0, 1.0, 1.5)),
        "hypervisor_type": chance.one(("QEMU", "QEMU", "xen", "vmware")),
        "hypervisor_version": chance.one((8002002, 8002002, 9001000, 7002011, 6002000, 0, 1, 12)),
        "host_ip": f"10.{chance.number(0, 2)}.{chance.number(0, 3)}.{chance.number(1, 254)}",
        "supported_hv_specs": chance.some(_HV_SPECS, 0, 3),
        "cpu_info": _cpu_info(chance),
        "stats": _stats(chance),
        "service": dict(chance.one(_SERVICES)) if chance.maybe(down) else {},
    }
    if chance.maybe(0.4):
        host["disk_available_least"] = chance.one((None, -3, 0, chance.number(0, local_gb), local_gb + 100))
    if chance.maybe(0.1):
        host["free_ram_mb"] = chance.number(-4096, memory_mb)
    if chance.maybe(0.1):
        host["free_disk_gb"] = chance.number(-40, local_gb)
    if chance.maybe(0.2):
        host["cell_uuid"] = chance.one(CELLS)
    if chance.maybe(0.3):
        # placement takes no inventory of which more is reserved than there is
        host["reserved"] = {
            chance.one(("VCPU", "MEMORY_MB", "DISK_GB") if local_gb else ("VCPU",)): chance.number(0, 2)
        }
    if chance.maybe(0.5):
        host["metrics"] = [_metric(chance, name) for name in chance.some(METRICS)]
    if chance.maybe(0.15):
        host["pci_device_pools"] = [
            {"vendor_id": "8086", "product_id": "1572", "numa_node": None, "count": chance.number(0, 120), "tags": {}}
        ]
    return host


_HV_SPECS = (
    ["x86_64", "kvm", "hvm"],
    ["x86_64", "qemu", "hvm"],
    ["i686", "kvm", "hvm"],
    ["aarch64", "kvm", "hvm"],
    ["x86_64", "xen", "xen"],
    ["x86_64", "vmware", "hvm"],
)


def _cpu_info(chance: Chance) -> Content | str:
    if chance.maybe(0.12):
        return chance.one(("", "{", "[1, 2]", '"text"', "null", '{"vendor": null}', '{"topology": "[]"}'))
    info: Content = {
        "arch": "x86_64",
        "model": chance.one(MODELS),
        "vendor": chance.one(("Intel", "AMD")),
        "topology": {"cores": chance.one((8, 16, 32)), "sockets": 2, "threads": chance.one((1, 2))},
        "features": sorted(chance.some(FEATURES)),
    }
    if chance.maybe(0.4):
        info["maxphysaddr"] = {"mode": "emulate", "bits": chance.one((40, 46, 52))}
    return info


def _stats(chance: Chance) -> Content:
    stats: Content = {}
    for key, values in (
        ("num_instances", (0, 1, 5, 20, 49, 50, 51)),
        ("io_workload", (0, 0, 1, 2, 5, 7, 8, 9)),
        ("failed_builds", (0, 0, 0, 0, 1, 2, 5)),
    ):
        if chance.maybe(0.85):
            stats[key] = chance.one(values) if chance.maybe(0.5) else str(chance.one(values))
    if chance.maybe(0.5):
        stats["num_vm_active"] = stats.get("num_instances", 3)
    if chance.maybe(0.1):
        stats[chance.one(("nested", "vcpus_used", "model"))] = chance.one(("7", "text", '{"a": "5"}'))
    return stats


def _metric(chance: Chance, name: str) -> Content:
    value = chance.one((0.0, 0.61, 0.29, 0.07, 1.0, 0.005)) if name.endswith("percent") else chance.number(-5, 3000)
    return {"name": name, "value": value, "source": "s", "timestamp": "2026-01-15T11:59:00.000000"}


def _instance(chance: Chance) -> Content:
    instance: Content = {"uuid": chance.uuid()}
    if chance.maybe(0.5):
        properties = {
            "os_distro": chance.one(("ubuntu", "debian")),
            "hw_machine_type": chance.one(("q35", "pc")),
            "hw_disk_bus": chance.one(("virtio", "scsi")),
        }
        instance["image_properties"] = {key: properties[key] for key in sorted(chance.some(sorted(properties)))}
    return instance
