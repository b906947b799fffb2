"""Keeps a service busy at a steady load for as long as wanted, and demands that it does not change meanwhile.

``python -m tests.torture.soak --minutes 20 --hosts 100000``: placements and releases one by one and over a stream,
explanations, host updates, heartbeats, imports, lists and a watch, at once, while as many instances are held all the
time. Each minute's latencies are printed, beside memory, threads, open files and the size of the ledger. At the end all
that was answered must be held, the audit clean, and neither memory nor latency on the rise.

What is released leaves a tombstone, and a client token its answer, until ``token_retention_s`` is over and the next
minute's tidying comes: the retention is set low, so that both are part of the steady state after two minutes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.client import Client
from engine.inventory.generate import generate_fleet
from engine.service.audit import audit_state_dir
from tests.service.subprocesses import Served, served
from tests.torture.kill_nine import listed
from tests.torture.soak_load import PATIENCE_S, Callers, Noted, prepare

RETENTION_S = 20
SAMPLE_S = 2.0
TELLING_MINUTES = 3.0
"""A shorter soak is in no steady state, so that nothing is said of growth and drift."""
GROWTH_SHARE, GROWTH_MB = 0.02, 4.0
"""Memory may grow by as much over the second half: allocators give back in steps, not at once."""
DRIFT_RATIO, DRIFT_MS = 1.5, 1.0
"""How much longer a median call may take in the last quarter than in the second, the machine's own pace taken out."""
_PACE = "health"
LOG_CHARS = 6_000


@dataclass(frozen=True, slots=True)
class Sample:
    """What the service took at one moment: memory and ledger in MB."""

    second: float
    rss_mb: float
    threads: int
    files: int
    ledger_mb: float


@dataclass(frozen=True, slots=True)
class Soaked:
    """What a soak came to: its samples, what callers noted, how many instances were held, and what was wrong."""

    samples: Sequence[Sample]
    noted: Noted
    held: int
    complaints: list[str]


def sample(service: Served, second: float) -> Sample:
    """Return what a service takes now."""
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    facts = dict(line.split(":", 1) for line in status.splitlines())
    files = len(list(Path(f"/proc/{service.process.pid}/fd").iterdir()))
    ledger = sum(path.stat().st_size for path in service.state_dir.iterdir() if path.is_file())
    return Sample(second, int(facts["VmRSS"].split()[0]) / 1024, int(facts["Threads"]), files, ledger / 2**20)


