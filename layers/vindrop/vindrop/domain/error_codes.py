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
    """Transient: back off within the time left, then schedule a retry (`vindrop.core.retry_schedule`)."""
    FALLBACK = "other_way"
    """Send the photo in another form: bytes instead of a URL, re-encoded, smaller. Each form once."""
    DEAD_LETTER = "dead_letter"
    """The photo itself is at fault: no call will ever read it."""
    OPEN_CIRCUIT = "hold"
    """The account or the configuration is at fault: no photo can be read until a person acts."""
    UNKNOWN = "unknown"
    """Not in the table: retried up to the limit, then a dead letter."""

    @property
    def is_final(self) -> bool:
        """Whether the upload ends with such a failure at once."""
        return self in {Disposition.DEAD_LETTER, Disposition.FALLBACK}


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
    """False for what says nothing about the photo; `max_attempts` ends an upload otherwise."""
    passing: bool = False
    """An outage, or what a person mends: retried until the upload is `max_age` old, with growing waits."""
    suspects_photo: bool = False
    """Passing, yet one photo may cause it: it must not block a stream that has no ledger."""
    busy: bool = False
    """The service has too much to do: fewer calls at once, and later; its message may say when."""
    retry_in_run: bool = True
    """False where another try in the same run cannot help: it has waited already, or its clock
    stays wrong."""
    of_connection: bool = False
    """The SDK's word for all that a connection can do: it may not have been opened at all."""
    until_tomorrow: bool = False
    """Waits for the next day (UTC)."""
    rate_refusal: bool = False
    """The provider refused for the rate: the rate limiter must be told."""
    fallback: Fallback | None = None
    """The form of the photo to send next."""
    readable_by_person: bool = False
    """A dead letter whose photo a person may read all the same: it stands in the review queue."""
    sentence: str = ""
    """Replaces the message, where the SDK's own quotes what must not be quoted."""


URL_UNREADABLE: Final = "FailedOperation.DownLoadError"
NO_VIN: Final = "FailedOperation.OcrFailed"
NO_TEXT: Final = "FailedOperation.ImageNoText"
CUT_OFF: Final = "FailedOperation.DetectFailed"
BLURRED: Final = "FailedOperation.ImageBlur"
DAMAGED: Final = "FailedOperation.ImageDecodeFailed"
BROKEN_ENGINE: Final = "FailedOperation.UnKnowError"
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
STORAGE_TOKEN_EXPIRED: Final = "Vindrop.StorageTokenExpired"  # noqa: S105
STORAGE_UNAVAILABLE: Final = "Vindrop.StorageUnavailable"
MALFORMED_EVENT: Final = "Vindrop.MalformedEvent"
UNKNOWN_EVENT: Final = "Vindrop.UnknownEvent"
EMPTY_VIN: Final = "Vindrop.EmptyVin"
NOT_A_VIN: Final = "Vindrop.NotAVin"
UNCONFIRMED: Final = "Vindrop.Unconfirmed"
BROKEN_ANSWER: Final = "Vindrop.BrokenAnswer"
ABANDONED: Final = "Vindrop.Abandoned"
NO_CREDENTIALS: Final = "Vindrop.NoCredentials"
NOT_CONNECTED: Final = "ClientNetworkError.NotConnected"
RATE_LIMITED: Final = "Vindrop.WaitingForQuota"
DAILY_CAP: Final = "Vindrop.DailyCap"
LEASE_LOST: Final = "Vindrop.LeaseLost"
OUT_OF_TIME: Final = "Vindrop.OutOfTime"


def _retry(http_problem: str = "vinocr-failed", **changes: Any) -> Rule:
    transient = Rule(
        Disposition.RETRY, http_problem, "VinUnavailable", uses_attempt=False, passing=True
    )
    return replace(transient, **changes)


def _wait(http_problem: str, step_error: StepError = "VinThrottled", **changes: Any) -> Rule:
    """Return the line of what is not tried again in its run and never ends an upload."""
    return _retry(
        http_problem, step_error=step_error, passing=False, **{"retry_in_run": False, **changes}
    )


def _fallback(form: Fallback, http_problem: str) -> Rule:
    return Rule(Disposition.FALLBACK, http_problem, "PhotoRejected", fallback=form)


