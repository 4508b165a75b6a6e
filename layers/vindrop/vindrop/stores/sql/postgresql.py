"""PostgreSQL (TencentDB for PostgreSQL, Aurora, any other), through psycopg 3."""

from __future__ import annotations

from typing import Any, Final

from vindrop.core.store_errors import load_client
from vindrop.stores.sql import Dialect
from vindrop.stores.sql.server import ServerDatabase

CONNECT_SECONDS: Final = 5

DIALECT: Final = Dialect(
    name="postgresql",
    now="extract(epoch from clock_timestamp())::float8",
    now_us="(extract(epoch from clock_timestamp()) * 1000000)::bigint",
    on_conflict_ignore="ON CONFLICT DO NOTHING",
    greatest="GREATEST",
    returning=True,
    long_text="TEXT",
)


class PostgreSQL(ServerDatabase):
    """A database that ``postgresql://user:password@host:port/name?sslmode=…`` names."""

    dialect = DIALECT
    product = "PostgreSQL"
    columns = (
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(:name) "
        "AND attnum > 0 AND NOT attisdropped"
    )

    def __init__(self, url: str) -> None:
        super().__init__(url, load_client("psycopg", "postgresql://…"))

    def _connect(self) -> Any:
        return self._client.connect(self.url, autocommit=True, connect_timeout=CONNECT_SECONDS)

    def _is_lost(self, connection: Any, error: Exception) -> bool:
        dead = bool(connection.closed or connection.broken)
        return dead and isinstance(error, self._client.OperationalError)