def soak(
    folder: Path, *, minutes: float, hosts: int, load: float, seed: int, say: Callable[[str], None] = print
) -> Soaked:
    """Soak a service in ``folder``; raise AssertionError for an answer that is lost, or a fault that a caller met."""
    config = folder / "berth.toml"
    config.write_text(f"token_retention_s = {RETENTION_S}\n")
    fleet = generate_fleet(hosts, seed)
    samples: list[Sample] = []
    said = 0
    with served(folder, "--config", str(config)) as service, Client(service.target, timeout_s=PATIENCE_S) as client:
        client.import_hosts(fleet)
        prepare(client)
        callers = Callers(service.target, fleet, load=load, seed=seed)
        callers.start()
        noted = callers.noted
        while (second := time.monotonic() - noted.began) < 60 * minutes and not callers.failed:
            samples.append(sample(service, second))
            while said < int(second // 60):
                say(minute_line(samples, noted, said))
                said += 1
            time.sleep(SAMPLE_S)
        with log_shown(service):
            callers.stop()
            held = listed(client)
            assert held == noted.held, f"{len(held.items() ^ noted.held.items())} instances are not where they were put"
            audit = client.audit_allocations()
            assert audit.clean, audit.differences
            assert service.stop() == 0
    assert "Traceback" not in service.said, service.said
    offline = audit_state_dir(folder / "state")
    assert offline.clean, offline.differences
    complaints = [*growth(samples), *drift(noted, 60 * minutes)] if minutes >= TELLING_MINUTES else []
    return Soaked(samples, noted, len(held), complaints)


@contextmanager
def log_shown(service: Served) -> Iterator[None]:
    """Add the end of the service's log to whatever goes wrong."""
    try:
        yield
    except BaseException as fault:
        fault.add_note(f"the service's log ends: {service.said[-LOG_CHARS:]}")
        raise


def minute_line(samples: Sequence[Sample], noted: Noted, minute: int) -> str:
    """Return one minute of the table: what the service took at its end, and p50/p99 of each kind of call in ms."""
    last = [item for item in samples if item.second < 60 * (minute + 1)][-1]
    taken = f"{last.rss_mb:7.1f} MB {last.threads:3} threads {last.files:3} files {last.ledger_mb:6.1f} MB ledger"
    texts = [f"{minute + 1:3} min {taken}"]
    for kind in sorted(noted.latencies):
        found = between(noted, kind, 60 * minute, 60 * (minute + 1))
        if len(found):
            middle, high = np.percentile(found, (50, 99))
            texts.append(f"{kind} {middle:.1f}/{high:.0f}")
    return "  ".join(texts)


def between(noted: Noted, kind: str, start: float, end: float) -> list[float]:
    """Return the milliseconds of the calls of a kind that began between two seconds of the soak."""
    return [taken for began, taken in list(noted.latencies[kind]) if start <= began < end]


def growth(samples: Sequence[Sample]) -> list[str]:
    """Return how memory, threads or open files grew over the second half of the samples, in words."""
    half = samples[len(samples) // 2 :]
    seconds = np.array([item.second for item in half])
    memory = np.array([item.rss_mb for item in half])
    rise = float(np.polyfit(seconds, memory, 1)[0] * (seconds[-1] - seconds[0]))
    allowed = GROWTH_SHARE * float(memory.mean()) + GROWTH_MB
    found = [f"memory grew by {rise:.1f} MB over the second half ({allowed:.1f} allowed)"] if rise > allowed else []
    quarter = len(samples) // 4
    for name in ("threads", "files"):
        before = max(getattr(item, name) for item in samples[quarter : 2 * quarter])
        after = max(getattr(item, name) for item in samples[-quarter:])
        if after > before + 2:
            found.append(f"{name} went from {before} to {after}")
    return found


def drift(noted: Noted, end: float) -> list[str]:
    """Return which kinds of call take longer in the last quarter than in the second, in words.

    The time of a health check says how much slower the machine itself has become.
    """

    def medians(kind: str) -> tuple[float, float] | None:
        quarters = between(noted, kind, end / 4, end / 2), between(noted, kind, 3 * end / 4, end)
        return (float(np.median(quarters[0])), float(np.median(quarters[1]))) if all(map(len, quarters)) else None

    pace = medians(_PACE)
    slower = max(1.0, pace[1] / pace[0]) if pace else 1.0
    found = []
    for kind in sorted(noted.latencies):
        both = medians(kind)
        if both and kind != _PACE and both[1] > DRIFT_RATIO * slower * both[0] + DRIFT_MS:
            found.append(f"{kind} took {both[0]:.2f} ms and now {both[1]:.2f} ms")
    return found


def main() -> None:
    """Soak as the command's options say; end with status 1 where something grows or drifts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--hosts", type=int, default=100_000)
    parser.add_argument("--load", type=float, default=1.0, help="1 is about a third of a core")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        soaked = soak(Path(folder), minutes=given.minutes, hosts=given.hosts, load=given.load, seed=given.seed)
    counts = ", ".join(f"{len(found)} {kind}" for kind, found in sorted(soaked.noted.latencies.items()))
    print(f"{counts}; {soaked.noted.watched} changes watched; {soaked.held} instances held at the end, none lost")
    print("; ".join(soaked.complaints) or "nothing grew, nothing drifted")
    sys.exit(1 if soaked.complaints else 0)


if __name__ == "__main__":
    main()
