"""The 28 steps of a boot: which component does what."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One step: its number, the component that does it, and what is done."""

    number: int
    component: str
    what: str


STEPS: tuple[Step, ...] = tuple(
    Step(number, component, what)
    for number, (component, what) in enumerate(
        (
            ("client", "takes the user's credentials and asks keystone"),
            ("keystone", "authenticates the user and returns a token"),
            ("client", "turns the command into a REST call to nova-api"),
            ("nova-api", "asks keystone to validate the token"),
            ("keystone", "validates it and answers with the roles"),
            ("nova-api", "opens a session with the database"),
            ("database", "stores the new instance"),
            ("nova-api", "asks the scheduler for a host"),
            ("nova-scheduler", "receives the request"),
            ("nova-scheduler", "filters and weighs the hosts"),
            ("nova-scheduler", "returns the chosen host; the record has it"),
            ("nova-scheduler", "casts the launch to the compute host"),
            ("nova-compute", "receives the message"),
            ("nova-compute", "asks nova-conductor for the instance"),
            ("nova-conductor", "receives the request"),
            ("nova-conductor", "opens a session with the database"),
            ("database", "returns the instance"),
            ("nova-compute", "receives the instance"),
            ("nova-compute", "asks glance for the image"),
            ("glance-api", "validates the token with keystone"),
            ("nova-compute", "has the image and its metadata"),
            ("nova-compute", "asks neutron for the network"),
            ("neutron-server", "validates the token with keystone"),
            ("nova-compute", "has the network's addresses"),
            ("nova-compute", "asks cinder to attach the volumes"),
            ("cinder-api", "validates the token with keystone"),
            ("nova-compute", "has the block devices"),
            ("nova-compute", "runs the instance through libvirt"),
        ),
        1,
    )
)
"""All of them, in order: ``STEPS[n - 1]`` is step n."""
