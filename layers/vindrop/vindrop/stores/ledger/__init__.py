"""URL → the ledger that it names: one file per kind of store."""

from __future__ import annotations

import os
from collections.abc import Mapping

from vindrop.core.ledger import Ledger
from vindrop.core.store_errors import StoreSettingError, naming
from vindrop.core.store_url import scheme_of
from vindrop.stores.sql import is_sql, open_database


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
        if is_sql(url):
            from vindrop.stores.ledger.sql import SQLLedger

            return SQLLedger(open_database(url), account)
        if scheme_of(url) == "dynamodb":
            from vindrop.stores.dynamodb import open_dynamodb
            from vindrop.stores.ledger.dynamodb import DynamoDBLedger

            return DynamoDBLedger(
                open_dynamodb(url, os.environ if environment is None else environment), account
            )
        raise StoreSettingError(
            "it takes a URL that begins with sqlite:///, postgresql://, mysql:// or dynamodb://, or none"
        )
