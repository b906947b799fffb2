"""Kills a service at random moments under load and checks, after every restart, that nothing it answered is lost.

Run it by hand for as long as wanted: ``python -m tests.torture.kill_nine --kills 50``. Each client has consumers of its
own and notes what it was answered, and what it asked for without hearing an answer: that may have happened or not, but
not by half.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

from engine.client import Client
from engine.errors import EngineError, LedgerError, NoValidHostError, ServiceUnavailableError, ShuttingDownError
from engine.placement_stream import BatchAnswer
from engine.service.audit import audit_state_dir
from engine.v1.scheduler_service_pb2 import SelectDestinationsResponse, SelectDestinationsStreamRequest
from tests.ports import free_port
from tests.service.messages import add_flavor, add_hosts, batch, spec
from tests.service.subprocesses import Served, served
from tests.torture.command import run

HOSTS = 40
BATCH = 16
FILLED = 1000
PLACED, NO_VALID_HOST, REPEATED = 1, 2, 4
GONE = ""
"""Where a consumer is that holds nothing."""
AWAY = (ServiceUnavailableError, ShuttingDownError, LedgerError)

Placed = dict[str, str]
"""Host by consumer."""


@dataclass
class Notes:
    """What one client knows: where each of its consumers is, and where else it may be if the last call came through."""

    where: Placed = field(default_factory=dict)
    maybe: dict[str, set[str]] = field(default_factory=dict)
    answers: dict[str, SelectDestinationsResponse] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    batches: list[SelectDestinationsStreamRequest] = field(default_factory=list)

    def allowed(self, consumer: str) -> set[str]:
        """The hosts that a consumer may be on, GONE among them where it may hold nothing; empty means anywhere."""
        return {self.where.get(consumer, GONE)} | self.maybe.get(consumer, set())

    def held(self) -> list[str]:
        # a copy is one step; a list of the items is not, and gRPC asks for batches in a thread of its own
        where = self.where.copy()
        return [consumer for consumer, host in where.items() if host != GONE and consumer not in self.maybe]


ANY = {f"h{number}" for number in range(HOSTS)}


def unary_client(target: str, notes: Notes, chance: random.Random, stop: threading.Event) -> None:
    """Place, place again by the same token, move and release, one call at a time, until the service is away."""
    with Client(target, timeout_s=10) as client:
        while not stop.is_set():
            held = notes.held()
            kind = chance.random()
            try:
                if kind < 0.5 or not held:
                    _place(client, notes, chance)
                elif kind < 0.7:
                    _move(client, notes, chance.choice(held), f"h{chance.randrange(HOSTS)}")
                else:
                    _release(client, notes, chance.sample(held, min(len(held), 3)))
            except NoValidHostError:
                continue
            except AWAY:
                return


def _place(client: Client, notes: Notes, chance: random.Random) -> None:
    uuid = str(uuid4())
    token = str(uuid4()) if chance.random() < 0.7 else ""
    notes.maybe[uuid] = set(ANY)
    if token:
        notes.asked[token] = uuid
    try:
        reply = client.select_destinations(spec(instance_uuids=[uuid]), client_token=token)
    except NoValidHostError:
        notes.asked.pop(token, None)
        del notes.maybe[uuid]
        raise
    notes.where[uuid] = reply.selections[0].host.host_id
    del notes.maybe[uuid]
    if token:
        notes.answers[token] = reply


def _move(client: Client, notes: Notes, uuid: str, host_id: str) -> None:
    notes.maybe[uuid] = {host_id}
    try:
        notes.where[uuid] = client.move_allocation(uuid, host_id).allocation.host_id
    except NoValidHostError:
        del notes.maybe[uuid]
        raise
    del notes.maybe[uuid]


def _release(client: Client, notes: Notes, uuids: list[str]) -> None:
    for uuid in uuids:
        notes.maybe[uuid] = {GONE}
    reply = client.release_allocations(uuids)
    assert reply.released == len(uuids), f"{reply.not_held} were answered before and are held no more"
    for uuid in uuids:
        notes.where[uuid] = GONE
        del notes.maybe[uuid]


def stream_client(target: str, notes: Notes, chance: random.Random, stop: threading.Event) -> None:
    """Place batches, several under way at a time, each of which gives back a few of those answered before."""

    def batches() -> object:
        while not stop.is_set():
            names = [uuid4().bytes for _ in range(BATCH)]
            held = notes.held()
            # few at first, so that it fills, then as many as come
            many = chance.randrange(8 if len(held) < FILLED else 3 * BATCH)
            given_back = [UUID(uuid).bytes for uuid in chance.sample(held, min(many, len(held)))]
            for name in names:
                notes.maybe[_text(name)] = set(ANY)
            for name in given_back:
                notes.maybe[_text(name)] = {GONE}
            message = batch(names, release=given_back)
            notes.batches.append(message)
            yield message

    with Client(target, timeout_s=10) as client:
        try:
            for answer in client.stream(batches(), window=4):
                _heard(notes, notes.batches.pop(0), answer)
        except AWAY:
            return


def _heard(notes: Notes, message: SelectDestinationsStreamRequest, answer: BatchAnswer) -> None:
    names = [message.tokens[start : start + 16] for start in range(0, len(message.tokens), 16)]
    for name, outcome, host in zip(names, answer.outcomes.tolist(), answer.hosts(), strict=True):
        assert outcome in (PLACED, NO_VALID_HOST, REPEATED), outcome
        notes.where[_text(name)] = host or GONE
        notes.maybe.pop(_text(name), None)
    released = message.release_consumers
    for start in range(0, len(released), 16):
        notes.where[_text(released[start : start + 16])] = GONE
        notes.maybe.pop(_text(released[start : start + 16]), None)


def _text(consumer: bytes) -> str:
    return str(UUID(bytes=consumer))


def listed(client: Client) -> Placed:
    """Every allocation that the service lists, none of them twice."""
    found: Placed = {}
    token = ""
    while True:
        page = client.list_allocations(page_size=2000, page_token=token)
        for item in page.allocations:
            assert item.consumer_uuid not in found, f"{item.consumer_uuid} is held twice"
            found[item.consumer_uuid] = item.host_id
        token = page.next_page_token
        if not token:
            assert page.total == len(found)
            return found


def check(client: Client, everyone: list[Notes]) -> None:
    """What is held is what was answered; what was in doubt is settled by asking again."""
    held = listed(client)
    known = {consumer: notes for notes in everyone for consumer in notes.where.keys() | notes.maybe.keys()}
    strangers = held.keys() - known.keys()
    assert not strangers, f"nobody asked for {strangers}"
    for consumer, notes in known.items():
        now = held.get(consumer, GONE)
        assert now in notes.allowed(consumer), f"{consumer} is on {now!r}, not on one of {notes.allowed(consumer)}"
        notes.where[consumer] = now
    hosts = client.list_hosts(page_size=10_000).hosts
    for host in hosts:
        holds = sum(1 for where in held.values() if where == host.host_id)
        assert (host.num_instances, host.inventories["VCPU"].used) == (holds, holds), host.host_id
    audit = client.audit_allocations()
    assert audit.clean, audit.differences
    for notes in everyone:
        ask_again(client, notes)
        notes.maybe.clear()


def ask_again(client: Client, notes: Notes) -> None:
    """Repeat what has a token: answered requests get their answer, those in doubt one allocation."""
    for token, uuid in list(notes.asked.items()):
        answered = notes.answers.get(token)
        if answered is None:
            try:
                reply = client.select_destinations(spec(instance_uuids=[uuid]), client_token=token)
            except NoValidHostError:
                del notes.asked[token]
                continue
            where = notes.where.get(uuid, GONE)
            assert where in (GONE, reply.selections[0].host.host_id)
            notes.where[uuid] = reply.selections[0].host.host_id
            notes.answers[token] = reply
        else:
            assert client.select_destinations(spec(instance_uuids=[uuid]), client_token=token) == answered
    for message in notes.batches:
        before = {name: notes.where.get(name, GONE) for name in _names(message)}
        (answer,) = client.stream([message])
        _heard(notes, message, answer)
        for name, outcome, host in zip(_names(message), answer.outcomes.tolist(), answer.hosts(), strict=True):
            assert before[name] == GONE or (outcome == REPEATED and host == before[name]), name
    notes.batches.clear()


def _names(message: SelectDestinationsStreamRequest) -> list[str]:
    return [_text(message.tokens[start : start + 16]) for start in range(0, len(message.tokens), 16)]


def load(service: Served, everyone: list[Notes], chance: random.Random, duration_s: float) -> None:
    """Let every client work until the service is killed."""
    stop = threading.Event()
    faults: list[BaseException] = []

    def run(client: Callable[..., None], notes: Notes) -> None:
        try:
            client(service.target, notes, random.Random(chance.random()), stop)
        except (EngineError, AssertionError) as fault:
            faults.append(fault)

    threads = [
        threading.Thread(target=run, args=(stream_client if number % 3 == 2 else unary_client, notes))
        for number, notes in enumerate(everyone)
    ]
    for thread in threads:
        thread.start()
    time.sleep(duration_s)
    service.kill()
    stop.set()
    for thread in threads:
        thread.join(60)
    if faults:
        raise faults[0]


def torture(folder: Path, *, kills: int, seed: int, clients: int = 6) -> int:
    """Kill a service ``kills`` times; return how many allocations it held at the end. Raises AssertionError."""
    chance = random.Random(seed)
    everyone = [Notes() for _ in range(clients)]
    target = f"127.0.0.1:{free_port()}"
    for number in range(kills):
        if number % 4 == 3:
            # also while it starts
            with served(folder, target=target, wait=False):
                time.sleep(chance.uniform(0.5, 2.0))
        with served(folder, target=target) as service, Client(target) as client:
            if number == 0:
                add_hosts(client, *[{"vcpus": 200, "memory_mb": 10**6}] * HOSTS)
                add_flavor(client)
            check(client, everyone)
            load(service, everyone, chance, chance.uniform(0.02, 0.5))
        offline = audit_state_dir(folder / "state")
        assert offline.clean, offline.differences
    with served(folder, target=target) as service, Client(target) as client:
        check(client, everyone)
        held = len(listed(client))
        assert service.stop() == 0
    return held


if __name__ == "__main__":
    run(torture, __doc__)
