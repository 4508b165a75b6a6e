"""Uploads and records for the stores' tests, and the stores themselves."""

from __future__ import annotations

import datetime as dt

from vindrop.domain.failures import Disposition
from vindrop.domain.records import DeadLetter, Reading, VinOCRCall
from vindrop.domain.review import Before, Review
from vindrop.domain.upload import Upload
from vindrop.domain.vin import Verdict

WHEN = dt.datetime(2026, 11, 22, 10, 0, tzinfo=dt.timezone.utc)


def an_upload(key: str = "vin/a.jpg", version: str = "v1") -> Upload:
    return Upload(
        cloud="tencent",
        bucket="photos-1250000000",
        region="ap-guangzhou",
        key=key,
        version=version,
        size=1029,
        uploaded_at=WHEN,
    )


def a_reading(upload: Upload | None = None, vin: str = "LSGPC52H9GF125161") -> Reading:
    return Reading(
        vin=vin,
        as_read=vin,
        verdict=Verdict.VERIFIED,
        check_digit="valid",
        maker="SAIC General Motors",
        region="Asia",
        model_year=2016,
        upload=upload or an_upload(),
        vinocr=VinOCRCall(
            request_id="r-1", endpoint="ocr.tencentcloudapi.com", seconds=0.4, billed=1
        ),
        attempts=1,
        read_at=WHEN,
    )


def a_review(upload: Upload | None = None, vin: str = "LSGPC52H9GF125161") -> Review:
    return Review(
        upload=upload or an_upload(),
        vin=vin,
        reason=None,
        reviewer="ann",
        decided_at=WHEN,
        seconds=3.5,
        sequence=1,
        before=Before(vin=vin, verdict="doubtful"),
        check_digit="valid",
        maker="SAIC General Motors",
        model_year=2016,
    )


def a_dead_letter(
    upload: Upload | None = None, code: str = "FailedOperation.OcrFailed"
) -> DeadLetter:
    return DeadLetter(
        code=code,
        message="OCR failed",
        disposition=Disposition.DEAD_LETTER,
        request_id="r-2",
        attempts=1,
        billed=0,
        first_seen=WHEN,
        last_seen=WHEN,
        upload=upload or an_upload(),
    )
