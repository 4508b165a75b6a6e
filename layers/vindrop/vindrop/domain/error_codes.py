"""The error table: error code → what follows. No other file names a code in a condition.

One line says everything that this project does about a code: what becomes of the upload
(``disposition``), what it costs (``billed``), whether it counts as an attempt, whether another try
in the same run makes sense, which form of the photo to send next (``fallback``), and what a caller
is told (``http_problem``, ``step_error``).

To add a code: add a line to `TABLE`. Sources: the API page "VinOCR" and the common error codes of
API 3.0; what a code costs is from the product page 866/45470. Codes that begin with ``Vindrop.``
are our own: refusals before a call, and answers that cannot be used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final, Literal


class Disposition(str, Enum):
    """What becomes of an upload after a failure. The values are stored: they never change."""

    RETRY = "retry"
    """Transient: back off within the time left, then schedule a retry."""
    FALLBACK = "other_way"
    """Send the photo in another form: bytes instead of a URL, re-encoded, smaller. Each form once."""
    DEAD_LETTER = "dead_letter"
    """The photo itself is at fault: no call will ever read it."""
    OPEN_CIRCUIT = "hold"
    """The account or the configuration is at fault: no photo can be read until a person acts."""
    UNKNOWN = "unknown"
    """Not in the table: retried up to the limit, then a dead letter."""


Fallback = Literal["bytes", "reencoded"]
"""The form of the photo to send next; see `vindrop.core.photo.Form`."""
StepError = Literal["VinThrottled", "VinUnavailable", "PhotoRejected", "AccountBlocked"]
"""What a state machine's Retry and Catch match; see `vindrop.triggers.step`."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table."""

    disposition: Disposition
    http_problem: str
    """Name of a kind of problem document; see `vindrop.http.problems.KINDS`."""
    step_error: StepError
    billed: bool | None = False
    """Whether the provider bills such an answer; None where nobody can know."""
    uses_attempt: bool = True
    """False for a refusal that says nothing about the photo."""
    retry_in_run: bool = True
    """False where another try in the same run cannot help: it has waited already, or its clock
    stays wrong."""
    rate_refusal: bool = False
    """The provider refused for the rate: the rate limiter must be told."""
    fallback: Fallback | None = None
    """The form of the photo to send next."""
    sentence: str = ""
    """Replaces the message, where the SDK's own quotes what must not be quoted."""


EMPTY_PHOTO: Final = "Vindrop.EmptyPhoto"
NOT_AN_IMAGE: Final = "Vindrop.NotAnImage"
UNSUPPORTED_FORMAT: Final = "Vindrop.UnsupportedFormat"
UNDECODABLE: Final = "Vindrop.Undecodable"
TOO_MANY_PIXELS: Final = "Vindrop.TooManyPixels"
TOO_LARGE: Final = "Vindrop.TooLarge"
BUCKET_NOT_ALLOWED: Final = "Vindrop.BucketNotAllowed"
OBJECT_MISSING: Final = "Vindrop.ObjectMissing"
OBJECT_FORBIDDEN: Final = "Vindrop.ObjectForbidden"
OBJECT_ARCHIVED: Final = "Vindrop.ObjectArchived"
SUPERSEDED: Final = "Vindrop.Superseded"
BUCKET_MISSING: Final = "Vindrop.BucketMissing"
WRONG_REGION: Final = "Vindrop.WrongRegion"
BAD_SIGNATURE: Final = "Vindrop.BadSignature"
STORAGE_KEY_DENIED: Final = "Vindrop.StorageKeyDenied"
STORAGE_CLOCK_SKEWED: Final = "Vindrop.StorageClockSkewed"
STORAGE_TOKEN_EXPIRED: Final = "Vindrop.StorageTokenExpired"  # noqa: S105  # a code
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


def _retry(http_problem: str = "vinocr-failed", **changes: Any) -> Rule:
    return replace(Rule(Disposition.RETRY, http_problem, "VinUnavailable"), **changes)


def _fallback(form: Fallback, http_problem: str) -> Rule:
    return Rule(Disposition.FALLBACK, http_problem, "PhotoRejected", fallback=form)


def _dead(http_problem: str = "photo-refused", *, billed: bool | None = False) -> Rule:
    return Rule(Disposition.DEAD_LETTER, http_problem, "PhotoRejected", billed=billed)


_OPEN_CIRCUIT: Final = Rule(
    Disposition.OPEN_CIRCUIT, "account-blocked", "AccountBlocked", uses_attempt=False
)
_UNKNOWN: Final = Rule(Disposition.UNKNOWN, "vinocr-failed", "VinUnavailable", billed=None)

