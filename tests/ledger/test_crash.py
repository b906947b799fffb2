"""The ledger when its process is killed: what was acknowledged is there once, and nothing is there by half."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from engine.ledger.options import LedgerOptions
from engine.ledger.reader import read_state
from engine.ledger.store import Ledger
from tests.ledger.builders import Notes, numbers_in

KILLS = 8
CLAIMS_EACH = 3

WRITER = """
import os, sys, threading
from pathlib import Path
from engine.ledger.options import LedgerOptions
from engine.ledger.records import TokenAnswered
from engine.ledger.store import Ledger
from tests.ledger.builders import claims

window = threading.Semaphore(40)

def notify(tickets, error):
    assert error is None, error
    os.write(1, b"".join(b"%d\\n" % ticket for ticket in tickets))
    for _ in tickets:
        window.release()

options = LedgerOptions(backlog_rows=200, slice_rows=7, pressed_slice_rows=40, idle_s=0.0, checkpoint_pages=30)
ledger = Ledger.open(Path(sys.argv[1]), options, notify)
ticket = int(sys.argv[2])
while True:
    window.acquire()
    claimed = claims(range(ticket * 3, ticket * 3 + 3), created_us=ticket)
    ledger.submit([claimed, TokenAnswered(str(ticket), b"", b"", 1)], ticket)
    ticket += 1
"""


def test_killed_at_any_moment_it_keeps_what_it_acknowledged_once_and_nothing_by_half(tmp_path: Path) -> None:
    chance = random.Random(20)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    acknowledged: list[int] = []
    for attempt in range(KILLS):
        first = attempt * 1_000_000
        command = [sys.executable, "-c", WRITER, str(tmp_path), str(first)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
            assert process.stdout is not None
            start = process.stdout.readline()
            time.sleep(chance.uniform(0.0, 0.3))
            process.kill()
            lines = (start + process.stdout.read()).split(b"\n")
        # The last piece has no newline: it was cut off, or is empty.
        heard = [int(line) for line in lines[:-1]]
        assert heard == list(range(first, first + len(heard)))
        acknowledged += heard

        state = read_state(tmp_path)
        counts = Counter(numbers_in(state))
        assert set(counts.values()) == {1}
        tickets = {int(token) for token in state.tokens}
        assert set(acknowledged) <= tickets
        assert counts.keys() == {ticket * CLAIMS_EACH + place for ticket in tickets for place in range(CLAIMS_EACH)}

    assert len(acknowledged) > KILLS * 20
    with Ledger.open(tmp_path, LedgerOptions(), Notes()) as ledger:
        assert Counter(numbers_in(ledger.load())) == counts
