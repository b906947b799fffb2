"""The options that say what is asked for, shared by placing and explaining."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.pairs import pair_lists, pairs
from engine.errors import InvalidRequestError

if TYPE_CHECKING:
    from engine.v1.request_spec_pb2 import RequestSpec


@dataclass(frozen=True)
class RequestOptions:
    """A request as options: the sizes or a flavor, and what narrows the hosts."""

    flavor: Annotated[str, typer.Option("--flavor", metavar="NAME", help="A flavor the service knows.")] = ""
    vcpus: Annotated[int | None, typer.Option("--vcpus", min=0, metavar="N")] = None
    memory_mb: Annotated[int | None, typer.Option("--memory-mb", min=0, metavar="MB")] = None
    disk_gb: Annotated[int | None, typer.Option("--disk-gb", min=0, metavar="GB", help="The root disk.")] = None
    extra_spec: Annotated[
        list[str] | None,
        typer.Option("--extra-spec", metavar="KEY=VALUE", help="Of the sizes given here; may be repeated."),
    ] = None
    count: Annotated[int, typer.Option("--count", min=1, metavar="N", help="How many instances.")] = 1
    zone: Annotated[str, typer.Option("--zone", metavar="ZONE", help="The availability zone.")] = ""
    trait: Annotated[list[str] | None, typer.Option("--trait", metavar="TRAIT", help="Required; may be repeated.")] = (
        None
    )
    forbid_trait: Annotated[
        list[str] | None, typer.Option("--forbid-trait", metavar="TRAIT", help="Forbidden; may be repeated.")
    ] = None
    hint: Annotated[
        list[str] | None,
        typer.Option("--hint", metavar="KEY=VALUE", help="A scheduler hint; may be repeated, also with the same key."),
    ] = None
    group: Annotated[str, typer.Option("--group", metavar="UUID", help="The server group to join.")] = ""
    image_property: Annotated[
        list[str] | None, typer.Option("--image-property", metavar="KEY=VALUE", help="May be repeated.")
    ] = None
    force_host: Annotated[
        list[str] | None,
        typer.Option("--force-host", metavar="HOST", help="Only here, filters not asked; may be repeated."),
    ] = None
    ignore_host: Annotated[
        list[str] | None, typer.Option("--ignore-host", metavar="HOST", help="Not here; may be repeated.")
    ] = None
    alternates: Annotated[
        int | None, typer.Option("--alternates", min=0, metavar="N", help="Next best hosts an instance.")
    ] = None
    project: Annotated[str, typer.Option("--project", metavar="ID", help="The project that asks.")] = ""
    instance: Annotated[
        list[str] | None,
        typer.Option("--instance", metavar="UUID", help="The instances' uuids, one each; made where none is given."),
    ] = None
    physnet: Annotated[
        list[str] | None,
        typer.Option("--physnet", metavar="NAME", help="A physical network near its NUMA cells; may be repeated."),
    ] = None

    def request_spec(self) -> RequestSpec:
        """Returns the request; raises InvalidRequestError where options contradict one another or sizes are missing."""
        from engine.v1.request_spec_pb2 import Flavor, HintValues, Image, RequestSpec

        sized = any(size is not None for size in (self.vcpus, self.memory_mb, self.disk_gb))
        extra_specs = pairs("--extra-spec", self.extra_spec or ())
        if self.flavor and (sized or extra_specs):
            raise InvalidRequestError(
                "--flavor names the sizes and extra specs: leave the other options out, or leave it out"
            )
        if not self.flavor and (self.vcpus is None or self.memory_mb is None):
            raise InvalidRequestError(
                "say what is asked for: --flavor NAME, or --vcpus N --memory-mb MB [--disk-gb GB]"
            )
        spec = RequestSpec(
            image=Image(properties=pairs("--image-property", self.image_property or ())),
            num_instances=self.count,
            project_id=self.project,
            availability_zone=self.zone,
            required_traits=self.trait or (),
            forbidden_traits=self.forbid_trait or (),
            instance_group=self.group,
            scheduler_hints={
                key: HintValues(values=values) for key, values in pair_lists("--hint", self.hint or ()).items()
            },
            force_hosts=self.force_host or (),
            ignore_hosts=self.ignore_host or (),
            alternates=self.alternates,
            instance_uuids=self.instance or (),
        )
        if self.physnet:
            spec.networks.physnets.extend(self.physnet)
        if self.flavor:
            spec.flavor_name = self.flavor
        else:
            sizes = Flavor(
                vcpus=self.vcpus or 0, memory_mb=self.memory_mb or 0, root_gb=self.disk_gb or 0, extra_specs=extra_specs
            )
            spec.flavor.CopyFrom(sizes)
        return spec
