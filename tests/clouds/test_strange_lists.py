"""What a compatible store may write into a bucket's list, and a server into its Date."""

from __future__ import annotations

import datetime as dt
import itertools
import os
import time
from collections.abc import Iterator

import pytest

from tests.clouds.bucket import PLACES, FakeBucket
from vindrop.clouds import listing
from vindrop.domain import error_codes
from vindrop.domain.failures import FailureError
from vindrop.domain.upload import Upload
from vindrop.stores import dynamodb

MOMENT = dt.datetime(2026, 11, 26, 15, 44, 35, tzinfo=dt.timezone.utc)
GOOD = {"Key": "a.jpg", "ETag": '"0a"', "Size": "7", "LastModified": "2026-11-26T15:44:35.000Z"}


@pytest.fixture(params=PLACES)
def bucket(request: pytest.FixtureRequest) -> Iterator[FakeBucket]:
    with FakeBucket(request.param) as found:
        yield found


def listed(bucket: FakeBucket, changes: dict[str, str | None], head: str = "") -> list[Upload]:
    fields = {name: text for name, text in {**GOOD, **changes}.items() if text is not None}
    entry = "".join(f"<{name}>{text}</{name}>" for name, text in fields.items())
    page = f"{head}<ListBucketResult><Contents>{entry}</Contents></ListBucketResult>"
    bucket.refuses = (200, page.encode(), {})
    store = bucket.store()
    return [each for found in listing.pages(store, *PLACES[bucket.cloud], "") for each in found]


@pytest.mark.parametrize("digits", ["", ".0", ".12", ".123", ".123456", ".123456789"])
@pytest.mark.parametrize("zone", ["Z", ""])
def test_any_number_of_digits_behind_the_seconds(
    bucket: FakeBucket, digits: str, zone: str
) -> None:
    (upload,) = listed(bucket, {"LastModified": f"2026-11-26T15:44:35{digits}{zone}"})
    assert upload.uploaded_at == MOMENT


@pytest.mark.parametrize(
    "changes",
    [
        {"Size": "seven"},
        {"Size": "-1"},
        {"Size": "9" * 5000},
        {"LastModified": "yesterday"},
        {"LastModified": "99999-01-01T00:00:00Z"},
        {"LastModified": None},
        {"Key": None},
    ],
)
def test_an_entry_without_sense_is_a_failure_that_says_so(
    bucket: FakeBucket, changes: dict[str, str | None]
) -> None:
    with pytest.raises(FailureError) as caught:
        listed(bucket, changes)
    assert caught.value.failure.code == error_codes.STORAGE_UNAVAILABLE
    assert "makes no sense" in str(caught.value) or "make no sense" in str(caught.value)


def test_a_list_that_would_unfold_is_none(
    bucket: FakeBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A billion laughs in a few lines of XML."""
    monkeypatch.setattr(listing, "FIRST_WAIT", 0.0)
    names = "abcdefghij"
    entities = '<!ENTITY a "lol">' + "".join(
        f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in itertools.pairwise(names)
    )
    with pytest.raises(FailureError):
        listed(bucket, {"Key": "&j;"}, head=f"<!DOCTYPE x [{entities}]>")


DATES = {
    "Thu, 26 Nov 2026 15:44:35 GMT": True,
    "Thursday, 26-Nov-26 15:44:35 GMT": True,
    "Thu Nov 26 15:44:35 2026": True,
    "Thu, 26 Nov 2026 16:44:35 +0100": True,
    "nonsense": False,
    "Thu, 26 Nov 99999 15:44:35 GMT": False,
    "Thu, 26 Nov 2026 15:44:35 +99999999999999": False,
    "": False,
}


@pytest.mark.parametrize("told", DATES)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai"])
def test_a_date_is_utc_in_each_of_its_forms_and_nonsense_is_none(
    told: str, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "TZ", zone)
    time.tzset()
    try:
        wanted = MOMENT.timestamp() if DATES[told] else None
        assert dynamodb._moment(told) == wanted
        found = listing._moment(told)
        assert (found and found.timestamp()) == wanted
    finally:
        monkeypatch.undo()
        time.tzset()
