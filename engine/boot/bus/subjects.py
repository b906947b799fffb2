"""Names on a NATS server: the stream, and by host the subject of its messages and the consumer that takes them."""

from __future__ import annotations

import hashlib
import re

from engine.boot.messages import host_of_topic
from engine.errors import InvalidRequestError

STREAM = "BERTH"
SUBJECTS = "berth.compute.>"
_HOST = re.compile(r"[^\s.*>]+(\.[^\s.*>]+)*")


def subject_of(host: str) -> str:
    """Return the subject of a host's messages; raise InvalidRequestError for a name that can be in none."""
    if not _HOST.fullmatch(host):
        raise InvalidRequestError(f"a host called {host[:64]!r} cannot have messages over NATS")
    return f"berth.compute.{host}"


def subject_of_topic(topic: str) -> str:
    """Return the subject for a topic of the database; raises like ``subject_of``."""
    return subject_of(host_of_topic(topic))


def consumer_of(host: str) -> str:
    """Return the name of the consumer that every agent of a host shares; names of consumers may hold no dots."""
    return f"host-{hashlib.sha256(host.encode()).hexdigest()[:24]}"


def message_id(number: int, body: str) -> str:
    """Return by what a message published twice is known; the text counts, as a new database begins at 1 again."""
    return f"{number}-{hashlib.sha256(body.encode()).hexdigest()[:16]}"
