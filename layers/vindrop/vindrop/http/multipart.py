"""The photo and the reference in a multipart/form-data body (RFC 7578), by `python-multipart`'s parser."""

from __future__ import annotations

from typing import Any, Final

from vindrop.http.problems import ProblemError

MOST_PARTS: Final = 32
"""A form with one photo has a few; more is somebody wasting our time."""


LONGEST_REFERENCE: Final = 4096
"""Bytes that are kept of a field: enough to see that it is too long."""


class _Collector:
    """Keeps the first part that is a file, in memory: the gateway's limit is a few megabytes."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.reference = bytearray()
        self.found = False
        self.ended = False
        """Whether the closing boundary came: without it the photo may be cut."""
        self._parts = 0
        self._name, self._value = bytearray(), bytearray()
        self._taking = self._naming = False
        self._disposition = b""
        self._kind = b""

    def on_part_begin(self) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise ProblemError("bad-request", f"the form has more than {MOST_PARTS} parts")
        self._disposition = self._kind = b""
        self._taking = self._naming = False

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        name = bytes(self._name).lower()
        if name == b"content-disposition":
            self._disposition = bytes(self._value)
        elif name == b"content-type":
            self._kind = bytes(self._value)
        self._name.clear()
        self._value.clear()

    def on_headers_finished(self) -> None:
        from python_multipart.multipart import parse_options_header

        _, options = parse_options_header(self._disposition)
        is_file = b"filename" in options or self._kind.lower().startswith(b"image/")
        self._taking = is_file and not self.found
        self.found = self.found or is_file
        self._naming = not is_file and options.get(b"name") == b"reference"

    def on_end(self) -> None:
        self.ended = True

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._taking:
            self.data += data[start:end]
        elif self._naming and len(self.reference) < LONGEST_REFERENCE:
            self.reference += data[start:end]


def photo_and_reference(body: bytes, content_type: str) -> tuple[bytes, str]:
    """Return the bytes of the first part with a file name or an image's type, and the reference.

    The reference is the field of this name; an empty text where there is none.

    :raises ProblemError: no boundary, a broken form, or no file in it.
    """
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import MultipartParser, parse_options_header

    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise ProblemError("bad-request", "the form's Content-Type names no boundary")
    parts = _Collector()
    callbacks: Any = {name: getattr(parts, name) for name in dir(parts) if name.startswith("on_")}
    try:
        parser = MultipartParser(boundary, callbacks)
        parser.write(body)
    except (FormParserError, ValueError):
        raise ProblemError("bad-request", "the form is broken") from None
    if not parts.ended:
        raise ProblemError("bad-request", "the form broke off before its end")
    if not parts.found:
        raise ProblemError("empty-photo", "the form holds no file: send the photo as one")
    return bytes(parts.data), bytes(parts.reference).decode("utf-8", "replace")
