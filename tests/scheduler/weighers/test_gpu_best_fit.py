"""GpuBestFitWeigher prefers the host with the least CPU and GPU left, each as a part of the largest host's."""

from __future__ import annotations

from tests.builders import HostFacts, request, weights
from tests.devices import child, tree

GPU = "CUSTOM_GPU_MILLI"
WEIGHER = "GpuBestFitWeigher"


def host(vcpus: int, *gpus: int, used: int = 0) -> HostFacts:
    cards = [child(f"{vcpus}-{len(gpus)}-{used}-{number}", {GPU: each}) for number, each in enumerate(gpus)]
    facts = {"vcpus": vcpus, "vcpus_used": used, "cpu_allocation_ratio": 1.0}
    return facts | tree(*cards) if cards else facts


def test_a_score_is_what_would_be_left_of_cpu_and_gpu_at_half_each() -> None:
    found = weights(
        WEIGHER,
        [host(128, *[1000] * 8), host(32, *[1000] * 2), host(128, used=64)],
        request(vcpus=16),
        gpu_best_fit_weight_multiplier=2.0,
    )
    # left: 112 of 128 and 8 of 8; 16 of 128 and 2 of 8; 48 of 128 and none: scores 6, 81 and 81
    assert found == {"h0": 0.0, "h1": 2.0, "h2": 2.0}


def test_the_share_asked_for_is_no_longer_left() -> None:
    hosts = [host(16, 1000, 1000), host(16, 1000)]
    spec = request(vcpus=1, extra_specs={f"resources1:{GPU}": "1000"})
    assert weights(WEIGHER, hosts, spec) == {"h0": 0.0, "h1": 1.0}


def test_hosts_without_gpus_are_weighed_by_cpu_alone() -> None:
    assert weights(WEIGHER, [host(16), host(8)], request(vcpus=1)) == {"h0": 0.0, "h1": 1.0}


def test_another_resource_class_may_be_a_gpu() -> None:
    hosts = [
        {"vcpus": 8, **tree(child("a", {"VGPU": 4}), child("b", {"VGPU": 4}))},
        {"vcpus": 8, **tree(child("c", {"VGPU": 4}))},
    ]
    spec = request(extra_specs={"resources1:VGPU": "1"})
    assert weights(WEIGHER, hosts, spec, gpu_resource_class="VGPU") == {"h0": 0.0, "h1": 1.0}
    assert set(weights(WEIGHER, hosts, spec).values()) == {0.0}
