"""GpuFragmentationWeigher prefers the host whose GPUs an instance fragments the least."""

from __future__ import annotations

from engine.scheduler.chain import Chain
from engine.scheduler.explain import explain
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.sparse import SelectionContext
from tests.builders import HostFacts, host_table, request, selector, weights
from tests.devices import child, tree

GPU = "CUSTOM_GPU_MILLI"
WEIGHER = "GpuFragmentationWeigher"
WHOLE_GPUS = ("4:1000:1:3", "4:500:1:1")


def host(name: str, *free: int) -> HostFacts:
    cards = [child(f"{name}-{number}", {GPU: 1000}, used=1000 - each) for number, each in enumerate(free)]
    return {"vcpus": 16, "cpu_allocation_ratio": 1.0, "disk_gb": 10, **tree(*cards)}


def test_half_a_gpu_goes_where_half_a_gpu_is_left() -> None:
    hosts = [host("a", 1000), host("b", 500), host("c", 700)]
    spec = request(vcpus=1, extra_specs={f"resources1:{GPU}": "500"})
    found = weights(WEIGHER, hosts, spec, gpu_typical_requests=WHOLE_GPUS)
    # a whole GPU broken up is the worst; what is left of the second fits exactly
    assert found["h1"] == 1.0
    assert found["h0"] == 0.0
    assert 0.0 < found["h2"] < 1.0


def test_weights_follow_claims() -> None:
    options = SchedulerOptions(
        enabled_filters=("ComputeFilter",), weight_classes=(WEIGHER,), gpu_typical_requests=WHOLE_GPUS
    )
    table = host_table([host("a", 1000), host("b", 1000), host("c", 1000)])
    of = selector(table, Chain.from_options(options))
    spec = request(vcpus=1, extra_specs={f"resources1:{GPU}": "300"})
    # the first breaks up a GPU, and the next two share it
    assert [of.select(spec)[0].row for _ in range(4)] == [0, 0, 0, 1]
    large = request(vcpus=1, extra_specs={f"resources1:{GPU}": "1000"})
    assert of.select(large)[0].row == 2


def test_an_explanation_shows_the_same_scores_on_a_snapshot() -> None:
    options = SchedulerOptions(
        enabled_filters=("ComputeFilter",),
        weight_classes=(WEIGHER, "GpuBestFitWeigher"),
        gpu_typical_requests=WHOLE_GPUS,
    )
    table = host_table([host("a", 1000), host("b", 500), host("c", 700)])
    chain = Chain.from_options(options)
    spec = request(vcpus=1, extra_specs={f"resources1:{GPU}": "500"})
    picture = table.snapshot()
    (row, weight, terms), *_ = explain(chain, picture, spec, SelectionContext(picture)).weighed
    (chosen,) = selector(table, chain).select(spec, claim=False)
    assert (row, weight) == (chosen.row, chosen.weight)
    assert row == 1
    assert [term.weigher for term in terms] == [WEIGHER, "GpuBestFitWeigher"]
    assert sum(term.weight for term in terms) == weight
