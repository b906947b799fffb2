"""What weighers and filters go by beside sizes: the images of instances, and hosts of a group that others placed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.errors import InvalidRequestError, NoValidHostError
from engine.scheduler.options import SchedulerOptions
from engine.v1.inventory_pb2 import ServerGroup
from engine.v1.request_spec_pb2 import Image
from tests.service.harness import Running, serving
from tests.service.messages import add_hosts, new_uuid, spec

GATHERING = SchedulerOptions(weight_classes=("ImagePropertiesWeigher",), image_props_weight_multiplier=1.0)


def place(local: Running, system: str = "", **fields: Any) -> Any:
    image = Image(properties={"os_type": system} if system else {})
    (selection,) = local.client.select_destinations(spec(image=image, **fields)).selections
    return selection


def test_instances_gather_where_their_image_is(tmp_path: Path) -> None:
    with serving(tmp_path / "state", scheduler=GATHERING) as local:
        add_hosts(local.client, {}, {}, {})
        linux = place(local, "linux", force_hosts=["h1"])
        place(local, "windows", force_hosts=["h2"])
        assert [place(local, system).host.host_id for system in ("linux", "windows", "linux")] == ["h1", "h2", "h1"]
        local.client.move_allocation(linux.instance_uuid, "h0")
        held = local.client.list_allocations(host_id="h1").allocations
        local.client.release_allocations([item.consumer_uuid for item in held])
        assert place(local, "linux").host.host_id == "h0"
        explained = local.client.explain_selection(spec(image=Image(properties={"os_type": "linux"})), weighed_limit=1)
        assert (explained.weighed[0].host_id, explained.weighed[0].terms[0].raw) == ("h0", 2.0)
        local.assert_clean()
    with serving(tmp_path / "state", scheduler=GATHERING) as local:
        assert [place(local, system).host.host_id for system in ("windows", "linux")] == ["h2", "h0"]


def test_images_are_kept_also_while_nothing_weighs_them(tmp_path: Path) -> None:
    with serving(tmp_path / "state") as local:
        add_hosts(local.client, {}, {}, {})
        place(local, "linux", force_hosts=["h2"])
    with serving(tmp_path / "state", scheduler=GATHERING) as local:
        assert place(local, "linux").host.host_id == "h2"


def group(local: Running, policy: str, *host_ids: str) -> str:
    uuid = new_uuid()
    local.client.update_server_groups([ServerGroup(uuid=uuid, name=policy, policy=policy, member_host_ids=host_ids)])
    return uuid


def test_a_group_that_is_elsewhere_lets_nobody_pass_and_one_that_is_here_as_well_only_here(local: Running) -> None:
    add_hosts(local.client, {}, {})
    elsewhere, partly = group(local, "affinity", "far"), group(local, "affinity", "far", "h1")
    with pytest.raises(NoValidHostError):
        place(local, instance_group=elsewhere)
    assert {place(local, instance_group=partly).host.host_id for _ in range(3)} == {"h1"}
    listed = {item.uuid: list(item.member_host_ids) for item in local.client.list_server_groups().server_groups}
    assert listed == {elsewhere: ["far"], partly: ["far", "h1"]}
    local.assert_clean()


def test_the_hosts_of_a_group_are_no_members_of_it(local: Running) -> None:
    add_hosts(local.client, {})
    apart = group(local, "anti-affinity", "h0")
    assert place(local, instance_group=apart).host.host_id == "h0"
    with pytest.raises(NoValidHostError):
        place(local, instance_group=apart)
    with pytest.raises(InvalidRequestError, match="member_host_ids"):
        group(local, "affinity", "")
