"""Error code → what to do about it. One table, the only place that knows.

Sources: the API page "VinOCR" and the common error codes of API 3.0; what a code costs is from
the product page 866/45470. Codes that begin with ``Vindrop.`` are our own: refusals made before
a call, and answers that are none.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from vindrop.domain.redaction import redact


class Disposition(str, Enum):
    """What a failure asks for."""

    RETRY = "retry"
    """Passing: back off inside the time left, then park."""
    FALLBACK = "other_way"
    """The photo must be sent differently: bytes instead of a URL, re-encoded, smaller. Once."""
    DEAD_LETTER = "dead_letter"
    """The photo's own fault: no call will ever read it."""
    OPEN_CIRCUIT = "hold"
    """The account's or the configuration's fault: no photo can be read until a person acts."""
    UNKNOWN = "unknown"
    """A code that nobody has heard of: retried up to the limit, then a dead letter."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table."""

    disposition: Disposition
    billed: bool | None = False
    """Whether the provider bills such an answer; None where nobody can know."""
    uses_attempt: bool = True
    """False for a refusal that says nothing about the photo."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error code, its sentence, and what the table makes of it."""

    code: str
    message: str
    request_id: str | None = None

    @property
    def rule(self) -> Rule:
        """The line of the table for this code."""
        return rule(self.code)

    @property
    def disposition(self) -> Disposition:
        """What this failure asks for."""
        return self.rule.disposition


class FailureError(Exception):
    """Carries a `Failure` up to the pipeline, which alone decides what becomes of it."""

    def __init__(self, code: str, message: str, request_id: str | None = None) -> None:
        self.failure = Failure(code, redact(message), request_id)
        super().__init__(f"{code}: {self.failure.message}")


EMPTY_PHOTO: Final = "Vindrop.EmptyPhoto"
NOT_AN_IMAGE: Final = "Vindrop.NotAnImage"
UNSUPPORTED_FORMAT: Final = "Vindrop.UnsupportedFormat"
UNDECODABLE: Final = "Vindrop.Undecodable"
TOO_MANY_PIXELS: Final = "Vindrop.TooManyPixels"
TOO_LARGE: Final = "Vindrop.TooLarge"
BUCKET_NOT_ALLOWED: Final = "Vindrop.BucketNotAllowed"
OBJECT_MISSING: Final = "Vindrop.ObjectMissing"
OBJECT_FORBIDDEN: Final = "Vindrop.ObjectForbidden"
STORAGE_UNAVAILABLE: Final = "Vindrop.StorageUnavailable"
MALFORMED_EVENT: Final = "Vindrop.MalformedEvent"
UNKNOWN_EVENT: Final = "Vindrop.UnknownEvent"
EMPTY_VIN: Final = "Vindrop.EmptyVin"
NOT_A_VIN: Final = "Vindrop.NotAVin"
BROKEN_ANSWER: Final = "Vindrop.BrokenAnswer"
ABANDONED: Final = "Vindrop.Abandoned"
NO_CREDENTIALS: Final = "Vindrop.NoCredentials"
RATE_LIMITED: Final = "Vindrop.WaitingForQuota"
OUT_OF_TIME: Final = "Vindrop.OutOfTime"

_RETRY: Final = Rule(Disposition.RETRY)
_RATE: Final = Rule(Disposition.RETRY, uses_attempt=False)
_NETWORK: Final = Rule(Disposition.RETRY, billed=None)
_FALLBACK: Final = Rule(Disposition.FALLBACK)
_DEAD: Final = Rule(Disposition.DEAD_LETTER)
_DEAD_BILLED: Final = Rule(Disposition.DEAD_LETTER, billed=True)
_OPEN_CIRCUIT: Final = Rule(Disposition.OPEN_CIRCUIT, uses_attempt=False)
_UNKNOWN: Final = Rule(Disposition.UNKNOWN, billed=None)

