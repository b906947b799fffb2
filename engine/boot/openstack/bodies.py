"""Reading what services answer: JSON bodies, and the sentence in an error's body, be it JSON, HTML or text."""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

import msgspec

_LONGEST = 2_000
_SILENT_TAGS = frozenset({"title", "h1", "head", "script", "style"})


@dataclass(frozen=True)
class ErrorBody:
    """What an error's body says: ``kind`` is neutron's name of the failure, or empty."""

    message: str
    kind: str = ""


class _Sentence(HTMLParser):
    """Gathers the text of a page, without its headings."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Count the elements whose text is no part of the sentence."""
        self._silent += tag in _SILENT_TAGS

    def handle_endtag(self, tag: str) -> None:
        """Leave such an element."""
        self._silent -= tag in _SILENT_TAGS and self._silent > 0

    def handle_data(self, data: str) -> None:
        """Keep text."""
        if not self._silent:
            self.parts.append(data)


def error_body_of(content: bytes, content_type: str, *, status: int) -> ErrorBody:
    """Return what an error's body says; for an empty or strange one, the status in words."""
    found = _from_json(content) if "json" in content_type or content[:1] == b"{" else None
    if found is None:
        text = content[: 64 * 1024].decode("utf-8", "replace")
        found = ErrorBody(_from_html(text) if "html" in content_type else text)
    message = " ".join(found.message.split())[:_LONGEST]
    return ErrorBody(message or f"the service answered with status {status}", found.kind)


def _from_json(content: bytes) -> ErrorBody | None:
    """Return what a JSON body says: neutron's, keystone's, nova's and cinder's, glance's and placement's forms."""
    try:
        body = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError):
        return None
    if not isinstance(body, dict):
        return None
    errors = body.get("errors")
    inner: Any = errors[0] if isinstance(errors, list) and errors else None
    if inner is None and not isinstance(body.get("message"), str):
        inner = next(iter(body.values()), None)
    if isinstance(inner, str):
        return ErrorBody(inner)
    if not isinstance(inner, dict):
        inner = body
    message = inner.get("message") or inner.get("detail") or ""
    kind = inner.get("type") or ""
    return ErrorBody(
        message if isinstance(message, str) else str(message), kind if isinstance(kind, str) and len(kind) < 100 else ""
    )


def _from_html(text: str) -> str:
    parser = _Sentence()
    parser.feed(text)
    parser.close()
    return " ".join(parser.parts)
