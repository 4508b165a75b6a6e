"""What a trigger delivers: an upload, something that is none, or a record that cannot be understood."""

from __future__ import annotations

import msgspec

from vindrop.domain import error_codes
from vindrop.domain.upload import Upload


class Ignored(msgspec.Struct, frozen=True):
    """Something that is no upload, and why: a folder marker, a deletion, a test event."""

    what: str
    why: str


class Malformed(msgspec.Struct, frozen=True):
    """A record that ought to name an object and does not."""

    id: str
    """sha256 (hex) of the record, so that the same one twice is one dead letter."""
    why: str
    """Names the field; holds no value of the record."""
    code: str = error_codes.MALFORMED_EVENT
    """Its dead letter's code."""


Arrival = Upload | Ignored | Malformed


class Message(msgspec.Struct, frozen=True):
    """One thing that arrived, and what the platform must be told where it must be redelivered."""

    arrival: Arrival
    receipt: str | None = None
    """SQS: the messageId that goes into ``batchItemFailures``. None: only raising brings it back."""
    trace: str | None = None
    """W3C traceparent, where the trigger carries one."""