TABLE: Final[dict[str, Rule]] = {
    # Passing: the rate, the service, the network.
    "RequestLimitExceeded": _RATE,
    "InternalError": _RETRY,
    "ServiceUnavailable": _RETRY,
    "ResourceInsufficient": _RETRY,
    "ResourceInUse": _RETRY,
    "LimitExceeded": _RETRY,
    "FailedOperation.UnKnowError": _RETRY,
    "FailedOperation.EngineRecognizeTimeout": _RETRY,
    # One instance's fault, not the account's: its temporary key ran out, its clock is wrong.
    "AuthFailure.TokenFailure": _RATE,
    "AuthFailure.SignatureExpire": _RATE,
    "ClientNetworkError": _NETWORK,
    "ServerNetworkError": _NETWORK,
    BROKEN_ANSWER: _NETWORK,
    OBJECT_FORBIDDEN: _RETRY,
    STORAGE_UNAVAILABLE: _RETRY,
    RATE_LIMITED: _RATE,
    OUT_OF_TIME: _RATE,
    # The photo must go another way.
    "FailedOperation.DownLoadError": _FALLBACK,
    "FailedOperation.ImageSizeTooLarge": _FALLBACK,
    "FailedOperation.UnKnowFileTypeError": _FALLBACK,
    "LimitExceeded.TooLargeFileError": _FALLBACK,
    "RequestSizeLimitExceeded": _FALLBACK,
    # The photo's own fault.
    "FailedOperation.EmptyImageError": _DEAD_BILLED,
    "FailedOperation.ImageDecodeFailed": _DEAD,
    "FailedOperation.OcrFailed": _DEAD,
    "FailedOperation.DetectFailed": _DEAD,
    "FailedOperation.ImageBlur": _DEAD,
    "FailedOperation.ImageNoText": _DEAD,
    "InvalidParameter": _DEAD,
    "InvalidParameterValue": _DEAD,
    "InvalidRequest": _DEAD,
    "MissingParameter": _DEAD,
    "UnknownParameter": _DEAD,
    "UnsupportedOperation": _DEAD,
    "ResourceNotFound": _DEAD,
    "ResponseSizeLimitExceeded": _DEAD,
    EMPTY_PHOTO: _DEAD,
    NOT_AN_IMAGE: _DEAD,
    UNSUPPORTED_FORMAT: _DEAD,
    UNDECODABLE: _DEAD,
    TOO_MANY_PIXELS: _DEAD,
    TOO_LARGE: _DEAD,
    BUCKET_NOT_ALLOWED: _DEAD,
    OBJECT_MISSING: _DEAD,
    MALFORMED_EVENT: _DEAD,
    UNKNOWN_EVENT: _DEAD,
    ABANDONED: Rule(Disposition.DEAD_LETTER, billed=None),
    EMPTY_VIN: _DEAD_BILLED,
    NOT_A_VIN: _DEAD_BILLED,
    # The account's or the configuration's fault: every call would fail alike.
    "AuthFailure": _OPEN_CIRCUIT,
    "UnauthorizedOperation": _OPEN_CIRCUIT,
    "ResourceUnavailable": _OPEN_CIRCUIT,
    "ResourcesSoldOut": _OPEN_CIRCUIT,
    "FailedOperation.UnOpenError": _OPEN_CIRCUIT,
    "FailedOperation.ArrearsError": _OPEN_CIRCUIT,
    "FailedOperation.CountLimitError": _OPEN_CIRCUIT,
    "InvalidParameter.ConfigFormatError": _DEAD,
    "ActionOffline": _OPEN_CIRCUIT,
    "InvalidAction": _OPEN_CIRCUIT,
    "IpInBlacklist": _OPEN_CIRCUIT,
    "IpNotInWhitelist": _OPEN_CIRCUIT,
    "NoSuchProduct": _OPEN_CIRCUIT,
    "NoSuchVersion": _OPEN_CIRCUIT,
    "UnsupportedProtocol": _OPEN_CIRCUIT,
    "UnsupportedRegion": _OPEN_CIRCUIT,
    NO_CREDENTIALS: _OPEN_CIRCUIT,
}
"""A code without its own line takes that of its longest dotted prefix."""


def rule(code: str) -> Rule:
    """Return the line for ``code``: its own, else its longest dotted prefix's, else unknown."""
    prefix = code
    while True:
        if prefix in TABLE:
            return TABLE[prefix]
        prefix, dot, _ = prefix.rpartition(".")
        if not dot:
            return _UNKNOWN


NOT_IN_THIS_RUN: Final = frozenset({RATE_LIMITED, OUT_OF_TIME, "AuthFailure.SignatureExpire"})
"""Codes after which this run does not try again: it has waited already, or its clock stays wrong."""


def is_rate_refusal(code: str) -> bool:
    """Whether the provider refused for the rate: the quota must hear of it."""
    return code == "RequestLimitExceeded" or code.startswith("RequestLimitExceeded.")
