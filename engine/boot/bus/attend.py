"""Messages through the conductor itself: the Attend stream, made again whenever it breaks."""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

import msgspec

from engine.boot.bus.inbox import CallHandler
from engine.boot.conductor.client import ConductorClient
from engine.boot.messages import Message, decode
from engine.errors import EngineError, ServiceUnavailableError, ShuttingDownError
from engine.v1 import conductor_service_pb2 as pb

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0
_REMEMBERED = 10_000
_LAST_WORDS_S = 2.0
_LOG = logging.getLogger("berth.bus")


@dataclass(frozen=True)
class AttendDelivery:
    """A message that came over the stream."""

    host: str
    message: Message
    number: int
    inbox: AttendInbox

    async def done(self) -> None:
        """Let the message go; it is told to the conductor with whatever else is done in this turn of the loop."""
        self.inbox.acknowledge(self.number)

    async def later(self, delay_s: float) -> None:
        """Have the message again after a while."""
        self.inbox.postpone(self.number, delay_s)


class AttendInbox:
    """The messages of an agent's hosts, from the conductor's database.

    A message that the agent still has in hand is not delivered again when a broken stream is made anew, and one that
    is done is told to be done again instead: a restart of the conductor costs no work twice.
    """

    def __init__(
        self, conductor: ConductorClient, agent_id: str, hosts: Iterable[str], call_handler: CallHandler
    ) -> None:
        self._conductor = conductor
        self._subscription = pb.Subscription(agent_id=agent_id, hosts=hosts)
        self._call_handler = call_handler
        self._arrived: asyncio.Queue[AttendDelivery | EngineError | None] = asyncio.Queue()
        self._in_hand: set[int] = set()
        self._done: OrderedDict[int, None] = OrderedDict()
        self._acknowledged: list[int] = []
        self._other: list[pb.AttendRequest] = []
        self._something_to_say = asyncio.Event()
        self._said = asyncio.Event()
        self._answering: set[asyncio.Task[None]] = set()
        self._reading: asyncio.Task[None] | None = None

    async def deliveries(self) -> AsyncIterator[AttendDelivery]:
        """Yield messages as they come, until ``close``; raise what ends the stream for good."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._read_always())
        while True:
            item = await self._arrived.get()
            if item is None:
                return
            if isinstance(item, EngineError):
                raise item
            yield item

    async def close(self) -> None:
        """Tell what is still to be told, for a moment at most, then end."""
        if self._reading is not None:
            if self._acknowledged or self._other:
                self._said.clear()
                self._something_to_say.set()
                try:
                    await asyncio.wait_for(self._said.wait(), _LAST_WORDS_S)
                except TimeoutError:
                    _LOG.warning("the conductor could not be told of %d messages done", len(self._acknowledged))
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        for task in self._answering:
            task.cancel()
        self._arrived.put_nowait(None)

    def acknowledge(self, number: int) -> None:
        """Note that a message is done."""
        self._in_hand.discard(number)
        self._done[number] = None
        while len(self._done) > _REMEMBERED:
            self._done.popitem(last=False)
        self._acknowledged.append(number)
        self._something_to_say.set()

    def postpone(self, number: int, delay_s: float) -> None:
        """Note that a message is wanted later."""
        self._in_hand.discard(number)
        delay_ms = max(0, int(delay_s * 1000))
        self._say(pb.AttendRequest(postponement=pb.Postponement(message_id=number, delay_ms=delay_ms)))

    def _say(self, request: pb.AttendRequest) -> None:
        self._other.append(request)
        self._something_to_say.set()

    async def _read_always(self) -> None:
        """Read streams, one after the other, until one ends for good."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                async for response in self._conductor.attend(self._requests()):
                    pause_s = _FIRST_PAUSE_S
                    self._take(response)
            except (ServiceUnavailableError, ShuttingDownError) as error:
                _LOG.info("the conductor is away, trying again: %s", error.message)
            except EngineError as error:
                if error.reason == EngineError.reason:
                    _LOG.warning("the conductor broke the stream off, trying again: %s", error.message)
                else:
                    self._arrived.put_nowait(error)
                    return
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)

    async def _requests(self) -> AsyncIterator[pb.AttendRequest]:
        """Yield the subscription, then what there is to say; what was said last may be lost with the stream."""
        yield pb.AttendRequest(subscription=self._subscription)
        while True:
            # whatever is done within this turn of the loop goes in one message
            await asyncio.sleep(0)
            self._something_to_say.clear()
            numbers, self._acknowledged = self._acknowledged, []
            others, self._other = self._other, []
            if numbers:
                yield pb.AttendRequest(acknowledgement=pb.Acknowledgement(message_ids=numbers))
            for request in others:
                yield request
            self._said.set()
            await self._something_to_say.wait()

    def _take(self, response: pb.AttendResponse) -> None:
        kind = response.WhichOneof("content")
        if kind == "delivery":
            self._deliver(response.delivery)
        elif kind == "call":
            task = asyncio.create_task(self._answer(response.call))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

    def _deliver(self, delivery: pb.Delivery) -> None:
        number = delivery.message_id
        if number in self._in_hand:
            return
        if number in self._done:
            self.acknowledge(number)
            return
        try:
            message = decode(delivery.body_json)
        except msgspec.MsgspecError as error:
            _LOG.error("message %d for host %s cannot be read and is dropped: %s", number, delivery.host, error)
            self.acknowledge(number)
            return
        self._in_hand.add(number)
        self._arrived.put_nowait(AttendDelivery(delivery.host, message, number, self))

    async def _answer(self, call: pb.Call) -> None:
        answer = pb.CallAnswer(call_id=call.call_id)
        try:
            answer.body_json = json.dumps(await self._call_handler(call.host, call.method, json.loads(call.body_json)))
        except EngineError as error:
            answer.error = error.message
        except Exception as error:
            _LOG.exception("call %s to host %s failed", call.method, call.host)
            answer.error = f"{type(error).__name__}: {error}"
        self._say(pb.AttendRequest(answer=answer))
