"""The records themselves, validated by pydantic. Import them from `vindrop.domain.records`."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from vindrop.domain.failures import Disposition
from vindrop.domain.upload import Upload
from vindrop.domain.vin import ALPHABET, LENGTH, Verdict


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class VinOCRCall(_Model):
    """The call that gave the answer."""

    request_id: str
    """VinOCR's RequestId: what the provider asks for when something must be looked up."""
    endpoint: str
    """Host (and port) that answered."""
    seconds: float = Field(ge=0)
    """From request to answer."""
    billed: int = Field(ge=0)
    """Calls for this upload that the provider bills, this one included."""


class Reading(_Model):
    """A VIN and how sure we are."""

    vin: str = Field(pattern=f"^[{ALPHABET}]{{{LENGTH}}}$")
    as_read: str
    """VinOCR's answer, word for word."""
    verdict: Verdict
    check_digit: Literal["valid", "invalid", "not_required"]
    maker: str | None
    region: str | None
    """World region of the manufacturer (ISO 3780)."""
    model_year: int | None
    upload: Upload
    vinocr: VinOCRCall
    attempts: int = Field(ge=1)
    read_at: dt.datetime
    traceparent: str | None = Field(default=None, exclude=True)
    """W3C trace context, where the upload's trigger carried one: an extension of the event."""

    @property
    def id(self) -> str:
        """The upload's identity."""
        return self.upload.id

    @property
    def time(self) -> dt.datetime:
        """When the record was made."""
        return self.read_at


class DeadLetter(_Model):
    """An upload that ended without a reading, and why. Enough to redrive; nothing secret."""

    code: str
    """VinOCR's error code word for word, or one of ours (``Vindrop.…``)."""
    message: str
    disposition: Disposition
    request_id: str | None
    """VinOCR's RequestId, where a call was made."""
    attempts: int = Field(ge=0)
    billed: int = Field(ge=0)
    """Calls for this upload that the provider bills."""
    first_seen: dt.datetime
    last_seen: dt.datetime
    upload: Upload | None
    """None only where the event was too malformed to name an object."""
    event_id: str | None = None
    """Where ``upload`` is None: sha256 of the malformed record, so that it is counted once."""
    redriven: int = Field(default=0, ge=0)
    """How often the upload was a dead letter before, and was taken up again."""
    traceparent: str | None = Field(default=None, exclude=True)
    """W3C trace context, where the upload's trigger carried one: an extension of the event."""

    @property
    def id(self) -> str:
        """The upload's identity, or the malformed record's."""
        if self.upload is not None:
            return self.upload.id
        return self.event_id or ""

    @property
    def time(self) -> dt.datetime:
        """When the record was made."""
        return self.last_seen


Record = Reading | DeadLetter
