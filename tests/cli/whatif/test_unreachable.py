"""What to do when who is asked to help does not answer: another thing for a service than for a Dask scheduler."""

from __future__ import annotations

import pytest

from engine.cli.advice import advice
from engine.errors import ServiceUnavailableError
from engine.whatif.sweep.dask import DaskExecutor
from tests.ports import free_port


def test_who_misses_a_dask_scheduler_is_told_to_start_that() -> None:
    with pytest.raises(ServiceUnavailableError) as caught:
        DaskExecutor(f"tcp://127.0.0.1:{free_port()}", connect_timeout_s=1)
    assert "dask scheduler" in advice(caught.value)


def test_who_misses_a_service_is_told_where_a_what_if_names_it() -> None:
    assert "--live" in advice(ServiceUnavailableError("no service answers"))
