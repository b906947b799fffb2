"""The callers of a soak: each kind of call at a steady rate, its latencies noted, and what is held known at the end."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pyarrow as pa

from engine.client import Client
from engine.v1.inventory_pb2 import Host, HostService
from engine.v1.inventory_service_pb2 import UpdateHostsRequest
from engine.v1.request_spec_pb2 import Flavor
from engine.v1.scheduler_service_pb2 import SelectDestinationsStreamRequest
from tests.service.messages import batch, spec

FLAVORS = 16
HELD_BY_UNARY = 400
BATCH = 64
HELD_BY_STREAM = 1_600
BEATING = 200
"""Hosts that send heartbeats; the others never do, and so never go down."""
IMPORTED = 200
PATIENCE_S = 300.0
"""What a call may take on a machine that compiles beside it."""
_PLACED = 1


@dataclass
class Noted:
    """What the callers saw: latencies by kind as (seconds since the start, milliseconds), and what they hold."""

    began: float = field(default_factory=time.monotonic)
    latencies: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    """Host by instance uuid."""
    watched: int = 0
    """Host changes that the watch was told of."""
    faults: list[BaseException] = field(default_factory=list)

    def note(self, kind: str, began: float) -> None:
        """Note that a call of a kind, begun at a time of the monotonic clock, has just ended."""
        now = time.monotonic()
        self.latencies.setdefault(kind, []).append((began - self.began, 1_000 * (now - began)))


def flavor_names() -> list[str]:
    """The names of the flavors that are placed."""
    return [f"soak{number}" for number in range(FLAVORS)]


def prepare(client: Client) -> None:
    """Make flavors so small that the fleet never fills up, and have the kernels of explanations loaded."""
    client.update_flavors(
        [
            Flavor(name=name, vcpus=1 + index % 2, memory_mb=256 * (1 + index))
            for index, name in enumerate(flavor_names())
        ]
    )
    client.explain_selection(spec(flavor_name=flavor_names()[0]))


class Callers:
    """Threads that call a service until told to stop; ``fleet`` are its hosts, ``load`` scales every rate."""

    def __init__(self, target: str, fleet: pa.Table, *, load: float, seed: int) -> None:
        self.target = target
        self.fleet = fleet
        self.load = load
        self.noted = Noted()
        self._host_ids: list[str] = fleet["host_id"].to_pylist()
        self._chance = random.Random(seed)
        self._stop = threading.Event()
        # (calls a second, what is called); a stream's batch counts as one
        kinds: list[tuple[float, Callable[[Client], Callable[[], str]]]] = [
            (60.0, self._unary),
            (60.0, self._unary),
            (1.0, self._explains),
            (2.0, self._lists),
            (2.0, self._updates),
            (0.2, self._imports),
            (20.0, self._health),
        ]
        self._threads = [
            threading.Thread(target=self._watched, args=(self._paced, rate * load, kind)) for rate, kind in kinds
        ]
        self._threads += [
            threading.Thread(target=self._watched, args=(self._stream,)),
            threading.Thread(target=self._watched, args=(self._watch,), daemon=True),
        ]

    def start(self) -> None:
        """Begin to call."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End every call; raise the first fault that a caller met."""
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
        if self.noted.faults:
            raise self.noted.faults[0]

    @property
    def failed(self) -> bool:
        """True once a caller has met a fault."""
        return bool(self.noted.faults)

    def _watched(self, work: Callable[..., None], *given: object) -> None:
        try:
            work(*given)
        except BaseException as fault:
            self.noted.faults.append(fault)
            self._stop.set()

    def _paced(self, rate: float, kind: Callable[[Client], Callable[[], str]]) -> None:
        """Call again and again, so many times a second; what comes late is not made up for."""
        with Client(self.target, timeout_s=PATIENCE_S) as client:
            call = kind(client)
            due = time.monotonic()
            while not self._stop.wait(max(0.0, due - time.monotonic())):
                began = time.monotonic()
                self.noted.note(call(), began)
                due = max(due + 1.0 / rate, began)

    def _unary(self, client: Client) -> Callable[[], str]:
        """Places one instance or, with enough held, releases one."""
        mine: deque[str] = deque()
        numbers = itertools.count()
        chance = random.Random(self._chance.random())

        def call() -> str:
            if len(mine) >= HELD_BY_UNARY and next(numbers) % 2:
                uuid = mine.popleft()
                assert client.release_allocations([uuid]).released == 1
                del self.noted.held[uuid]
                return "release"
            uuid = str(uuid4())
            wanted = spec(flavor_name=chance.choice(flavor_names()), instance_uuids=[uuid])
            reply = client.select_destinations(wanted, client_token=uuid if chance.random() < 0.5 else "")
            self.noted.held[uuid] = reply.selections[0].host.host_id
            mine.append(uuid)
            return "place"

        return call

    def _stream(self) -> None:
        """Places batches over one stream; with enough held, each gives back as many as it takes."""
        asked: deque[tuple[float, SelectDestinationsStreamRequest]] = deque()
        mine: deque[bytes] = deque()
        chance = random.Random(self._chance.random())

        def batches() -> Iterator[SelectDestinationsStreamRequest]:
            while not self._stop.wait(1.0 / (8.0 * self.load)):
                names = [uuid4().bytes for _ in range(BATCH)]
                many = BATCH if len(mine) >= HELD_BY_STREAM else 0
                message = batch(
                    names,
                    flavors=flavor_names(),
                    codes=[chance.randrange(FLAVORS) for _ in names],
                    release=[mine.popleft() for _ in range(many)],
                )
                asked.append((time.monotonic(), message))
                yield message

        with Client(self.target, timeout_s=PATIENCE_S) as client:
            for answer in client.stream(batches(), window=2):
                began, message = asked.popleft()
                self.noted.note("batch", began)
                assert (answer.outcomes == _PLACED).all()
                assert answer.released == len(message.release_consumers) // 16
                for name in _names(message.release_consumers):
                    del self.noted.held[_text(name)]
                for name, host in zip(_names(message.tokens), answer.hosts(), strict=True):
                    self.noted.held[_text(name)] = str(host)
                    mine.append(name)

    def _explains(self, client: Client) -> Callable[[], str]:
        numbers = itertools.cycle(range(FLAVORS))

        def call() -> str:
            reply = client.explain_selection(spec(flavor_name=flavor_names()[next(numbers)]))
            assert reply.weighed
            return "explain"

        return call

    def _lists(self, client: Client) -> Callable[[], str]:
        """Lists allocations page by page, and begins again after the last."""
        tokens = [""]

        def call() -> str:
            tokens[0] = client.list_allocations(page_size=500, page_token=tokens[0]).next_page_token
            return "list"

        return call

    def _updates(self, client: Client) -> Callable[[], str]:
        """Lets hosts send heartbeats, disables some and enables them again, and has others report running counts."""
        numbers = itertools.count()
        beating = self._host_ids[:BEATING]
        others = self._host_ids[BEATING:] or self._host_ids
        chance = random.Random(self._chance.random())
        disabled: deque[str] = deque()

        def call() -> str:
            kind = next(numbers) % 3
            if kind == 0:
                now_us = time.time_ns() // 1000
                hosts = [Host(host_id=host_id, service=HostService(last_seen_up_us=now_us)) for host_id in beating]
            elif kind == 1:
                disabled.append(chance.choice(others))
                hosts = [Host(host_id=disabled[-1], service=HostService(disabled=True, disabled_reason="mended"))]
                if len(disabled) > 20:
                    enabled = disabled.popleft()
                    if enabled != disabled[-1]:
                        hosts.append(Host(host_id=enabled, service=HostService()))
            else:
                hosts = [Host(host_id=chance.choice(others), num_io_ops=chance.randrange(8))]
            list(client.update_hosts([UpdateHostsRequest(hosts=hosts)]))
            return ("heartbeat", "disable", "report")[kind]

        return call

    def _imports(self, client: Client) -> Callable[[], str]:
        """Imports a part of the fleet again, as Arrow."""
        numbers = itertools.count()

        def call() -> str:
            start = next(numbers) * IMPORTED % len(self._host_ids)
            client.import_hosts(self.fleet.slice(start, IMPORTED))
            return "import"

        return call

    def _health(self, client: Client) -> Callable[[], str]:
        """Asks for the service's health: what any call costs on this machine at this moment."""

        def call() -> str:
            assert client.health() == "SERVING"
            return "health"

        return call

    def _watch(self) -> None:
        """Listens to host changes until the service or the soak ends."""
        with Client(self.target, timeout_s=PATIENCE_S) as client:
            generation = client.list_hosts(page_size=1).inventory_generation
            for reply in client.watch_hosts(generation):
                self.noted.watched += len(reply.ListFields())
                if self._stop.is_set():
                    return


def _names(packed: bytes) -> list[bytes]:
    return [packed[start : start + 16] for start in range(0, len(packed), 16)]


def _text(name: bytes) -> str:
    return str(UUID(bytes=name))
