"""The node XML of a simulated host, from which libvirt's test driver makes one."""

from __future__ import annotations

from lxml import etree
from lxml.builder import E

from engine.boot.libvirt.driver import HostProfile

_MHZ = "2600"


def node_xml(profile: HostProfile) -> bytes:
    """Return the file that describes a host: its processors and its memory."""
    processors = E.cpu(
        E.mhz(_MHZ),
        E.model("x86_64"),
        E.active(str(profile.vcpus)),
        E.nodes("1"),
        E.sockets("1"),
        E.cores(str(profile.vcpus)),
        E.threads("1"),
    )
    document: bytes = etree.tostring(E.node(processors, E.memory(str(profile.memory_mb * 1024))))
    return document
