"""Ledger, rate limiter, destinations: reachable, and their tables there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final

from vindrop.core.ledger import Ledger
from vindrop.core.review import ReviewStore
from vindrop.core.store_errors import StoreError, StoreSettingError
from vindrop.core.store_url import shown
from vindrop.destinations import open_destination, sql
from vindrop.domain.redaction import redact
from vindrop.settings import Settings
from vindrop.stores import open_ledger, open_rate_limiter
from vindrop.stores import sql as databases
from vindrop_local.doctor import looking
from vindrop_local.doctor.finding import Finding, ok, unsure, wrong

_MOST: Final = 50
"""Uploads that are due, as far as they are counted."""


def examine(
    settings: Settings, environment: Mapping[str, str], left_out: str = ""
) -> Iterator[Finding]:
    """Yield what is found of every store.

    :param left_out: a URL that stands for one that is not known.
    """
    if settings.ledger not in {"none", left_out}:
        yield from _guarded("ledger", lambda: _ledger(settings, environment))
    if settings.rate_limiter_url != left_out:
        yield from _guarded("rate limiter", lambda: _rate_limiter(settings, environment))
    for kind, urls in (("results", settings.results), ("dead letters", settings.dead_letters)):
        for url in urls:
            if url == left_out:
                continue
            what = f"{kind} in {redact(shown(url))}"
            yield from _guarded(what, partial(_destination, url, what, environment))


def _guarded(what: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except looking.MissingError as error:
        yield ok(what, str(error))
    except (StoreError, StoreSettingError) as error:
        yield wrong(what, str(error))


def _tables(what: str, found: looking.Looking) -> Finding | None:
    """Say which tables are missing; None where all are there."""
    if not found.missing:
        return None
    return unsure(
        what,
        f"reached, and {', '.join(found.missing)} (or columns of it) are not there yet: the first start "
        f"makes them where its user may, else run what `vindrop schema {found.dialect.name}` prints",
    )


def _ledger(settings: Settings, environment: Mapping[str, str]) -> Iterator[Finding]:
    ledger: Ledger
    reviews: ReviewStore | None = None
    if databases.is_sql(settings.ledger):
        from vindrop.stores.ledger.sql import SQLLedger
        from vindrop.stores.ledger.sql_reviews import SQLReviews

        found = looking.database(settings.ledger)
        ledger = SQLLedger(looking.as_database(found), settings.account)
        if missing := _tables("ledger", found):
            yield missing
            return
        reviews = SQLReviews(looking.as_database(found))
        if found.missing:  # of a ledger that had no console yet
            reviews = None
    elif settings.ledger.startswith("dynamodb:"):
        from vindrop.stores.ledger.dynamodb import DynamoDBLedger
        from vindrop.stores.ledger.dynamodb_reviews import DynamoDBReviews

        tables = looking.LookingDynamoDB(settings.ledger, environment)
        tables.get("console", "no such id")
        ledger = DynamoDBLedger(tables, settings.account)
        reviews = DynamoDBReviews(tables, ledger.listing)
    else:
        ledger = open_ledger(settings.ledger, account=settings.account)  # none other: it says so
    yield ok("ledger", _waiting(ledger, reviews))
    for account in _accounts(settings):
        if ledger.for_account(account).circuit(None) is None:
            continue
        yield wrong(
            "account" if account == settings.account else f"account {account}",
            "VinOCR has refused it, so the circuit breaker is open and no calls are made: see "
            "`circuit_opened` in the log; once that is mended, the next probe closes it",
        )


def _waiting(ledger: Ledger, reviews: ReviewStore | None) -> str:
    """Return what has not ended: also what is retried later, or worked on now."""
    uploads = sum(each.uploads for each in ledger.backlog().values())
    decisions = reviews.undelivered() if reviews is not None else 0
    if not uploads and not decisions:
        return "answers; nothing waits"
    due = len(ledger.retryable(_MOST))
    some = f"{_MOST} or more" if due == _MOST else str(due)
    return (
        f"answers; uploads that wait: {uploads} (due at the next sweep: {some}), decisions of people: "
        f"{decisions}; each is tried again by itself: `vindrop uploads --state waiting`"
    )


def _accounts(settings: Settings) -> list[str]:
    """Return the names under which circuits are kept: of the account, or of each recognizer."""
    if not settings.recognizers:
        return [settings.account]
    from vindrop.domain import engines
    from vindrop.recognizers.engines import settings_of

    return [settings_of(each, settings).account for each in engines.parse(settings.recognizers)]


def _rate_limiter(settings: Settings, environment: Mapping[str, str]) -> Iterator[Finding]:
    url = settings.rate_limiter_url
    if url == "memory":
        yield wrong(
            "rate limiter",
            "VINDROP_RATE_LIMITER is memory: each instance takes the whole rate for itself; name a store",
        )
        return
    if databases.is_sql(url):
        found = looking.database(url)
        wait = _wait_in_sql(found, settings.account)
        if missing := _tables("rate limiter", found):
            yield missing
            return
    elif url.startswith("dynamodb:"):
        tables = looking.LookingDynamoDB(url, environment)
        item = tables.get("uploads", f"quota/{settings.account}")
        wait = float(item["next_us"]) / 1e6 - tables.now() if item else 0.0
    else:
        wait = _wait_in_redis(url, settings.account)
    if wait > 10.0:
        yield unsure("rate limiter", f"the next permit is {wait:.0f} s away: there is a backlog")
    else:
        yield ok(
            "rate limiter",
            f"1 call per second; the next is free in {max(wait, 0.0):.1f} s"
            if settings.rate == 1
            else f"{settings.rate:g} calls per second; the next is free in {max(wait, 0.0):.1f} s",
        )


def _wait_in_sql(found: looking.Looking, account: str) -> float:
    """Return the seconds until the next permit."""
    from vindrop.stores.rate_limiter.sql import TABLE

    found.ensure(TABLE)
    if found.missing:
        return 0.0
    rows = found.execute(
        f"SELECT next_us - {found.dialect.now_us} FROM {TABLE} WHERE id = :id",  # noqa: S608  # our names
        id=account,
    ).rows
    return float(rows[0][0]) / 1e6 if rows else 0.0


def _wait_in_redis(url: str, account: str) -> float:
    """Return the seconds until the next permit."""
    from vindrop.core.store_url import TIMEOUT, parse
    from vindrop.stores.redis import Scripts

    if not url.startswith(("redis:", "rediss:")):
        open_rate_limiter(url, account=account, rate=1.0)  # raises: there is no such store
    script = (
        "local time = redis.call('TIME') "
        "local tat = tonumber(redis.call('HGET', KEYS[1], 'next_us') or 0) "
        "return string.format('%.0f', tat - time[1] * 1000000 - time[2])"
    )
    found = Scripts(url, parse(url, (TIMEOUT,))).run(script, [f"vindrop:quota:{account}"])
    return float(found) / 1e6


def _destination(url: str, what: str, environment: Mapping[str, str]) -> Iterator[Finding]:
    if databases.is_sql(url):
        found = looking.database(url)
        sql.SQLDestination(looking.as_database(found))
        yield _tables(what, found) or ok(what, "answers, and its tables are there")
    elif url.startswith("dynamodb:"):
        tables = looking.LookingDynamoDB(url, environment)
        for table in ("readings", "dead_letters"):
            tables.get(table, "no such id")
        yield ok(what, "answers, and its tables are there")
    else:
        open_destination(url, environment)
        yield unsure(
            what, "its client is set up; whether it takes a message is seen at the first record"
        )
