from __future__ import annotations

import pytest

from engine.errors import InvalidFileError
from engine.novaconf.entries import given, read
from engine.novaconf.options import OPTIONS
from engine.novaconf.reader import read_text

BY_SETTING = {option.setting: option for option in OPTIONS}


def found(setting, *texts):
    files = [read_text(text, f"{number}.conf") for number, text in enumerate(texts)]
    return given(files, BY_SETTING[setting], lambda option: {"max_attempts": 3}.get(option.setting))


def values(setting, *texts):
    what = found(setting, *texts)
    return None if what is None else what.values


def test_what_is_not_given_is_not_found():
    assert values("host_subset_size", "[scheduler]\nhost_subset_size = 1\n") is None
    assert values("host_subset_size", "") is None


def test_the_last_entry_of_the_last_file_wins():
    first, second = "[scheduler]\nmax_attempts=1\nmax_attempts=2\n", "[Scheduler]\nmax_attempts=4\n"
    assert values("max_attempts", first) == ("2",)
    assert values("max_attempts", first, second) == ("4",)
    assert values("max_attempts", second, first) == ("2",)
    assert found("max_attempts", first, second).entries[0].place == "1.conf:2"


def test_the_present_name_beats_an_earlier_one_in_a_file_but_not_in_a_later_file():
    both = "[scheduler]\nmax_attempts=1\n[DEFAULT]\nscheduler_max_attempts=2\n"
    assert values("max_attempts", both) == ("1",)
    assert values("max_attempts", "[scheduler]\nmax_attempts=1\n", "[DEFAULT]\nscheduler_max_attempts=2\n") == ("2",)


def test_an_option_that_may_be_repeated_has_all_its_values_in_order():
    first = "[pci]\nalias=a\nalias=b\n[DEFAULT]\npci_alias=old\n"
    assert values("pci_alias", first, "[pci]\nalias=c\n") == ("old", "a", "b", "c")


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("$zone", "one"),
        ("${zone}s", "ones"),
        ("$default.zone", "small"),
        ("$DEFAULT.zone", "one"),
        ("${scheduler.max_attempts}", "7"),
        ("$$zone", "$zone"),
        (r"\$zone", "$zone"),
        ("$", "$"),
        ("$ zone", "$ zone"),
        ("${zone", "${zone"),
        ("$1", "$1"),
        ("$twice", "one one"),
        # Read as a list, and written into the text as Python shows it.
        ("$filter_scheduler.isolated_hosts", "['a', 'b']"),
    ],
)
def test_references_stand_for_the_values_of_other_options(value, wanted):
    text = (
        f"[DEFAULT]\ndefault_availability_zone = {value}\nzone = one\ntwice = $zone $zone\n[default]\nzone = small\n"
        "[scheduler]\nmax_attempts = 7\n[filter_scheduler]\nisolated_hosts = a, b\n"
    )
    assert values("default_availability_zone", text) == (wanted,)


def test_a_reference_is_looked_for_in_the_options_group_and_then_in_the_default_one():
    text = "[DEFAULT]\nhere = far\nthere = far\n[filter_scheduler]\nisolated_hosts = $here,$there\nhere = near\n"
    assert values("isolated_hosts", text) == ("near,far",)


def test_a_reference_to_an_option_that_has_a_default_stands_for_that():
    assert values("default_availability_zone", "[DEFAULT]\ndefault_availability_zone=$scheduler.max_attempts\n") == (
        "3",
    )
    assert values("isolated_hosts", "[filter_scheduler]\nisolated_hosts=a$image_properties_default_architecture\n") == (
        "a",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("$my_ip", "2: .*refers to \\$my_ip"),
        ("$no.such", "2: .*refers to \\$no.such"),
        ("$a", "circle|itself"),
        ("$default_availability_zone", "itself"),
        ("$scheduler.max_attempts", "5: .*not a whole number"),
    ],
)
def test_references_to_nothing_to_themselves_and_to_wrong_values_are_refused(text, said):
    content = f"[DEFAULT]\ndefault_availability_zone = {text}\na = $a\n[scheduler]\nmax_attempts = many\n"
    with pytest.raises(InvalidFileError, match=said):
        values("default_availability_zone", content)


def test_reading_names_the_line_of_a_wrong_value():
    (entry,) = read_text("[scheduler]\nmax_attempts = many\n", "nova.conf")
    with pytest.raises(InvalidFileError, match=r"nova\.conf:2: \[scheduler\]max_attempts: 'many' is not"):
        read(BY_SETTING["max_attempts"], entry, entry.value)
    assert read(BY_SETTING["isolated_hosts"], entry, "a,b") == ["a", "b"]
