"""Text that others wrote, inside what Prefect shows as Markdown."""

from __future__ import annotations

import re

from cxrscreen.reporting.page_parts import printable

_MARKUP = re.compile(r"[\\`*_\[\]<>|#~&!]")
_MADE_LINKS = re.compile(r"(?<=\w)(?=://)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)  # by the page, without any markup
_WORD_JOINER = "\u2060"


def plain(text: str) -> str:
    """Keep a text from becoming markup, a link or a new line."""
    return _MARKUP.sub(r"\\\g<0>", _MADE_LINKS.sub(_WORD_JOINER, str(printable(text))))
