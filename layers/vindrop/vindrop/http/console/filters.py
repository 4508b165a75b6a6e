"""What lists are narrowed by: the fields of a search form and of the API's queries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Final

from vindrop.core.console import Filter
from vindrop.domain.vin import Verdict
from vindrop.http.problems import ProblemError

NAMES: Final = (
    *("vin", "photo", "bucket", "reference", "since", "until", "verdict", "code", "maker"),
    "state",
)
VERDICTS: Final = tuple(each.value for each in Verdict)
STATES: Final = ("waiting", "ended", "claimed", "parked", "answered", "failed", "delivered", "dead")
_LONGEST: Final = 200


def given(query: Mapping[str, str]) -> dict[str, str]:
    """Return the fields of a search that are filled in."""
    return {name: text for name in NAMES if (text := query.get(name, "").strip())}


def of(fields: Mapping[str, str]) -> Filter:
    """Return the filter that a search asks for.

    :raises ProblemError: a field holds what no search can have; it says which.
    """
    for name, text in fields.items():
        if len(text) > _LONGEST:
            raise ProblemError("bad-request", f"{name}: takes at most {_LONGEST} characters")
    for name, known in (("verdict", VERDICTS), ("state", STATES)):
        if name in fields and fields[name] not in known:
            raise ProblemError("bad-request", f"{name}: takes one of {', '.join(known)}")
    try:
        return Filter(
            vin="".join(fields.get("vin", "").split()),
            photo=fields.get("photo", ""),
            bucket=fields.get("bucket", ""),
            reference=fields.get("reference", ""),
            since=_day("since", fields),
            until=_day("until", fields, days=1),
            verdict=fields.get("verdict", ""),
            code=fields.get("code", ""),
            maker=fields.get("maker", ""),
            state=fields.get("state", ""),  # type: ignore[arg-type]  # checked above
        )
    except ValueError as error:
        raise ProblemError("bad-request", str(error)) from None


def _day(name: str, fields: Mapping[str, str], days: int = 0) -> dt.datetime | None:
    """Return where a day begins (UTC); ``until`` a day means its end."""
    if name not in fields:
        return None
    try:
        day = dt.date.fromisoformat(fields[name])
        return dt.datetime.combine(day, dt.time(), dt.timezone.utc) + dt.timedelta(days=days)
    except (ValueError, OverflowError):
        raise ProblemError("bad-request", f"{name}: takes a day, such as 2026-11-26") from None
