"""What leaves: a Reading, a DeadLetter or a Review, as a CloudEvents 1.0 event. The one definition.

To add a field, add its line here. The JSON Schema has it then; with `Column`, so have SQL tables
(existing ones too) and DynamoDB items; with `Shown`, the tables of the command line. Type names
carry a version: under the same version a field may be added, with a default, and none changed or
removed. The event's id is the upload's identity: the idempotency key of whoever consumes it.

Records are plain dataclasses. Reading and writing their JSON is pydantic's work
(`vindrop.domain.schemas`), and loading that takes longer than all else between a cold start and
the call to VinOCR. So it is loaded while VinOCR answers.
"""

import datetime as dt
import importlib
import json
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias, TypeGuard
from urllib.parse import quote

from vindrop.domain.columns import Column, Limits, Shown, Value, fields
from vindrop.domain.failures import Disposition
from vindrop.domain.recognition import Alternative, Box, Character, RecognizerCall, Reviewed, Share
from vindrop.domain.upload import Cloud, Upload
from vindrop.domain.vin import ALPHABET, LENGTH, Verdict, Vin

if TYPE_CHECKING:  # no upload passes through a review
    from vindrop.domain.review import Review

READING: Final = "vindrop.reading.v1"
DEAD_LETTER: Final = "vindrop.dead_letter.v1"
REVIEW: Final = "vindrop.review.v1"
KINDS: Final = (READING, DEAD_LETTER, REVIEW)
SENT: Final = 0.05
"""Seconds after which a request is surely on its way."""


@dataclass(frozen=True, kw_only=True)
class VinOCRCall:
    """The call that gave the answer."""

    request_id: str
    """VinOCR's RequestId: what the provider asks for when something must be looked up."""
    endpoint: str
    """Host (and port) that answered."""
    seconds: Annotated[float, Limits(ge=0), Shown("seconds")]
    """From request to answer."""
    billed: Annotated[int, Limits(ge=0)]
    """Calls for this upload that the provider bills, this one included."""
    maybe_billed: Annotated[int, Limits(ge=0)] = 0
    """Calls for it whose answer never came or made no sense: the provider may bill them too."""


