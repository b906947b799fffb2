"""Settings of the form name=ratio are read as nova reads them."""

from __future__ import annotations

import pytest

from engine.errors import InvalidSettingError
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.weight_setting import weight_setting


def test_each_entry_is_a_name_and_a_ratio_in_order() -> None:
    entries = ("cpu.percent=-1.5", "load= 2 ", "cpu.percent=1e3", "a =0")
    assert weight_setting(entries) == (("cpu.percent", -1.5), ("load", 2.0), ("cpu.percent", 1000.0), ("a ", 0.0))


def test_what_is_no_name_and_ratio_is_left_out() -> None:
    assert weight_setting(("bad", "x=y", "=1", "a=", "", "b=1=2", "c=1,5")) == ()


@pytest.mark.parametrize("name", ["metrics_weight_setting", "image_props_weight_setting"])
@pytest.mark.parametrize("ratio", ["nan", "inf", "-inf"])
def test_a_ratio_that_makes_no_weight_is_refused(name: str, ratio: str) -> None:
    with pytest.raises(InvalidSettingError, match=f"{name}: the ratio of cpu must be finite"):
        SchedulerOptions(**{name: ("load=1", f"cpu={ratio}")})  # type: ignore[arg-type]
