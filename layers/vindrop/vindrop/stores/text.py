"""Text that every database takes: the last guard, wherever a foreign sentence came in."""

from __future__ import annotations

from typing import Final, TypeVar

Stored = TypeVar("Stored")
REPLACEMENT: Final = "\ufffd"


def storable(value: Stored) -> Stored:
    """Return a text without NUL and halves of surrogate pairs, each replaced by U+FFFD.

    PostgreSQL holds no NUL, and no database a half of a pair. Any other value is returned as it is.
    """
    if not isinstance(value, str):
        return value
    text: str = value
    if "\0" in text:
        text = text.replace("\0", REPLACEMENT)
    if not text.isascii():
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text  # type: ignore[return-value]  # a str for a str
