"""The traits that a host without further providers must and must not have."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidRequestError
from engine.model.request_spec import RequestSpec
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.translate import translated
from engine.scheduler.translate.unsuffixed import host_traits, host_traits_key
from tests.builders import request
from tests.scheduler.translate.asking import fleet

NAMES = ("CUSTOM_GOLD", "HW_CPU_X86_AVX2", "CUSTOM_A")
SPECS = st.dictionaries(
    st.sampled_from(
        (
            *(f"trait:{name}" for name in NAMES),
            "trait1:CUSTOM_A",
            "trait:",
            "hw:cpu_thread_policy",
            "os:secure_boot",
            "hw:tpm_version",
            "hw:mem_encryption",
            "capabilities:x",
        )
    ),
    st.sampled_from(("required", "forbidden", "isolate", "require", "2.0", "yes")),
    max_size=4,
)
PROPERTIES = st.dictionaries(
    st.sampled_from((*(f"trait:{name}" for name in NAMES), "hw_firmware_type", "hw_firmware_stateless", "os_distro")),
    st.sampled_from(("required", "uefi", "true")),
    max_size=3,
)
SETS = st.frozensets(st.sampled_from(NAMES), max_size=2)
REQUESTS = st.builds(
    request,
    extra_specs=SPECS,
    properties=PROPERTIES,
    required_traits=SETS,
    forbidden_traits=SETS,
    root_required=SETS,
    root_forbidden=SETS,
)
TABLE = fleet()


def answer(spec: RequestSpec) -> Any:
    try:
        return host_traits(spec)
    except InvalidRequestError as error:
        return error.message


@given(REQUESTS)
def test_they_are_those_of_a_plain_query(spec: RequestSpec) -> None:
    try:
        found = translated(spec, TABLE, SchedulerOptions())
    except InvalidRequestError as error:
        assert answer(spec) == error.message
        return
    if not found.plain:
        return
    (query,) = found.queries
    (group,) = query.groups
    assert host_traits(spec) == (group.required | query.root_required, group.forbidden | query.root_forbidden)


@given(REQUESTS, REQUESTS)
def test_equal_keys_have_equal_answers(one: RequestSpec, other: RequestSpec) -> None:
    if host_traits_key(one) == host_traits_key(other):
        assert answer(one) == answer(other)


@given(REQUESTS, st.dictionaries(st.sampled_from(("hw:numa_nodes", "capabilities:x", "y")), st.text(max_size=3)))
def test_other_extra_specs_change_neither_key_nor_answer(spec: RequestSpec, others: dict[str, str]) -> None:
    more = RequestSpec(
        request(extra_specs={**spec.flavor.extra_specs, **others}).flavor,
        image=spec.image,
        required_traits=spec.required_traits,
        forbidden_traits=spec.forbidden_traits,
        root_required=spec.root_required,
        root_forbidden=spec.root_forbidden,
    )
    if spec.image.properties or any(host_traits_key(spec)[5:]):
        assert host_traits_key(more) == host_traits_key(spec)
    assert answer(more) == answer(spec)
