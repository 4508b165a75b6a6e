"""PostgreSQL (TencentDB for PostgreSQL, Aurora, any other), through psycopg 3.

It works behind a pooler that gives each transaction another session (PgBouncer, RDS Proxy):
nothing is prepared, and no statement leaves anything in the session. Limits that the server keeps
are therefore set inside each transaction. A statement outside one holds no lock when it has ended;
the client limits how long it waits for that, and asks the server to cancel what it gave up.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator
from typing import Any, Final, TypeVar

from vindrop.core.store_errors import StoreSettingError, load_client
from vindrop.core.store_url import TIMEOUT, parse, unreadable, without
from vindrop.stores.sql import Dialect
from vindrop.stores.sql.server import Fate, ServerDatabase

CONNECT_SECONDS: Final = 3
CANCEL_SECONDS: Final = 1.0

DIALECT: Final = Dialect(
    name="postgresql",
    now="extract(epoch from clock_timestamp())::float8",
    now_us="(extract(epoch from clock_timestamp()) * 1000000)::bigint",
    on_conflict_ignore="ON CONFLICT DO NOTHING",
    greatest="GREATEST",
    returning=True,
    long_text="TEXT",
    bytewise=' COLLATE "C"',
    skip_locked=" FOR UPDATE SKIP LOCKED",
)

_LOST: Final = frozenset({"25006", "25P03", "57P01", "57P02", "57P03", "57P05"})
"""SQLSTATE of a server that takes no writes, shuts down, starts up or has ended the session."""
_LOCKED: Final = "55P03"
_Result = TypeVar("_Result")


class PostgreSQL(ServerDatabase):
    """A database that ``postgresql://user:password@host:port/name?sslmode=…`` names.

    Options are libpq's, and ``timeout_seconds``.
    """

    dialect = DIALECT
    product = "PostgreSQL"
    columns = (
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(:name) "
        "AND attnum > 0 AND NOT attisdropped"
    )

    def __init__(self, url: str) -> None:
        where = parse(url, None)
        self._seconds = where.timeout
        super().__init__(url, where, load_client("psycopg", "postgresql://…"))
        milliseconds = round(self._seconds * 1000)
        self.begin = (
            "START TRANSACTION; "
            f"SET LOCAL statement_timeout = {milliseconds}; "
            f"SET LOCAL lock_timeout = {max(milliseconds // 2, 1)}; "
            f"SET LOCAL idle_in_transaction_session_timeout = {milliseconds}"
        )
        load_client("psycopg.conninfo", "postgresql://…")
        try:
            given = self._client.conninfo.conninfo_to_dict(without(url, TIMEOUT))
        except self._client.Error:
            raise StoreSettingError(
                f"{where.scheme}://{where.hosts}/… has an option that PostgreSQL's client does not "
                f"take, or one that is written wrong: it takes libpq's and {TIMEOUT}"
            ) from None
        except ValueError:  # a % that was not encoded begins what is no UTF-8
            raise unreadable(where.scheme) from None
        self._arguments: dict[str, Any] = {
            "connect_timeout": min(CONNECT_SECONDS, max(round(self._seconds), 2)),
            "keepalives_idle": 10,
            "keepalives_interval": 3,
            "keepalives_count": 3,
            # Shorter than our own: a lost route is then noticed in time to try a new connection.
            "tcp_user_timeout": milliseconds // 2,
            **given,
        }
        self._connection_class = _bounded(self._client, self._seconds)

    def _connect(self) -> Any:
        # Prepared statements live in one session of the server: behind a pooler another client's.
        return self._connection_class.connect(
            **self._arguments, autocommit=True, prepare_threshold=None
        )

    def _connect_patiently(self) -> Any:
        return self._client.connect(**self._arguments, autocommit=True, prepare_threshold=None)

    def _fate(self, connection: Any, error: Exception) -> Fate:
        if getattr(error, "silent", False):
            return Fate.SILENT
        state = getattr(error, "sqlstate", None) or ""
        if state in _LOST or state.startswith("08"):
            return Fate.LOST
        dead = bool(connection.closed or connection.broken)
        if dead and isinstance(error, self._client.OperationalError | OSError):
            return Fate.LOST
        return Fate.LOCKED if state == _LOCKED else Fate.KEPT

    def _abandon(self, connection: Any) -> None:
        capabilities = getattr(self._client, "capabilities", None)
        if capabilities is not None and capabilities.has_cancel_safe():
            with contextlib.suppress(self._client.Error, OSError):
                connection.cancel_safe(timeout=CANCEL_SECONDS)


def _bounded(client: Any, seconds: float) -> Any:
    """Return psycopg's connection, each wait of which ends after ``seconds``."""

    class SilentError(client.OperationalError):  # type: ignore[misc]  # typed as Any
        silent = True

    def until(deadline: float, steps: Generator[Any, Any, _Result]) -> Generator[Any, Any, _Result]:
        try:
            state = next(steps)
            while True:
                ready = yield state
                if not ready and time.monotonic() > deadline:
                    raise SilentError(f"no answer in {seconds:g} s")
                state = steps.send(ready)
        except StopIteration as end:
            result: _Result = end.value
            return result

    class Connection(client.Connection):  # type: ignore[misc]  # typed as Any
        def wait(self, steps: Generator[Any, Any, _Result], *args: Any, **options: Any) -> _Result:
            found: _Result = super().wait(
                until(time.monotonic() + seconds, steps), *args, **options
            )
            return found

    return Connection
