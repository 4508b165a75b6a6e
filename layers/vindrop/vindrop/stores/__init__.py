"""URL → the ledger or the rate limiter that it names: one file per kind of store, imported when asked for."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypeVar, cast

from vindrop.core.ledger import Ledger
from vindrop.core.rate_limiter import MARGIN, Permit, Rate, RateLimited, RateLimiter
from vindrop.core.store_errors import StoreError, StoreSettingError, naming, scheme_of
from vindrop.telemetry import log

if TYPE_CHECKING:
    from vindrop.core.review import StoredConsole
    from vindrop.stores.rate_limiter.gcra import Rule

Stored = TypeVar("Stored")
_REPLACEMENT: Final = "\ufffd"
LOCAL_SHARE: Final = 0.1
"""Part of the rate that an instance takes on its own while the store is away: the concurrency is
set for ten instances (rate times the second that a call takes)."""


def open_ledger(url: str, *, account: str, environment: Mapping[str, str] | None = None) -> Ledger:
    """Return the ledger that ``url`` names.

    :param account: the name under which instances share the circuit breaker of one VinOCR account.
    :param environment: where a cloud's keys are read, at every call; the process's by default.
    :raises StoreSettingError: no ledger of that kind.
    """
    if url == "none":
        from vindrop.stores.ledger.none import NoLedger

        return NoLedger()
    with naming("VINDROP_LEDGER"):
        return _ledger(url, account, os.environ if environment is None else environment)


def _ledger(url: str, account: str, environment: Mapping[str, str]) -> Ledger:
    from vindrop.stores.sql import is_sql, open_database

    if is_sql(url):
        from vindrop.stores.ledger.sql import SQLLedger

        return SQLLedger(open_database(url), account)
    if scheme_of(url) == "dynamodb":
        from vindrop.stores.dynamodb import open_dynamodb
        from vindrop.stores.ledger.dynamodb import DynamoDBLedger

        return DynamoDBLedger(open_dynamodb(url, environment), account)
    raise StoreSettingError(
        "it takes a URL that begins with sqlite:///, postgresql://, mysql:// or dynamodb://, or none"
    )


def open_console(ledger: Ledger, rate_limiter: RateLimiter | None, price: float) -> StoredConsole:
    """Return the console of what an opened ledger keeps.

    :param price: of a billed call; 0: not known.
    :raises ConsoleUnavailableError: the ledger keeps nothing.
    """
    from vindrop.core.console import ConsoleUnavailableError

    if not ledger.durable:
        raise ConsoleUnavailableError(
            "the console needs a ledger, where uploads and decisions are kept: set VINDROP_LEDGER to a "
            "database, such as sqlite:///vindrop.db, postgresql://…, mysql://… or dynamodb://…"
        )
    if ledger.database is not None:
        from vindrop.stores.ledger.sql import SQLLedger
        from vindrop.stores.ledger.sql_console import SQLConsole

        return SQLConsole(cast("SQLLedger", ledger), rate_limiter, price)
    from vindrop.stores.ledger.dynamodb import DynamoDBLedger
    from vindrop.stores.ledger.dynamodb_console import DynamoDBConsole

    return DynamoDBConsole(cast("DynamoDBLedger", ledger), rate_limiter, price)


def open_rate_limiter(
    url: str,
    *,
    account: str,
    rate: float,
    burst: int = 1,
    environment: Mapping[str, str] | None = None,
) -> RateLimiter:
    """Return the rate limiter that ``url`` names.

    :param account: the name under which instances share the rate of one VinOCR account.
    :param rate: calls per second that the provider allows.
    :param burst: permits that may start at once after an idle time.
    :param environment: where a cloud's keys are read, at every call; the process's by default.
    :raises StoreSettingError: no rate limiter of that kind.
    """
    from vindrop.stores.rate_limiter.gcra import Rule

    rule, paced = Rule.with_margin(rate, burst), rate / (1 + MARGIN)
    if url == "memory":
        from vindrop.stores.rate_limiter.local import LocalRateLimiter

        return LocalRateLimiter(paced, burst)
    with naming("VINDROP_RATE_LIMITER"):
        given = os.environ if environment is None else environment
        return Fallback(_shared(url, account, rule, given), paced)


def _shared(url: str, account: str, rule: Rule, environment: Mapping[str, str]) -> RateLimiter:
    from vindrop.stores.sql import is_sql, open_database

    if is_sql(url):
        from vindrop.stores.rate_limiter.sql import SQLRateLimiter

        return SQLRateLimiter(open_database(url), account, rule)
    scheme = scheme_of(url)
    if scheme in {"redis", "rediss"}:
        from vindrop.stores.rate_limiter.redis import RedisRateLimiter

        return RedisRateLimiter(url, account, rule)
    if scheme == "dynamodb":
        from vindrop.stores.dynamodb import open_dynamodb
        from vindrop.stores.rate_limiter.dynamodb import DynamoDBRateLimiter

        return DynamoDBRateLimiter(open_dynamodb(url, environment), account, rule)
    raise StoreSettingError(
        "it takes a URL that begins with sqlite:///, postgresql://, mysql://, dynamodb://, redis:// or "
        "rediss://, or memory"
    )


def storable(value: Stored) -> Stored:
    """Return a text without NUL and halves of surrogate pairs, each replaced by U+FFFD.

    PostgreSQL holds no NUL, and no database a half of a pair. Any other value is returned as it is.
    """
    if not isinstance(value, str):
        return value
    text: str = value
    if "\0" in text:
        text = text.replace("\0", _REPLACEMENT)
    if not text.isascii():
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text  # type: ignore[return-value]  # a str for a str


class Fallback:
    """A shared rate limiter that falls back to a local share of the rate, never to no limit.

    The local share has no burst: all instances would take theirs at the same moment.
    """

    def __init__(self, shared: RateLimiter, rate: float) -> None:
        self._shared = shared
        self._rate = rate * LOCAL_SHARE

    @functools.cached_property
    def _local(self) -> RateLimiter:
        from vindrop.stores.rate_limiter.local import LocalRateLimiter

        return LocalRateLimiter(self._rate)

    def reserve(self, max_wait: float) -> Permit | RateLimited:
        """Reserve a shared permit, or a local one while the store is away."""
        try:
            return self._shared.reserve(max_wait)
        except StoreError as error:
            log("rate_limiter_store_away", level="warning", reason=str(error))
            return self._local.reserve(max_wait)

    def refused(self, limit: float | None) -> None:
        """Report the refusal to both."""
        self._local.refused(limit)
        try:
            self._shared.refused(limit)
        except StoreError as error:
            log("rate_limiter_store_away", level="warning", reason=str(error))

    def now(self) -> Rate:
        """Return what the shared one allows now."""
        return self._shared.now()
