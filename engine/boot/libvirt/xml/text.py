"""Text of users' in XML: the one rule for characters that XML cannot hold."""

from __future__ import annotations

import re

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(text: str) -> str:
    """Return text with every character that XML 1.0 forbids (control characters, lone surrogates) as U+FFFD."""
    return _NOT_XML.sub("\ufffd", text)
