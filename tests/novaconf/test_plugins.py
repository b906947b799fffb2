from __future__ import annotations

from engine.novaconf.plugins import known_filters, known_weighers, unavailable_filters
from engine.novaconf.reader import Entry
from engine.scheduler.options import ALL_WEIGHERS, PLACEMENT_FILTERS
from engine.scheduler.registry import ALL_FILTERS

ENTRY = Entry("filter_scheduler", "enabled_filters", "", "nova.conf", 3)


def texts(notes):
    assert {(note.kind, note.entry) for note in notes} <= {("differs", ENTRY)}
    return [note.text for note in notes]


def test_nova_s_filters_are_kept_in_their_order_without_a_word():
    names = ("NUMATopologyFilter", "ComputeFilter", "PciPassthroughFilter", ALL_FILTERS)
    assert known_filters(names, ENTRY) == (names, [])


def test_filters_that_nova_has_no_more_are_kept_and_said():
    kept, notes = known_filters(("RamFilter", "AvailabilityZoneFilter"), ENTRY)
    assert kept == ("RamFilter", "AvailabilityZoneFilter")
    assert [text.split(",")[0] for text in texts(notes)] == ["RamFilter runs here", "AvailabilityZoneFilter runs here"]


def test_other_people_s_filters_are_left_out_and_named():
    names = ("ComputeFilter", "MyFilter", "my.filters.ComputeFilter", "", "computefilter")
    kept, notes = known_filters(names, ENTRY)
    assert kept == ("ComputeFilter",)
    assert [text.split(" is left out")[0] for text in texts(notes)] == list(names[1:])


def test_a_class_that_is_named_like_one_of_berths_own_filters_is_left_out():
    kept, notes = known_filters(PLACEMENT_FILTERS, ENTRY)
    assert kept == ()
    assert len(notes) == len(PLACEMENT_FILTERS)


def test_a_filter_with_its_module_is_kept_and_said():
    name = "nova.scheduler.filters.compute_filter.ComputeFilter"
    kept, notes = known_filters((name,), ENTRY)
    assert kept == (name,)
    assert "without its module" in texts(notes)[0]


def test_filters_that_are_not_available_are_said():
    enabled = ("ComputeFilter", "RamFilter")
    assert unavailable_filters(enabled, (ALL_FILTERS,), ENTRY) == []
    paths = ("nova.scheduler.filters.ram_filter.RamFilter",)
    assert [text.split()[0] for text in texts(unavailable_filters(enabled, paths, ENTRY))] == ["ComputeFilter"]


def test_weighers_are_kept_or_left_out_likewise():
    names = (ALL_WEIGHERS, "nova.scheduler.weights.ram.RAMWeigher", "my.weights.GreenWeigher")
    kept, notes = known_weighers(names, ENTRY)
    assert kept == names[:2]
    assert texts(notes)[0].startswith("my.weights.GreenWeigher is left out")
