"""The whole domain XML of a guest."""

from __future__ import annotations

from pathlib import Path

from lxml import etree
from lxml.builder import E

from engine.boot.libvirt.driver import Guest
from engine.boot.libvirt.xml.devices import device_elements
from engine.boot.libvirt.xml.disks import disk_elements, local_disks
from engine.boot.libvirt.xml.interfaces import interface_elements
from engine.boot.libvirt.xml.metadata import metadata
from engine.boot.libvirt.xml.numa import guest_cells
from engine.boot.libvirt.xml.profile import HypervisorProfile
from engine.boot.libvirt.xml.resources import resources
from engine.boot.libvirt.xml.system import system
from engine.model.numa import HostNuma


def domain_xml(guest: Guest, profile: HypervisorProfile, directory: Path, host: HostNuma | None = None) -> str:
    """Return the XML that defines a guest, whose own files lie in ``directory``; its cells lie on those of ``host``.

    The domain's name and its paths come from the record's number and uuid; what users wrote is text in ``metadata``
    alone. Raises LaunchError for what cannot be built.
    """
    root = E.domain(
        E.name(guest.name),
        E.uuid(guest.uuid),
        metadata(guest),
        *resources(guest, host),
        *system(guest, profile),
        _cpu(guest),
        E.devices(
            *disk_elements(guest, local_disks(guest, directory), profile),
            *interface_elements(guest),
            *device_elements(directory / "console.log"),
        ),
        type=profile.domain_type,
    )
    text: str = etree.tostring(root, encoding="unicode")
    return text


def _cpu(guest: Guest) -> etree._Element:
    topology = E.topology(sockets=str(guest.flavor.vcpus), cores="1", threads="1")
    return E.cpu(topology, *([guest_cells(guest.numa)] if guest.numa else []), match="exact")
