"""Ledger, rate limiter, destinations: reachable, and their tables there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from vindrop.core.rate_limiter import Permit
from vindrop.core.store_errors import StoreError, StoreSettingError
from vindrop.core.store_url import shown
from vindrop.destinations import open_destination, sql
from vindrop.domain.redaction import redact
from vindrop.settings import Settings
from vindrop.stores import open_ledger, open_rate_limiter
from vindrop.stores.dynamodb import open_dynamodb
from vindrop_local.doctor.finding import Finding, ok, unsure, wrong


def examine(settings: Settings, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what is found of every store."""
    if settings.ledger != "none":
        yield from _guarded("ledger", lambda: _ledger(settings, environment))
    yield from _guarded("rate limiter", lambda: _rate_limiter(settings, environment))
    for kind, urls in (("results", settings.results), ("dead letters", settings.dead_letters)):
        for url in urls:
            what = f"{kind} in {redact(shown(url))}"
            yield from _guarded(what, partial(_destination, url, what, environment))


def _guarded(what: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except (StoreError, StoreSettingError) as error:
        yield wrong(what, str(error))


def _ledger(settings: Settings, environment: Mapping[str, str]) -> Iterator[Finding]:
    ledger = open_ledger(settings.ledger, account=settings.account, environment=environment)
    waiting = ledger.retryable(50)
    some = "50 or more" if len(waiting) == 50 else str(len(waiting))
    yield ok("ledger", f"answers; {some} uploads are due at the next sweep")
    if ledger.circuit(None) is not None:
        yield wrong(
            "account",
            "VinOCR has refused it, so the circuit breaker is open and no calls are made: see "
            "`circuit_opened` in the log; once that is mended, the next probe closes it",
        )


def _rate_limiter(settings: Settings, environment: Mapping[str, str]) -> Iterator[Finding]:
    limiter = open_rate_limiter(
        settings.rate_limiter_url,
        account=settings.account,
        rate=settings.rate,
        burst=settings.burst,
        environment=environment,
    )
    found = limiter.reserve(60.0)
    if not isinstance(found, Permit):
        yield wrong(
            "rate limiter", "every permit of the next minute is taken: more arrives than is read"
        )
    elif settings.rate_limiter_url == "memory":
        yield wrong(
            "rate limiter",
            "VINDROP_RATE_LIMITER is memory: each instance takes the whole rate for itself; name a store",
        )
    elif found.wait > 10.0:
        yield unsure(
            "rate limiter", f"the next permit is {found.wait:.0f} s away: there is a backlog"
        )
    else:
        yield ok(
            "rate limiter",
            f"{settings.rate:g} calls per second; the next is free in {found.wait:.1f} s",
        )


def _destination(url: str, what: str, environment: Mapping[str, str]) -> Iterator[Finding]:
    destination = open_destination(url, environment)
    if isinstance(destination, sql.SQLDestination):
        for table in (sql.READINGS, sql.DEAD_LETTERS):
            destination.database.execute(f"SELECT 1 FROM {table} WHERE 1 = 0")  # noqa: S608  # our names
    elif url.startswith("dynamodb:"):
        tables = open_dynamodb(url, environment)
        for table in ("readings", "dead_letters"):
            tables.get(table, "no such id")
    else:
        yield unsure(
            what, "its client is set up; whether it takes a message is seen at the first record"
        )
        return
    yield ok(what, "answers, and its tables are there")
