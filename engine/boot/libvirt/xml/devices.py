"""The devices every guest has: console, screen, entropy, balloon."""

from __future__ import annotations

from pathlib import Path

from lxml import etree
from lxml.builder import E


def device_elements(console_log: Path) -> list[etree._Element]:
    """Return the elements; ``console_log``: where the serial console is kept."""
    return [
        E.serial(E.log(file=str(console_log), append="off"), E.target(port="0"), type="pty"),
        E.graphics(type="vnc", autoport="yes", listen="127.0.0.1"),
        E.video(E.model(type="virtio")),
        E.input(type="tablet", bus="usb"),
        E.rng(E.backend("/dev/urandom", model="random"), model="virtio"),
        E.memballoon(E.stats(period="10"), model="virtio"),
    ]
