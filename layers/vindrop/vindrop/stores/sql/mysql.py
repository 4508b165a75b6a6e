"""MySQL and MariaDB (TencentDB for MySQL, Aurora, any other), through PyMySQL."""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from vindrop.core.store_errors import StoreSettingError, load_client
from vindrop.core.store_url import TIMEOUT, parse
from vindrop.stores.sql import Dialect
from vindrop.stores.sql.server import Fate, ServerDatabase

CONNECT_SECONDS: Final = 3.0
IDLE_SECONDS: Final = 60
"""After this the server ends a session, and with it the transaction of a worker that froze."""

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

_LOST: Final = frozenset(
    {0, 1047, 1053, 1079, 1290, 1792, 1836, 1927, 2006, 2013, 2014, 2055, 3032, 4031}
)
"""Errors of a connection that went away while idle (0 is PyMySQL's own, for one that it closed), or
that leads to a server that shuts down, has left its cluster or takes no writes."""
_LOST_DURING: Final = 2013
_LOCKED: Final = frozenset({1205, 3572})
_FILES: Final = ("ssl_ca", "ssl_cert", "ssl_key")
_OPTIONS: Final = (*_FILES, "unix_socket", TIMEOUT)


class MySQL(ServerDatabase):
    """A database that ``mysql://user:password@host:port/name?ssl_ca=/path`` names."""

    dialect = DIALECT
    product = "MySQL"
    columns = (
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_schema = DATABASE() AND table_name = :name"
    )

    def __init__(self, url: str) -> None:
        where = parse(url, _OPTIONS)
        host, port = where.address
        if not host or not where.path:
            raise StoreSettingError(
                f"{where.shown} does not name a database: write mysql://user:password@host:3306/name"
            )
        super().__init__(url, where, _client())
        connect = min(CONNECT_SECONDS, where.timeout * 0.3)
        answer = where.timeout - connect
        self._connection_class = _bounded(self._client, where.timeout)
        self._arguments: dict[str, Any] = {
            "host": host,
            "port": port or 3306,
            "user": where.user,
            "password": where.password,
            "database": where.path,
            "charset": "utf8mb4",
            "autocommit": True,
            "connect_timeout": connect,
            "read_timeout": answer,
            "write_timeout": answer,
            "init_command": _limits(answer),
        }
        for name in (*_FILES, "unix_socket"):
            if name in where.options:
                self._arguments[name] = where.options[name]
                if name in _FILES and not os.access(where.options[name], os.R_OK):
                    raise StoreSettingError(
                        f"{where.shown}: {name} names no file that can be read here"
                    )

    def _connect(self) -> Any:
        return self._open(self._connection_class, self._arguments)

    def _connect_patiently(self) -> Any:
        limits = {"read_timeout": None, "write_timeout": None, "init_command": None}
        return self._open(self._client.connect, {**self._arguments, **limits})

    def _open(self, connect: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        try:
            return connect(**arguments)
        except RuntimeError:  # MySQL 8's default login without TLS encrypts the password itself
            logins = importlib.reload(sys.modules["pymysql._auth"])
            if not logins._have_cryptography:  # noqa: SLF001  # PyMySQL asks the same
                raise RuntimeError(
                    "this login needs the package cryptography: install vindrop[mysql], or attach the "
                    "layer that carries it"
                ) from None
            return connect(**arguments)

    def _fate(self, connection: Any, error: Exception) -> Fate:  # noqa: ARG002  # PyMySQL's has no state
        if isinstance(error, OSError):
            return Fate.LOST
        code = error.args[0] if error.args else 0
        if code in _LOCKED:
            return Fate.LOCKED
        kinds = (
            self._client.OperationalError,
            self._client.InterfaceError,
            self._client.InternalError,
        )
        if code not in _LOST or not isinstance(error, kinds):
            return Fate.KEPT
        # That the answer is overdue is told by PyMySQL's sentence alone.
        return Fate.SILENT if "timed out" in str(error) else Fate.LOST


def _client() -> Any:
    """Import PyMySQL without `cryptography`, which takes as long again and few logins need."""
    if "cryptography" in sys.modules:
        return load_client("pymysql", "mysql://…")
    sys.modules["cryptography"] = None  # type: ignore[assignment]  # None: cannot be imported
    try:
        return load_client("pymysql", "mysql://…")
    finally:
        del sys.modules["cryptography"]


def _limits(answer: float) -> str:
    """Return the statement by which the server keeps to our limits as well.

    The comments are executed by MySQL 5.7 and later, and by MariaDB alone.
    """
    lock = max(round(answer / 4), 1)
    return (
        f"SET SESSION innodb_lock_wait_timeout = {lock}, wait_timeout = {IDLE_SECONDS} "
        f"/*!50708 , max_execution_time = {round(answer * 1000)} */ "
        f"/*M!100101 , max_statement_time = {answer:g} */ "
        f"/*M!100300 , idle_transaction_timeout = {max(round(answer), 1)} */"
    )


def _bounded(client: Any, seconds: float) -> Any:
    """Return PyMySQL's connection with a limit for a whole answer: its time-out is of each read."""

    class Connection(client.connections.Connection):  # type: ignore[misc]  # loaded when asked for
        _until = float("inf")

        def connect(self, sock: Any = None) -> None:
            self._until = time.monotonic() + seconds
            super().connect(sock)

        def _execute_command(self, command: Any, sql: Any) -> None:
            self._until = time.monotonic() + seconds
            super()._execute_command(command, sql)

        def _read_bytes(self, num_bytes: int) -> bytes:
            found = bytearray()
            while len(found) < num_bytes:
                left = self._until - time.monotonic()
                try:
                    if left <= 0:
                        raise TimeoutError("timed out")
                    self._sock.settimeout(min(left, self._read_timeout))
                    part = self._rfile.read1(num_bytes - len(found))
                except OSError as error:
                    self._force_close()
                    raise client.err.OperationalError(
                        _LOST_DURING, f"Lost connection to MySQL server during query ({error})"
                    ) from None
                if not part:
                    self._force_close()
                    raise client.err.OperationalError(
                        _LOST_DURING, "Lost connection to MySQL server during query"
                    )
                found += part
            return bytes(found)

    return Connection
