"""Base64 as it arrives: in lines, in groups, or with blanks where a form's decoder met plus signs.

In a form that was not percent-encoded, ``+`` means a blank: the text of a photo then has a blank for
each plus sign, some in a hundred characters. A shell makes blanks of line breaks; those go. Base64
comes in fours, which tells the two apart more often than not; where it does not, their places do.
"""

from __future__ import annotations

import base64
import re
from typing import Final

_BREAKS: Final = "\r\n\t\v\f"
_BREAK: Final = re.compile(f"[{_BREAKS}]+")
_NO_BREAKS: Final = str.maketrans("", "", _BREAKS)


def without_layout(text: str) -> str:
    """Return Base64 without line breaks and blanks that are layout; blanks that were ``+`` are that again."""
    if not text.isascii():
        return text
    if any(character in text for character in _BREAKS):  # a copy of 10 MB only where needed
        text = _unwrapped(text) if " " in text else text.translate(_NO_BREAKS)
    if " " not in text:
        return text
    text = text.lstrip(" ")  # no image begins with a plus sign
    return text.replace(" ", "" if _layout(text) else "+")


def _unwrapped(text: str) -> str:
    """Return a text with blanks without its line breaks, and without the indentation of its lines."""
    lines = [line for line in _BREAK.split(text.lstrip(_BREAKS + " ")) if line.strip(" ")]
    whole = "".join(lines)
    bare = "".join(line.strip(" ") for line in lines)
    if len(whole) % 4 or len(bare) % 4:
        return whole if len(whole) % 4 == 0 else bare
    return bare if all(line.startswith(" ") for line in lines[1:]) else whole


def _layout(text: str) -> bool:
    """Whether the blanks of a text stand between groups and at its end, and are no plus signs."""
    blanks = text.count(" ")
    fits = (len(text) - blanks) % 4 == 0
    if fits != (len(text) % 4 == 0):
        return fits
    groups = [len(group) for group in text.split()]
    even = len(groups) > 1 and len(set(groups[:-1])) == 1 and groups[-1] <= groups[0]
    return even or not groups


def decode(text: str | bytes) -> bytes:
    """Return what a text without layout says.

    :raises ValueError: it is no Base64.
    """
    return base64.b64decode(text, validate=True)