TABLE: Final[dict[str, Rule]] = {
    # Transient: the rate and the time.
    "RequestLimitExceeded": _retry(
        "too-many-requests", step_error="VinThrottled", uses_attempt=False, rate_refusal=True
    ),
    RATE_LIMITED: _retry(
        "too-many-requests", step_error="VinThrottled", uses_attempt=False, retry_in_run=False
    ),
    OUT_OF_TIME: _retry(
        "timeout", step_error="VinThrottled", uses_attempt=False, retry_in_run=False
    ),
    # Transient: the service, the network, the object store.
    "InternalError": _retry(),
    "ServiceUnavailable": _retry("vinocr-unavailable"),
    "ResourceInsufficient": _retry("vinocr-unavailable"),
    "ResourceInUse": _retry(),
    "LimitExceeded": _retry(),
    "FailedOperation.UnKnowError": _retry(),
    "FailedOperation.EngineRecognizeTimeout": _retry("timeout"),
    "ClientNetworkError": _retry(
        billed=None, sentence="VinOCR could not be reached, or did not answer in time"
    ),
    "ServerNetworkError": _retry(billed=None),
    BROKEN_ANSWER: _retry(billed=None),
    STORAGE_UNAVAILABLE: _retry("storage-failed"),
    # The bucket refuses, and a person can mend it: its policy, its key, its name, our settings.
    OBJECT_FORBIDDEN: _retry("object-forbidden"),
    STORAGE_KEY_DENIED: _retry("object-forbidden"),
    WRONG_REGION: _retry("storage-failed"),
    BAD_SIGNATURE: _retry("storage-failed"),
    BUCKET_MISSING: _retry("object-missing"),
    # One instance's fault, not the account's: its temporary key expired, its clock is wrong.
    "AuthFailure.TokenFailure": _retry(uses_attempt=False),
    "AuthFailure.SignatureExpire": _retry(uses_attempt=False, retry_in_run=False),
    STORAGE_TOKEN_EXPIRED: _retry("storage-failed", uses_attempt=False, retry_in_run=False),
    STORAGE_CLOCK_SKEWED: _retry("storage-failed", uses_attempt=False, retry_in_run=False),
    # The photo must be sent in another form.
    "FailedOperation.DownLoadError": _fallback("bytes", "url-unreadable"),
    "FailedOperation.ImageSizeTooLarge": _fallback("reencoded", "photo-too-large"),
    "FailedOperation.UnKnowFileTypeError": _fallback("reencoded", "not-a-photo"),
    "LimitExceeded.TooLargeFileError": _fallback("reencoded", "photo-too-large"),
    "RequestSizeLimitExceeded": _fallback("reencoded", "photo-too-large"),
    # The photo is at fault.
    "FailedOperation.EmptyImageError": _dead("empty-photo", billed=True),
    "FailedOperation.ImageDecodeFailed": _dead("photo-damaged"),
    "FailedOperation.OcrFailed": _dead("no-vin"),
    "FailedOperation.DetectFailed": _dead("no-vin"),
    "FailedOperation.ImageBlur": _dead("no-vin"),
    "FailedOperation.ImageNoText": _dead("no-vin"),
    "InvalidParameter": _dead(),
    "InvalidParameter.EngineImageDecodeFailed": _dead("photo-damaged"),
    "InvalidParameter.ConfigFormatError": _dead(),
    "InvalidParameterValue": _dead(),
    "InvalidRequest": _dead(),
    "MissingParameter": _dead(),
    "UnknownParameter": _dead(),
    "UnsupportedOperation": _dead(),
    "ResourceNotFound": _dead(),
    "ResponseSizeLimitExceeded": _dead(),
    EMPTY_PHOTO: _dead("empty-photo"),
    NOT_AN_IMAGE: _dead("not-a-photo"),
    UNSUPPORTED_FORMAT: _dead("not-a-photo"),
    UNDECODABLE: _dead("photo-damaged"),
    TOO_MANY_PIXELS: _dead("photo-too-large"),
    TOO_LARGE: _dead("photo-too-large"),
    BUCKET_NOT_ALLOWED: _dead("bucket-not-allowed"),
    OBJECT_MISSING: _dead("object-missing"),
    OBJECT_ARCHIVED: _dead("object-archived"),
    SUPERSEDED: _dead("object-changed"),
    MALFORMED_EVENT: _dead(),
    UNKNOWN_EVENT: _dead(),
    ABANDONED: _dead(billed=None),
    EMPTY_VIN: _dead("no-vin", billed=True),
    NOT_A_VIN: _dead("no-vin", billed=True),
    # The account or the configuration is at fault: every call would fail alike.
    "AuthFailure": _OPEN_CIRCUIT,
    "UnauthorizedOperation": _OPEN_CIRCUIT,
    "ResourceUnavailable": _OPEN_CIRCUIT,
    "ResourcesSoldOut": _OPEN_CIRCUIT,
    "FailedOperation.UnOpenError": _OPEN_CIRCUIT,
    "FailedOperation.ArrearsError": _OPEN_CIRCUIT,
    "FailedOperation.CountLimitError": _OPEN_CIRCUIT,
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
    while prefix:
        if prefix in TABLE:
            return TABLE[prefix]
        prefix = prefix.rpartition(".")[0]
    return _UNKNOWN
