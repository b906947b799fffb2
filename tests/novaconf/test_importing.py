from __future__ import annotations

import json
from dataclasses import fields

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from engine.config import Settings
from engine.errors import InvalidFileError
from engine.novaconf.importing import imported
from engine.novaconf.options import OPTIONS, QUOTA, SCHEDULER
from engine.novaconf.reader import read_text
from engine.scheduler.options import SchedulerOptions

ALIAS = json.dumps({"name": "gpu", "vendor_id": "10de", "product_id": "20b5", "device_type": "type-VF"})
SPECIAL = {
    "enabled_filters": "ComputeFilter, RamFilter,PciPassthroughFilter",
    "weight_classes": "nova.scheduler.weights.ram.RAMWeigher",
    "image_properties_default_architecture": "aarch64",
    "image_props_weight_setting": "os_distro=2",
    "metrics_weight_setting": "cpu.percent=1.5",
    "service_down_time": "75",
    "pci_alias": ALIAS,
}


def of(*texts):
    return imported([read_text(text, f"{number}.conf") for number, text in enumerate(texts)])


def notes(*texts):
    return [note.line() for note in of(*texts).notes]


def other_than(default):
    if isinstance(default, bool):
        return "false" if default else "true"
    if isinstance(default, int | float):
        return str(default + 1)
    return "one, two" if isinstance(default, tuple) else "other"


def whole_file():
    """A file that gives every option a value that is not its default."""
    defaults = {field.name: field.default for field in fields(SchedulerOptions)}
    lines = []
    for option in OPTIONS:
        value = "33" if option.table == QUOTA else SPECIAL.get(option.setting) or other_than(defaults[option.setting])
        lines += [f"[{option.group}]", f"{option.name} = {value}"]
    return "\n".join(lines)


