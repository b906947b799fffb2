"""What the guest sees of the machine it runs on: firmware's words, boot order, features, clock."""

from __future__ import annotations

from lxml import etree
from lxml.builder import E

from engine import __version__
from engine.boot.libvirt.driver import Guest
from engine.boot.libvirt.xml.profile import HypervisorProfile


def system(guest: Guest, profile: HypervisorProfile) -> list[etree._Element]:
    """Return ``<sysinfo>``, ``<os>``, ``<features>``, ``<clock>`` and what to do when the guest ends."""
    told = {
        "manufacturer": "OpenStack Foundation",
        "product": "OpenStack Nova",
        "version": __version__,
        "serial": guest.uuid,
        "uuid": guest.uuid,
        "family": "Virtual Machine",
    }
    kind = {name: value for name, value in (("arch", profile.arch), ("machine", profile.machine)) if value}
    return [
        E.sysinfo(E.system(*(E.entry(value, name=name) for name, value in told.items())), type="smbios"),
        E.os(E.type("hvm", **kind), E.boot(dev="hd"), E.smbios(mode="sysinfo")),
        E.features(E.acpi(), E.apic(), E.vmcoreinfo()),
        E.clock(offset="utc"),
        E.on_poweroff("destroy"),
        E.on_reboot("restart"),
        E.on_crash("destroy"),
    ]