def _dead(http_problem: str = "photo-refused", *, billed: bool | None = False) -> Rule:
    return Rule(Disposition.DEAD_LETTER, http_problem, "PhotoRejected", billed=billed)


def _unread(*, billed: bool = False) -> Rule:
    """Return the line of a photo on which no engine found a VIN."""
    return replace(_dead("no-vin", billed=billed), readable_by_person=True)


_OPEN_CIRCUIT: Final = Rule(
    Disposition.OPEN_CIRCUIT, "account-blocked", "AccountBlocked", uses_attempt=False
)
_UNKNOWN: Final = Rule(
    Disposition.UNKNOWN, "vinocr-failed", "VinUnavailable", billed=None, suspects_photo=True
)

TABLE: Final[dict[str, Rule]] = {
    # Transient: the rate and the time.
    "RequestLimitExceeded": _wait("too-many-requests", retry_in_run=True, rate_refusal=True),
    RATE_LIMITED: _wait("too-many-requests"),
    DAILY_CAP: _wait("too-many-requests", until_tomorrow=True),
    OUT_OF_TIME: _wait("timeout"),
    LEASE_LOST: _wait("timeout", "VinUnavailable"),
    # Transient: the service, the network, the object store.
    "InternalError": _retry(suspects_photo=True),
    "ServiceUnavailable": _retry("vinocr-unavailable"),
    "ResourceInsufficient": _retry("vinocr-unavailable", busy=True),
    "ResourceInUse": _retry(),
    "LimitExceeded": _retry(),
    "FailedOperation.UnKnowError": _retry(suspects_photo=True),
    "FailedOperation.EngineRecognizeTimeout": _retry("timeout", suspects_photo=True),
    "ClientNetworkError": _retry(
        billed=None,
        of_connection=True,
        sentence="VinOCR did not answer in time, or the connection to it broke: the call may have "
        "been billed",
    ),
    NOT_CONNECTED: _retry(sentence="VinOCR could not be reached"),
    "ServerNetworkError": _retry(billed=None),
    BROKEN_ANSWER: _retry(billed=None, suspects_photo=True),
    STORAGE_UNAVAILABLE: _retry("storage-failed"),
    # The bucket refuses, and a person can mend it: its policy, its key, its name, our settings.
    OBJECT_FORBIDDEN: _retry("object-forbidden", retry_in_run=False),
    STORAGE_KEY_DENIED: _retry("object-forbidden", retry_in_run=False),
    WRONG_REGION: _retry("storage-failed", retry_in_run=False),
    BAD_SIGNATURE: _retry("storage-failed", retry_in_run=False),
    BUCKET_MISSING: _retry("object-missing", retry_in_run=False),
    # One instance's fault, not the account's: its temporary key expired, its clock is wrong.
    "AuthFailure.TokenFailure": _retry(),
    "AuthFailure.SignatureExpire": _retry(retry_in_run=False),
    STORAGE_TOKEN_EXPIRED: _retry("storage-failed", retry_in_run=False),
    STORAGE_CLOCK_SKEWED: _retry("storage-failed", retry_in_run=False),
    # The photo must be sent in another form.
    "FailedOperation.DownLoadError": _fallback("bytes", "url-unreadable"),
    "FailedOperation.ImageSizeTooLarge": _fallback("reencoded", "photo-too-large"),
    "FailedOperation.UnKnowFileTypeError": _fallback("reencoded", "not-a-photo"),
    "LimitExceeded.TooLargeFileError": _fallback("reencoded", "photo-too-large"),
    "RequestSizeLimitExceeded": _fallback("reencoded", "photo-too-large"),
    # The photo is at fault.
    "FailedOperation.EmptyImageError": _dead("empty-photo", billed=True),
    "FailedOperation.ImageDecodeFailed": _dead("photo-damaged"),
    "FailedOperation.OcrFailed": _unread(),
    "FailedOperation.DetectFailed": _unread(),
    "FailedOperation.ImageBlur": _unread(),
    "FailedOperation.ImageNoText": _unread(),
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
    EMPTY_VIN: _unread(billed=True),
    NOT_A_VIN: _unread(billed=True),
    UNCONFIRMED: _unread(),
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
