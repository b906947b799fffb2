"""The ``metadata`` section: nova's own description of the instance, as tools that read nova's domains expect it."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address

from lxml import etree
from lxml.builder import ElementMaker

from engine import __version__
from engine.boot.libvirt.driver import Guest
from engine.boot.libvirt.xml.text import xml_text

NAMESPACE = "http://openstack.org/xmlns/libvirt/nova/1.1"
_NOVA = ElementMaker(namespace=NAMESPACE, nsmap={"nova": NAMESPACE})
_PLAIN = ElementMaker()


def metadata(guest: Guest) -> etree._Element:
    """Return ``<metadata>`` with nova's ``instance`` element."""
    created = datetime.fromtimestamp(guest.created_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S")
    instance = _NOVA.instance(
        _NOVA.package(version=__version__),
        _NOVA.name(xml_text(guest.display_name)),
        _NOVA.creationTime(created),
        _flavor(guest),
        *([_image(guest)] if guest.image_id else []),
        _NOVA.owner(
            _NOVA.user(xml_text(guest.user_name), uuid=xml_text(guest.user_id)),
            _NOVA.project(xml_text(guest.project_name), uuid=xml_text(guest.project_id)),
        ),
        *([_NOVA.root(type="image", uuid=guest.image_id)] if guest.image_id else []),
        _NOVA.ports(*(_port(guest, index) for index in range(len(guest.interfaces)))),
    )
    return _PLAIN.metadata(instance)


def _flavor(guest: Guest) -> etree._Element:
    flavor = guest.flavor
    specs = [
        _NOVA.extraSpec(xml_text(value), name=xml_text(key))
        for key, value in sorted((flavor.extra_specs or {}).items())
    ]
    return _NOVA.flavor(
        _NOVA.memory(str(flavor.memory_mb)),
        _NOVA.disk(str(flavor.root_gb)),
        _NOVA.swap(str(flavor.swap_mb)),
        _NOVA.ephemeral(str(flavor.ephemeral_gb)),
        _NOVA.vcpus(str(flavor.vcpus)),
        _NOVA.extraSpecs(*specs),
        name=xml_text(flavor.name),
        id=xml_text(flavor.id),
    )


def _image(guest: Guest) -> etree._Element:
    properties = [
        _NOVA.property(xml_text(value), name=xml_text(key)) for key, value in sorted(guest.image_properties.items())
    ]
    return _NOVA.image(_NOVA.properties(*properties), uuid=guest.image_id)


def _port(guest: Guest, index: int) -> etree._Element:
    interface = guest.interfaces[index]
    addresses = [
        _NOVA.ip(type="fixed", address=one.address, ipVersion=str(ip_address(one.address).version))
        for one in interface.addresses
    ]
    return _NOVA.port(*addresses, uuid=interface.port_id)
