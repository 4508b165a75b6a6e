"""Base64 as it arrives: in lines, in groups, or with blanks where a form's decoder met plus signs.

In a form that was not percent-encoded, ``+`` means a blank: the text of a photo then has a blank for
each plus sign, some in a hundred characters. A shell makes blanks of line breaks; those go.
"""

from __future__ import annotations

import base64
from typing import Final

_LINE_BREAKS: Final = str.maketrans("", "", "\r\n\t\v\f")


def without_layout(text: str) -> str:
    """Return Base64 without line breaks and blanks that are layout; blanks that were ``+`` are that again."""
    if not text.isascii():
        return text
    if any(character in text for character in "\r\n\t\v\f"):  # a copy of 10 MB only where needed
        # Blanks beside a line break are its indentation.
        text = "\n".join(line.strip(" ") for line in text.splitlines()).translate(_LINE_BREAKS)
    if " " not in text:
        return text
    text = text.lstrip(" ")  # no image begins with a plus sign
    return text.replace(" ", "" if _layout(text) else "+")


def _layout(text: str) -> bool:
    """Whether the blanks of a text stand between groups and at its end, and are no plus signs."""
    blanks = text.count(" ")
    fits = (len(text) - blanks) % 4 == 0
    if fits != (len(text) % 4 == 0):
        return fits  # Base64 comes in fours
    groups = [len(group) for group in text.split()]
    return (
        len(set(groups[:-1])) <= 1 and groups[-1] <= groups[0] and len(groups) > 1
    ) or not groups


def decode(text: str | bytes) -> bytes:
    """Return what a text without layout says.

    :raises ValueError: it is no Base64.
    """
    return base64.b64decode(text, validate=True)
