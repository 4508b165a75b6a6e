"""MySQL and MariaDB (TencentDB for MySQL, Aurora, any other), through PyMySQL."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from vindrop.core.store_errors import StoreSettingError, load_client
from vindrop.stores.sql import Dialect
from vindrop.stores.sql.server import ServerDatabase

CONNECT_SECONDS: Final = 5
STATEMENT_SECONDS: Final = 30

DIALECT: Final = Dialect(
    name="mysql",
    now="(UNIX_TIMESTAMP(NOW(6)) + 0e0)",
    now_us="CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)",
    # Not INSERT IGNORE: that would swallow wrong data as well as the existing row.
    on_conflict_ignore="ON DUPLICATE KEY UPDATE id = id",
    greatest="GREATEST",
    returning=False,
    long_text="LONGTEXT",
    table_options=" CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
)

_LOST: Final = frozenset({0, 2006, 2013, 2055, 4031})
"""Errors of a connection that went away while idle; 0 is PyMySQL's own, for one that it closed."""


class MySQL(ServerDatabase):
    """A database that ``mysql://user:password@host:port/name?ssl_ca=/path`` names."""

    dialect = DIALECT
    product = "MySQL"
    columns = (
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_schema = DATABASE() AND table_name = :name"
    )

    def __init__(self, url: str) -> None:
        split = urlsplit(url)
        if not split.hostname or not split.path.strip("/"):
            raise StoreSettingError(
                f"{url} does not name a database: write mysql://user:password@host:3306/name"
            )
        super().__init__(url, load_client("pymysql", "mysql://…"))
        self._arguments: dict[str, Any] = {
            "host": split.hostname,
            "port": split.port or 3306,
            "user": unquote(split.username or ""),
            "password": unquote(split.password or ""),
            "database": unquote(split.path.strip("/")),
            "charset": "utf8mb4",
            "autocommit": True,
            "connect_timeout": CONNECT_SECONDS,
            "read_timeout": STATEMENT_SECONDS,
            "write_timeout": STATEMENT_SECONDS,
        }
        for name, given in parse_qs(split.query).items():
            if name not in {"ssl_ca", "ssl_cert", "ssl_key", "unix_socket"}:
                raise StoreSettingError(f"mysql://… takes no parameter {name!r}")
            self._arguments[name] = given[-1]

    def _connect(self) -> Any:
        return self._client.connect(**self._arguments)

    def _is_lost(self, connection: Any, error: Exception) -> bool:  # noqa: ARG002  # PyMySQL's has no state
        kinds = (self._client.OperationalError, self._client.InterfaceError)
        return isinstance(error, kinds) and (not error.args or error.args[0] in _LOST)
