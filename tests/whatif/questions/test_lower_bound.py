from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.whatif.answer import no_progress
from engine.whatif.questions.fleet_sizes import sized_fleets
from engine.whatif.questions.size import ask, run_at
from engine.whatif.sweep.local import LocalExecutor
from tests.whatif.small_scenarios import inputs_of, scenario_of

LINES = (
    "4 hosts of 16c 64g 500d in 2 zones",
    "2 hosts of 16c 64g 300d + 1 hosts of 32c 128g 1000d",
    "1 host of 20c 80g 400d cpu x2 reserved 2c 2g",
)


@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from(LINES),
    st.integers(1, 12),
    st.integers(0, 15),
    st.floats(0.1, 0.9),
    st.sampled_from(["forever", "6h", "2d"]),
    st.integers(0, 4),
)
def test_no_fleet_below_the_bound_is_enough(
    line: str, per_hour: int, percent: int, large: float, mean: str, beside: int
) -> None:
    lifetime = '{kind = "forever"}' if mean == "forever" else f'{{kind = "exponential", mean = "{mean}"}}'
    workload = (
        f"[workload.mix]\nflavors = {{small = {1 - large}, large = {large}}}\nper_hour = {per_hour}\n"
        f'duration = "12h"\nlifetime = {lifetime}\n'
    )
    besides = f'like = "{line}"\nbesides_fleet = true\n' if beside else ""
    fleet = f"{beside} hosts of 16c 64g 500d" if beside else line
    scenario = scenario_of(
        f"[size]\n{besides}max_refused_percent = {percent}\nmost = 400", fleet=fleet, workload=workload
    )
    inputs = inputs_of(scenario)
    figures = ask(scenario, inputs, seed=percent, progress=no_progress, executor=LocalExecutor(1)).figures
    bound, hosts = figures["lower_bound"], figures["hosts"]
    assert bound is not None
    assert hosts is not None
    assert bound <= hosts
    fleets = sized_fleets(scenario, inputs)
    for size in range(max(fleets.least, bound - 2), bound):
        counts = run_at(fleets, inputs, percent, size)
        assert counts is not None
        assert counts.refused > figures["may_be_refused"]
