"""A ledger and a bucket with uploads that have ended, as a pipeline leaves them; without any reading."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from vindrop.core.ledger import Claim, Ledger
from vindrop.destinations import open_destination
from vindrop.domain.failures import Disposition
from vindrop.domain.records import DeadLetter, End, Reading, VinOCRCall, reading_of
from vindrop.domain.upload import Upload
from vindrop.domain.vin import check_digit, parse
from vindrop.stores import open_ledger

BUCKET, REGION = "photos-1250000000", "ap-guangzhou"
WIDTH, HEIGHT = 640, 160
BOX = ((0.03, 0.3), (0.97, 0.3), (0.97, 0.7), (0.03, 0.7))


@dataclass(frozen=True)
class Photo:
    """A photo in the bucket, what is on it, and what the machine made of it."""

    name: str
    vin: str
    record: End


def some_vin(number: int) -> str:
    """A Chinese VIN whose check digit holds, different for each number."""
    body = f"LSGHD52H0EF{number:06}"
    return body[:8] + check_digit(body) + body[9:]


def draw(text: str) -> bytes:
    image = Image.new("L", (WIDTH, HEIGHT), 205)
    ImageDraw.Draw(image).text((26, 56), text, fill=25, font=ImageFont.load_default(46))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=70)
    return out.getvalue()


def upload_of(name: str, *, cloud: str = "tencent") -> Upload:
    return Upload(
        cloud=cloud,  # type: ignore[arg-type]
        bucket=BUCKET,
        region=REGION,
        key=name,
        version=f"version of {name}",
        size=1000,
        uploaded_at=dt.datetime(2026, 11, 20, 8, tzinfo=dt.timezone.utc),
    )


def doubtful(name: str, vin: str, misread: str | None = None) -> Reading:
    """A reading with one wrong character and a wrong check digit, as a worn plate gives it."""
    read = misread or vin[:16] + ("8" if vin[16] != "8" else "3")
    call = VinOCRCall(request_id="r-1", endpoint="vinocr.example", seconds=0.8, billed=1)
    return reading_of(parse(read), upload_of(name), call, attempts=1, vin_box=BOX)


def unread(name: str, code: str = "FailedOperation.OcrFailed") -> DeadLetter:
    now = dt.datetime.now(dt.timezone.utc)
    return DeadLetter(
        code=code,
        message="OCR failed: no VIN was found in the image",
        disposition=Disposition.DEAD_LETTER,
        request_id="r-2",
        attempts=1,
        billed=0,
        first_seen=now,
        last_seen=now,
        upload=upload_of(name),
    )


def photos(count: int) -> Iterator[Photo]:
    """Yield photos: every third a dead letter, the others doubtful."""
    for number in range(count):
        name, vin = f"lot/{number:04}.jpg", some_vin(number)
        record: End = unread(name) if number % 3 == 0 else doubtful(name, vin)
        yield Photo(name, vin, record)


def end(ledger: Ledger, record: End, url: str) -> None:
    """Let an upload end as ``record`` says, delivered to the database at ``url``."""
    upload = record.upload
    assert upload is not None
    claim = ledger.claim(upload, 60)
    assert isinstance(claim, Claim)
    kept = ledger.keep(upload.id, claim, record, attempts=1, billed=1, lease=60)
    assert kept is not None
    open_destination(url).put(record)
    assert ledger.delivered(upload.id, record, kept)


def fill(url: str, folder: Path, wanted: list[Photo]) -> None:
    """Put ``wanted`` into the ledger at ``url`` and their pictures into the bucket's folder."""
    ledger = open_ledger(url, account="vinocr")
    for photo in wanted:
        path = folder / photo.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(draw(photo.vin))
        end(ledger, photo.record, url)
