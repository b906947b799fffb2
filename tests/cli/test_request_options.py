from __future__ import annotations

from engine.cli.request_options import RequestOptions


def test_every_option_has_its_place_in_the_request():
    spec = RequestOptions(
        vcpus=2,
        memory_mb=4096,
        disk_gb=20,
        extra_spec=["hw:cpu_policy=dedicated"],
        count=3,
        zone="az1",
        trait=["A", "B"],
        forbid_trait=["C"],
        hint=["different_host=u1", "different_host=u2", "query=x"],
        group="g",
        image_property=["hw_architecture=x86_64"],
        force_host=["h1"],
        ignore_host=["h2", "h3"],
        alternates=0,
        project="p",
    ).request_spec()
    assert (spec.flavor.vcpus, spec.flavor.memory_mb, spec.flavor.root_gb) == (2, 4096, 20)
    assert dict(spec.flavor.extra_specs) == {"hw:cpu_policy": "dedicated"}
    assert (spec.num_instances, spec.availability_zone, spec.instance_group, spec.project_id) == (3, "az1", "g", "p")
    assert (list(spec.required_traits), list(spec.forbidden_traits)) == (["A", "B"], ["C"])
    assert list(spec.scheduler_hints["different_host"].values) == ["u1", "u2"]
    assert list(spec.scheduler_hints["query"].values) == ["x"]
    assert dict(spec.image.properties) == {"hw_architecture": "x86_64"}
    assert (list(spec.force_hosts), list(spec.ignore_hosts)) == (["h1"], ["h2", "h3"])
    assert spec.HasField("alternates")
    assert spec.alternates == 0


def test_what_is_not_given_is_not_said():
    spec = RequestOptions(flavor="m1").request_spec()
    assert spec.flavor_name == "m1"
    assert spec.WhichOneof("flavor_choice") == "flavor_name"
    assert not spec.HasField("alternates")