def test_every_option_comes_out_in_the_settings_that_berth_loads(tmp_path, monkeypatch):
    for name in ("BERTH_SCHEDULER", "BERTH_BOOT"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "berth.toml"
    file.write_text(tomli_w.dumps(of(whole_file()).settings))
    loaded = Settings.load(file)
    unchanged = [
        option.setting
        for option in OPTIONS
        if option.table == SCHEDULER
        and getattr(loaded.scheduler, option.setting) == getattr(SchedulerOptions(), option.setting)
    ]
    assert not unchanged
    assert set(loaded.boot.quotas.model_dump().values()) == {33}
    assert loaded.scheduler.enabled_filters == ("ComputeFilter", "RamFilter", "PciPassthroughFilter")
    assert loaded.scheduler.pci_alias == (ALIAS,)
    assert loaded.scheduler.service_down_time == 75
    assert loaded.scheduler.io_ops_weight_multiplier == 0.0


def test_an_empty_file_gives_no_settings():
    assert of("").settings == {"scheduler": {}}
    assert notes("") == []


def test_settings_come_in_one_order_however_the_file_has_them():
    one = "[scheduler]\nmax_attempts=2\n[filter_scheduler]\nhost_subset_size=2\n"
    other = "[filter_scheduler]\nhost_subset_size=2\n[scheduler]\nmax_attempts=2\n"
    assert list(of(one).settings["scheduler"]) == list(of(other).settings["scheduler"])


def test_names_of_older_releases_are_taken_and_said():
    found = of("[DEFAULT]\nscheduler_default_filters = ComputeFilter\npci_alias = " + ALIAS + "\nquota_cores = 7\n")
    assert found.settings == {
        "scheduler": {"enabled_filters": ["ComputeFilter"], "pci_alias": [ALIAS]},
        "boot": {"quotas": {"cores": 7}},
    }
    assert [note.kind for note in found.notes] == ["renamed"] * 3
    assert "the only name that nova still reads" in found.notes[0].text
    assert "still reads" not in found.notes[1].text


def test_what_another_entry_beats_is_said():
    text = "[scheduler]\nmax_attempts = 1\nmax_attempts = 2\n[DEFAULT]\nscheduler_max_attempts = 3\n"
    assert of(text).settings["scheduler"] == {"max_attempts": 2}
    assert notes(text) == [
        "0.conf:2: [scheduler]max_attempts overridden: 0.conf:3 decides",
        "0.conf:5: [DEFAULT]scheduler_max_attempts overridden: 0.conf:3 decides",
    ]


def test_all_that_is_ignored_is_named_once_without_its_value():
    text = "[database]\nconnection = mysql://nova:secret@db\n[DEFAULT]\ndebug = true\nram_allocation_ratio = 1.5\n"
    lines = notes(text)
    assert [line.split(" ignored: ")[0] for line in lines] == [
        "0.conf:2: [database]connection",
        "0.conf:4: [DEFAULT]debug",
        "0.conf:5: [DEFAULT]ram_allocation_ratio",
    ]
    assert "secret" not in "".join(lines)


def test_what_berth_does_otherwise_is_said():
    lines = notes(
        "[filter_scheduler]\navailable_filters = nova.scheduler.filters.ram_filter.RamFilter\n"
        "enabled_filters = RamFilter,ComputeFilter,Mine\n[scheduler]\nmax_placement_results = 10\n"
    )
    differing = [line for line in lines if " differs: " in line]
    assert [line.partition(" differs: ")[2].split(",")[0] for line in differing] == [
        "RamFilter runs here",
        "Mine is left out",
        "ComputeFilter runs here",
        "Berth looks at every candidate",
    ]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("report_interval = 60", 150),
        ("report_interval = 59", None),
        ("report_interval = 20\nservice_down_time = 20", 50),
        ("report_interval = 20\nservice_down_time = 21", 21),
        ("service_down_time = 10", 25),
        ("service_down_time = 11", 11),
    ],
)
def test_service_down_time_is_raised_above_the_report_interval_as_nova_does(text, written):
    found = of(f"[DEFAULT]\n{text}\n")
    assert found.settings["scheduler"].get("service_down_time") == written
    raised = [note for note in found.notes if note.kind == "differs"]
    assert bool(raised) == (written in (150, 50, 25))


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("[scheduler]\nmax_attempts = many", 2, "not a whole number"),
        ("[scheduler]\nmax_attempts = 0", 2, "at least 1"),
        ("[scheduler]\nmax_attempts =", 2, "no number"),
        ("[scheduler]\nmax_placement_results = 0", 2, "at least 1"),
        ("[filter_scheduler]\n\nhost_subset_size = -5", 3, "at least 1"),
        ("[filter_scheduler]\nhost_subset_size = 99999999999", 2, "must be"),
        ("[filter_scheduler]\npci_weight_multiplier = -1", 2, "at least 0"),
        ("[filter_scheduler]\nram_weight_multiplier = inf", 2, "finite"),
        ("[filter_scheduler]\nram_weight_multiplier = nan", 2, "finite"),
        ("[metrics]\nrequired = perhaps", 2, "neither true nor false"),
        ("[metrics]\nweight_setting = a=1, b=inf", 2, "finite"),
        ("[filter_scheduler]\nimage_properties_default_architecture = x86", 2, "no architecture"),
        ("[pci]\nalias = {", 2, "not JSON"),
        ("[pci]\nalias = " + ALIAS + '\nalias = {"name": "a"}', 3, "needs vendor_id"),
        ("[pci]\nalias = " + ALIAS + "\nalias = " + ALIAS.replace("type-VF", "type-PF"), 3, "same device_type"),
        ("[quota]\ncores = -2", 2, "no limit"),
        ("[DEFAULT]\nservice_down_time = 5\nreport_interval = often", 3, "not a whole number"),
        ("[DEFAULT]\nreport_interval = 99999999999", 2, "must be"),
    ],
)
def test_wrong_values_are_refused_by_their_line(text, line, said):
    with pytest.raises(InvalidFileError, match=said) as caught:
        of(text)
    assert caught.value.message.startswith(f"0.conf:{line}: [")


def test_pci_in_placement_changes_what_an_alias_needs():
    by_class = json.dumps({"name": "gpu", "resource_class": "gpu"})
    text = f"[filter_scheduler]\npci_in_placement = %s\n[pci]\nalias = {by_class}\n"
    assert of(text % "true").settings["scheduler"]["pci_alias"] == [by_class]
    with pytest.raises(InvalidFileError, match=r"0\.conf:4: "):
        of(text % "false")


NAMES = (
    [(option.group, option.name) for option in OPTIONS]
    + [name for option in OPTIONS for name in option.earlier]
    + [("DEFAULT", "report_interval"), ("filter_scheduler", "available_filters"), ("libvirt", "virt_type")]
)


@given(
    st.lists(
        st.tuples(st.sampled_from(NAMES), st.sampled_from(["1", "2.5", "true", "a, b", "", "$x", "é", "{}", "-1"])),
        max_size=8,
    )
)
def test_any_file_gives_settings_that_hold_or_is_refused(entries):
    text = "".join(f"[{group}]\n{name} = {value}\n" for (group, name), value in entries)
    try:
        found = of(text)
    except InvalidFileError as error:
        assert error.message.startswith("0.conf:")
        return
    scheduler = {
        name: tuple(value) if isinstance(value, list) else value for name, value in found.settings["scheduler"].items()
    }
    SchedulerOptions(**scheduler)
    # Every entry either gives a setting or is named.
    taken = {("scheduler", name) for name in found.settings["scheduler"]}
    taken |= {("quota", name) for name in found.settings.get("boot", {}).get("quotas", {})}
    assert len(entries) <= len(taken) + len(found.notes)
