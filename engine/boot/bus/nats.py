"""Messages over NATS JetStream: a work queue on disk, from which each host's agent pulls."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, RetentionPolicy, StorageType, StreamConfig

from engine.boot.bus.attend import AttendInbox
from engine.boot.bus.subjects import STREAM, SUBJECTS, consumer_of, message_id, subject_of, subject_of_topic
from engine.boot.messages import Message, decode
from engine.errors import EngineError, ServiceUnavailableError

_CONNECT_S = 3.0
_PUBLISH_S = 10.0
_DUPLICATES_S = 120.0
_ACK_WAIT_S = 60.0
_STILL_BUSY_S = 20.0
_PULL_S = 30.0
_AT_ONCE = 64
_PAUSE_S = 1.0
_LOG = logging.getLogger("berth.bus")


async def connect(url: str, timeout_s: float = _CONNECT_S) -> tuple[Client, JetStreamContext]:
    """Return a connection that is made again for ever, with the stream in place; raise ServiceUnavailableError."""
    try:
        # with attempts without end the first connection would be tried without end, too
        connecting = nats.connect(servers=[url], max_reconnect_attempts=-1, error_cb=_note)
        client = await asyncio.wait_for(connecting, timeout_s)
        stream = client.jetstream()
        await stream.add_stream(
            StreamConfig(
                name=STREAM,
                subjects=[SUBJECTS],
                retention=RetentionPolicy.WORK_QUEUE,
                storage=StorageType.FILE,
                duplicate_window=_DUPLICATES_S,
            )
        )
    except (Error, OSError, TimeoutError) as error:
        raise ServiceUnavailableError(f"NATS at {url} cannot be used: {str(error) or 'no answer'}") from error
    return client, stream


async def _note(error: Exception) -> None:
    _LOG.warning("NATS: %s", str(error) or type(error).__name__)


class JetStreamPublisher:
    """Puts messages on the stream; each is on disk there when ``publish`` returns."""

    def __init__(self, client: Client, stream: JetStreamContext) -> None:
        self._client = client
        self._stream = stream

    @classmethod
    async def connect(cls, url: str, timeout_s: float = _CONNECT_S) -> JetStreamPublisher:
        """Return a publisher; raises ServiceUnavailableError."""
        return cls(*await connect(url, timeout_s))

    async def publish(self, number: int, topic: str, body: str) -> None:
        """Publish a message once; raises InvalidRequestError for its topic, ServiceUnavailableError."""
        subject = subject_of_topic(topic)
        headers = {"Nats-Msg-Id": message_id(number, body)}
        try:
            await self._stream.publish(subject, body.encode(), timeout=_PUBLISH_S, stream=STREAM, headers=headers)
        except (Error, OSError) as error:
            raise ServiceUnavailableError(f"NATS took no message: {str(error) or type(error).__name__}") from error

    async def close(self) -> None:
        """End the connection."""
        await self._client.close()


@dataclass(frozen=True)
class NatsDelivery:
    """A message from the stream; while it is in hand, the server is told so."""

    host: str
    message: Message
    raw: Msg
    busy: asyncio.Task[None]

    async def done(self) -> None:
        """Let the message go."""
        self.busy.cancel()
        with contextlib.suppress(Error):
            await self.raw.ack()

    async def later(self, delay_s: float) -> None:
        """Have the message again after a while."""
        self.busy.cancel()
        with contextlib.suppress(Error):
            await self.raw.nak(delay=max(0.0, delay_s))


class NatsInbox:
    """The messages of an agent's hosts, from NATS; the conductor's questions come over its own stream still."""

    def __init__(self, url: str, hosts: Iterable[str], questions: AttendInbox) -> None:
        self._url = url
        self._subjects = {host: subject_of(host) for host in hosts}
        self._questions = questions
        self._arrived: asyncio.Queue[NatsDelivery | EngineError | None] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._client: Client | None = None

    async def deliveries(self) -> AsyncIterator[NatsDelivery]:
        """Yield messages as they come, until ``close``.

        Raises ServiceUnavailableError when NATS cannot be reached, ConflictError as the conductor's stream does.
        """
        if self._client is None:
            self._client, stream = await connect(self._url)
            self._run(self._answer_questions())
            for host, subject in self._subjects.items():
                self._run(self._pull(stream, host, subject))
        while (item := await self._arrived.get()) is not None:
            if isinstance(item, EngineError):
                raise item
            yield item

    async def close(self) -> None:
        """End; messages in hand come again after a while."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._questions.close()
        if self._client is not None:
            await self._client.close()
        self._arrived.put_nowait(None)

    async def _answer_questions(self) -> None:
        """Answer what the conductor asks; a conductor that delivers, too, has other settings than this agent."""
        try:
            async for delivery in self._questions.deliveries():
                _LOG.warning("message %d came from the conductor although NATS is in use", delivery.number)
                await delivery.later(_PAUSE_S)
        except EngineError as error:
            self._arrived.put_nowait(error)

    async def _pull(self, stream: JetStreamContext, host: str, subject: str) -> None:
        """Pull one host's messages for ever."""
        config = ConsumerConfig(
            ack_policy=AckPolicy.EXPLICIT, ack_wait=_ACK_WAIT_S, max_deliver=-1, max_ack_pending=1_000
        )
        subscription: JetStreamContext.PullSubscription | None = None
        while True:
            try:
                if subscription is None:
                    subscription = await stream.pull_subscribe(
                        subject, durable=consumer_of(host), stream=STREAM, config=config
                    )
                for raw in await subscription.fetch(_AT_ONCE, timeout=_PULL_S):
                    await self._take(host, raw)
            except NatsTimeoutError:
                continue
            except (Error, OSError) as error:
                _LOG.warning("messages for host %s cannot be pulled, trying again: %s", host, error)
                subscription = None
                await asyncio.sleep(_PAUSE_S)

    async def _take(self, host: str, raw: Msg) -> None:
        try:
            message = decode(raw.data.decode())
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            _LOG.error("a message for host %s cannot be read and is dropped: %s", host, error)
            await raw.term()
            return
        self._arrived.put_nowait(NatsDelivery(host, message, raw, self._run(self._say_busy(raw))))

    def _run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _say_busy(self, raw: Msg) -> None:
        """Keep a message in hand from being delivered elsewhere."""
        while True:
            await asyncio.sleep(_STILL_BUSY_S)
            with contextlib.suppress(Error):
                await raw.in_progress()
