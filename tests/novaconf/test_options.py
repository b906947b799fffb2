from __future__ import annotations

from collections import Counter
from dataclasses import fields

import pytest

from engine.boot.options import QuotaOptions
from engine.novaconf.not_taken import REASONS
from engine.novaconf.options import OPTIONS, QUOTA, SCHEDULER
from engine.scheduler.options import SchedulerOptions

BERTHS_OWN = {
    "placement_filters",
    "owner_nova",
    "nova_quirks",
    "gpu_best_fit_weight_multiplier",
    "gpu_fragmentation_weight_multiplier",
    "gpu_resource_class",
    "gpu_typical_requests",
    "randomize_allocation_candidates",
}
"""Settings that stand for no option of nova's; the last is placement's."""


def test_every_setting_that_is_an_option_of_nova_is_taken_from_it():
    taken = {option.setting for option in OPTIONS if option.table == SCHEDULER}
    assert taken == {field.name for field in fields(SchedulerOptions)} - BERTHS_OWN
    limits = {option.setting for option in OPTIONS if option.table == QUOTA}
    assert limits == set(QuotaOptions.model_fields)


def test_no_name_stands_for_two_options_or_is_ignored_as_well():
    names = Counter(name for option in OPTIONS for name in ((option.group, option.name), *option.earlier))
    assert set(names.values()) == {1}
    assert not set(names) & set(REASONS)


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.setting)
def test_what_reads_an_option_gives_the_type_of_its_setting(option):
    if option.table == QUOTA:
        assert option.read("-1") == -1
        return
    default = {field.name: field.default for field in fields(SchedulerOptions)}[option.setting]
    texts = {bool: "no", int: "5", float: "2.5", str: "nova", tuple: "a,b", type(None): "x86_64"}
    value = option.read(texts[type(default)])
    if option.multi or default is None:
        assert isinstance(value, str)
    else:
        assert type(value) is type(default)


def test_values_that_nova_knows_to_be_wrong_are_refused():
    by_setting = {option.setting: option for option in OPTIONS}
    with pytest.raises(ValueError, match="no architecture"):
        by_setting["image_properties_default_architecture"].read("X86_64")
    for text in ("-2", "many", ""):
        with pytest.raises(ValueError, match=r"limit|number"):
            by_setting["cores"].read(text)


def test_an_alias_of_several_lines_is_put_on_one():
    by_setting = {option.setting: option for option in OPTIONS}
    assert by_setting["pci_alias"].read('{"name":\n"a"}') == '{"name": "a"}'
