from __future__ import annotations

from uuid import UUID

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.cli.replay.tokens import run_tokens


def test_tokens_are_uuids_of_version_8():
    for token in run_tokens("run", np.arange(50)):
        uuid = UUID(bytes=token.tobytes())
        assert (uuid.version, uuid.variant) == (8, "specified in RFC 4122")


def test_a_million_rows_of_several_runs_share_no_token():
    tokens = np.concatenate([run_tokens(run, np.arange(250_000)) for run in ("a", "b", "", "a ")])
    assert len(np.unique(tokens.view("V16"))) == 1_000_000


@given(st.text(max_size=20), st.lists(st.integers(0, 2**31), min_size=1, max_size=20))
def test_a_token_depends_on_the_run_and_the_row_alone(run, rows):
    together = run_tokens(run, np.array(rows))
    alone = np.concatenate([run_tokens(run, np.array([row])) for row in rows])
    assert np.array_equal(together, alone)
    assert together.any(axis=1).all()