@dataclass(frozen=True, kw_only=True)
class VehicleFacts:
    """The vehicle as its maker registered it (NHTSA's vPIC); null where the VIN does not say."""

    pattern: Literal["known", "unknown", "not_covered"]
    """``unknown``: the maker registered no such pattern, so have a person look."""
    make: str | None = None
    model: str | None = None
    year: int | None = None
    """Model year."""
    body: str | None = None
    trim: str | None = None
    fuel: str | None = None
    plant: str | None = None
    """City, state, country."""
    type: str | None = None


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A VIN and how sure we are."""

    vin: Annotated[
        str, Limits(pattern=f"^[{ALPHABET}]{{{LENGTH}}}$"), Column("CHAR", LENGTH), Shown("VIN")
    ]
    as_read: str
    """VinOCR's answer, word for word."""
    verdict: Annotated[Verdict, Column("VARCHAR", 16), Shown("verdict")]
    check_digit: Literal["valid", "invalid", "not_required"]
    maker: Annotated[str | None, Column("VARCHAR", 255), Shown("maker")]
    region: str | None
    """World region of the manufacturer (ISO 3780)."""
    model_year: Annotated[int | None, Column("INTEGER"), Shown("year")]
    upload: Upload
    vinocr: VinOCRCall
    attempts: Annotated[int, Limits(ge=1)]
    read_at: dt.datetime
    vin_box: Annotated[Box | None, Column("TEXT")] = None
    """Where the VIN stands in the photo; null where the recognizer does not say it."""
    manufacturer: Annotated[str | None, Column("VARCHAR", 255)] = None
    """As registered; ``maker`` is the brand that a person says."""
    country: Annotated[str | None, Column("VARCHAR", 64)] = None
    """Whose manufacturer it is (ISO 3780), not where the factory stands."""
    vehicle: Annotated[VehicleFacts | None, Column("TEXT")] = None
    """By the maker's registered patterns; null where ``VINDROP_VEHICLE`` is off."""
    confidence: Annotated[Share | None, Column("DOUBLE PRECISION")] = None
    """Estimated probability that the VIN is right; null where the recognizer does not say it."""
    characters: tuple[Character, ...] | None = None
    """How sure the recognizer is of each of the 17; null where it does not say it."""
    alternatives: tuple[Alternative, ...] | None = None
    """Other VINs that the photo may show, the likeliest first; null where it does not say them."""
    recognizers: Annotated[tuple[RecognizerCall, ...], Column("TEXT")] = ()
    """The recognizers that were asked, in order; empty in readings of earlier versions."""
    reviewed: Reviewed | None = None
    """Who gave the VIN, where a person did; null: it is the machine's word."""
    traceparent: str | None = None
    """W3C trace context, where the upload's trigger carried one: an extension of the event."""

    @property
    def id(self) -> str:
        """The upload's identity."""
        return self.upload.id

    @property
    def time(self) -> dt.datetime:
        """When the record was made."""
        return self.read_at


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """An upload that ended without a reading, and why. Enough to redrive; nothing secret."""

    code: Annotated[str, Column("VARCHAR", 128), Shown("code")]
    """VinOCR's error code word for word, or one of ours (``Vindrop.…``)."""
    message: Annotated[str, Column("TEXT"), Shown("reason")]
    disposition: Annotated[Disposition, Column("VARCHAR", 16)]
    request_id: str | None
    """VinOCR's RequestId, where a call was made."""
    attempts: Annotated[int, Limits(ge=0), Column("INTEGER")]
    billed: Annotated[int, Limits(ge=0)]
    """Calls for this upload that the provider bills."""
    first_seen: dt.datetime
    last_seen: dt.datetime
    upload: Upload | None
    """None only where the event was too malformed to name an object."""
    maybe_billed: Annotated[int, Limits(ge=0)] = 0
    """Calls for it whose answer never came or made no sense: the provider may bill them too."""
    event_id: str | None = None
    """Where ``upload`` is None: sha256 of the malformed record, so that it is counted once."""
    redriven: Annotated[int, Limits(ge=0)] = 0
    """How often the upload was a dead letter before, and was redriven."""
    recognizers: tuple[RecognizerCall, ...] = ()
    """The recognizers that were asked, in order, where `VINDROP_RECOGNIZERS` names several."""
    traceparent: str | None = None
    """W3C trace context, where the upload's trigger carried one: an extension of the event."""

    @property
    def id(self) -> str:
        """The upload's identity, or the malformed record's."""
        return self.upload.id if self.upload is not None else self.event_id or ""

    @property
    def time(self) -> dt.datetime:
        """When the record was made."""
        return self.last_seen


End = Reading | DeadLetter
"""What an upload ends as."""
Record: TypeAlias = "Reading | DeadLetter | Review"
TYPES: Final[dict[str, Any]] = {READING: Reading, DEAD_LETTER: DeadLetter}
"""CloudEvents type of an end → its class. (Any: mypy does not take a class for hashable.)"""
EXTENSIONS: Final = frozenset({"traceparent"})
"""Fields that are attributes of the event, not part of its ``data``."""


def reading_of(
    vin: Vin,
    upload: Upload,
    call: VinOCRCall,
    *,
    attempts: int,
    vehicle: VehicleFacts | None = None,
    traceparent: str | None = None,
    **told: Any,
) -> Reading:
    """Return the reading of an upload, made now. Every reading is made here.

    :param told: what the recognizers tell besides: further fields of `Reading`.
    """
    return Reading(
        vin=vin.value,
        as_read=vin.as_read,
        verdict=vin.verdict,
        check_digit=vin.check_digit,
        maker=vin.maker,
        region=vin.region,
        model_year=vin.model_year,
        upload=upload,
        vinocr=call,
        attempts=attempts,
        read_at=dt.datetime.now(dt.timezone.utc),
        manufacturer=vin.manufacturer,
        country=vin.country,
        vehicle=vehicle,
        traceparent=traceparent,
        **told,
    )


def class_of(kind: str) -> type:
    """Return the class of one of `KINDS`."""
    if kind != REVIEW:
        found: type = TYPES[kind]
        return found
    from vindrop.domain.review import Review

    return Review


def is_review(record: Record) -> "TypeGuard[Review]":
    """Whether ``record`` is what a person decided, not an upload's end."""
    return not isinstance(record, Reading | DeadLetter)


