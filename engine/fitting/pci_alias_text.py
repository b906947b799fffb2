"""One text of [pci]alias: its JSON, checked as nova's schema checks it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from engine.errors import InvalidSettingError
from engine.fitting.truth import FALSE_TEXTS, TRUE_TEXTS
from engine.model.pci import LEGACY, NUMA_POLICIES, PciSpec

_HEX_ID = re.compile(r"^([\da-fA-F]{4})$")

_CHOICES: dict[str, tuple[str, ...]] = {
    "capability_type": ("pci",),
    # vDPA devices cannot be asked for through an alias.
    "device_type": ("type-PCI", "type-PF", "type-VF"),
    "numa_policy": NUMA_POLICIES,
}
_TEXTS = ("name", "product_id", "vendor_id", "resource_class", "traits", "live_migratable")


@dataclass(frozen=True, slots=True)
class AliasText:
    """The name, NUMA policy and spec that one text gives."""

    name: str
    numa_policy: str
    spec: PciSpec


def alias_text(text: str) -> AliasText:
    """Return what a text says; raise InvalidSettingError where it is no JSON object or breaks the schema."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _invalid(text, f"is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise _invalid(text, 'must be one JSON object such as {"name": "gpu", "vendor_id": "10de", ...}')
    for key, value in document.items():
        _check(text, key, value)
    if "name" not in document:
        raise _invalid(text, "has no name")
    spec = {name: value for name, value in document.items() if name not in ("name", "numa_policy", "device_type")}
    if "device_type" in document:
        spec["dev_type"] = document["device_type"]
    if "live_migratable" in spec:
        spec["live_migratable"] = _true_or_false(text, spec["live_migratable"])
    return AliasText(document["name"].strip(), document.get("numa_policy", LEGACY), tuple(sorted(spec.items())))


def _check(text: str, key: str, value: object) -> None:
    if key not in _CHOICES and key not in _TEXTS:
        raise _invalid(text, f"has the unknown key {key!r}; the keys are {', '.join(sorted([*_CHOICES, *_TEXTS]))}")
    if not isinstance(value, str):
        raise _invalid(text, f"has {value!r} for {key}, which must be text")
    if key in _CHOICES and value not in _CHOICES[key]:
        raise _invalid(text, f"has {value!r} for {key}: give one of {', '.join(_CHOICES[key])}")
    if key in ("vendor_id", "product_id") and not _HEX_ID.search(value):
        raise _invalid(text, f"has {value!r} for {key}: give four hexadecimal digits")
    if key == "name" and not (value.strip() and len(value) <= 256):
        raise _invalid(text, "needs a name of 1 to 256 characters that are not all blank")


def _true_or_false(text: str, value: str) -> str:
    folded = value.strip().lower()
    if folded in TRUE_TEXTS:
        return "true"
    if folded in FALSE_TEXTS:
        return "false"
    raise _invalid(text, f"has {value!r} for live_migratable: give true or false")


def _invalid(text: str, what: str) -> InvalidSettingError:
    shown = text if len(text) <= 200 else text[:200] + "..."
    return InvalidSettingError(f"pci_alias: {shown} {what}", setting="pci_alias")