def load_meanwhile() -> None:
    """Load pydantic soon, in the background: a first call takes longer to be answered than this.

    Not at once, so that it does not compete with the request that is about to be sent.
    """
    if "vindrop.domain.schemas" not in sys.modules:
        timer = threading.Timer(SENT, importlib.import_module, ["vindrop.domain.schemas"])
        timer.daemon = True
        timer.start()


def type_of(record: Record) -> str:
    """Return the CloudEvents type of ``record``."""
    if isinstance(record, Reading):
        return READING
    return DEAD_LETTER if isinstance(record, DeadLetter) else REVIEW


def cloud_of(record: Record) -> Cloud | None:
    """Return the cloud the upload came from, where it is known."""
    return record.upload.cloud if record.upload is not None else None


def attributes(record: Record) -> dict[str, str]:
    """Return what subscribers filter by: type, cloud, and verdict, code and disposition, or decision."""
    found = {"type": type_of(record)}
    cloud = cloud_of(record)
    if cloud is not None:
        found["cloud"] = cloud
    if isinstance(record, Reading):
        found["verdict"] = record.verdict.value
    elif isinstance(record, DeadLetter):
        found["code"] = record.code
        found["disposition"] = record.disposition.value
    else:
        found["decision"] = record.reason or "vin"
    return found


def row_of(record: Record) -> dict[str, Value | None]:
    """Return what a table holds of ``record``: column → value. The whole event is one of them."""
    return {
        "id": record.id,
        **{
            field.name: field.value(record)
            for field in fields(class_of(type_of(record)))
            if field.column
        },
        "made_at": record.time.astimezone(dt.timezone.utc).isoformat(timespec="microseconds"),
        "event": to_json(record),
    }


def to_data(record: Record) -> dict[str, Any]:
    """Return the fields of ``record``, ready for JSON.

    :raises ValueError: a field does not fit the record's declaration: a defect of whoever made it.
    """
    from vindrop.domain.schemas import adapter

    written = adapter(class_of(type_of(record)))
    data: dict[str, Any] = written.dump_python(record, mode="json", exclude=set(EXTENSIONS))
    written.validate_python(data)  # nothing leaves that a consumer could not read back
    return data


def to_cloudevent(record: Record) -> dict[str, Any]:
    """Return ``record`` as a structured CloudEvents 1.0 event, ready for JSON.

    ``source`` is the bucket, ``subject`` the object key: both percent-encoded where a URI
    reference asks for it, the key in full clear text under ``data.upload.key``.
    """
    upload = record.upload
    source = f"/{upload.cloud}/{upload.region}/{quote(upload.bucket)}" if upload else "/vindrop"
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": record.id,
        "source": source,
        "type": type_of(record),
        "time": record.time.astimezone(dt.timezone.utc).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "data": to_data(record),
    }
    if upload is not None:
        event["subject"] = upload.key
    if record.traceparent is not None:
        event["traceparent"] = record.traceparent
    return event


def to_json(record: Record) -> str:
    """Return the structured event as one line of JSON, halves of surrogate pairs replaced by ``?``."""
    text = json.dumps(to_cloudevent(record), ensure_ascii=False, separators=(",", ":"))
    return text if text.isascii() else text.encode(errors="replace").decode()


def from_cloudevent(event: dict[str, Any]) -> Record:
    """Return the record inside a structured event, of this version or an earlier one.

    :raises ValueError: a type that is not ours, or data that does not fit it.
    """
    from vindrop.domain.schemas import adapter, check, data_of

    kind = event.get("type")
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is not a type of vindrop's: expected one of {', '.join(KINDS)}")
    record: Record = adapter(class_of(kind)).validate_python(data_of(event))
    check(record)
    return record


def from_json(text: str | bytes) -> Record:
    """Return the record inside one line of JSON, as `to_json` wrote it."""
    return from_cloudevent(json.loads(text))


def end_from_cloudevent(event: dict[str, Any]) -> End:
    """Return the reading or dead letter inside a structured event.

    :raises ValueError: as `from_cloudevent`; or it is a review, which is no upload's end.
    """
    record = from_cloudevent(event)
    if isinstance(record, Reading | DeadLetter):
        return record
    raise ValueError("a review where a reading or a dead letter should be")


def end_from_json(text: str | bytes) -> End:
    """Return the reading or dead letter inside one line of JSON; see `end_from_cloudevent`."""
    return end_from_cloudevent(json.loads(text))
