"""PostgreSQL, MariaDB and Redis: Debian's own packages."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import Any

from tests import needs
from tests.stores.servers.process import PASSWORD, Server


class PostgreSQLServer(Server):
    user = "postgres"

    def prepare(self) -> None:
        # Debian keeps the programs of each version in a folder of their own.
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        self._bin = (
            found[-1].parent
            if found
            else Path(needs.program("postgres", package="postgresql")).resolve().parent
        )
        (self.folder / "password").write_text(PASSWORD)
        if self._as_user:
            shutil.chown(self.folder / "password", self.user)
        data = str(self.folder / "data")
        self.run(
            f"{self._bin}/initdb", "-D", data, "-U", "owner", "-A", "scram-sha-256",
            f"--pwfile={self.folder}/password", "-E", "UTF8", "--no-sync",
        )  # fmt: skip

    def command(self) -> list[str]:
        return [
            f"{self._bin}/postgres", "-D", str(self.folder / "data"), "-h", "127.0.0.1",
            "-p", str(self.port), "-k", str(self.folder), "-c", "max_connections=200",
        ]  # fmt: skip

    def answers(self) -> None:
        self.sql("SELECT 1")

    def sql(self, statement: str, database: str = "postgres") -> None:
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True, connect_timeout=2) as connection:
            connection.execute(statement.encode())

    def url(self, database: str, user: str = "owner", password: str = PASSWORD) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"


class MariaDBServer(Server):
    def prepare(self) -> None:
        needs.program("mariadbd", package="mariadb-server")
        self.run(
            "mariadb-install-db", "--no-defaults", f"--datadir={self.folder}/data",
            "--auth-root-authentication-method=normal", "--skip-test-db", *self._who(),
        )  # fmt: skip

    def _who(self) -> list[str]:
        return ["--user=root"] if os.geteuid() == 0 else []

    def command(self) -> list[str]:
        return [
            "mariadbd", "--no-defaults", f"--datadir={self.folder}/data",
            f"--socket={self.folder}/s", f"--pid-file={self.folder}/pid",
            "--bind-address=127.0.0.1", f"--port={self.port}", "--max-connections=200", *self._who(),
        ]  # fmt: skip

    def answers(self) -> None:
        self.sql("SELECT 1")

    def ready_once(self) -> None:
        self.sql(f"CREATE USER 'owner'@'%' IDENTIFIED BY '{PASSWORD}'")
        self.sql("GRANT ALL ON *.* TO 'owner'@'%'")

    def sql(self, statement: str) -> None:
        import pymysql

        connection = pymysql.connect(
            unix_socket=f"{self.folder}/s", user="root", autocommit=True, connect_timeout=2
        )
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute(statement)

    def url(self, database: str, user: str = "owner", password: str = PASSWORD) -> str:
        return f"mysql://{user}:{password}@127.0.0.1:{self.port}/{database}"


class RedisServer(Server):
    def command(self) -> list[str]:
        program = needs.program("redis-server", package="redis-server")
        return [
            program, "--port", str(self.port), "--bind", "127.0.0.1", "--requirepass", PASSWORD,
            "--appendonly", "yes", "--appendfsync", "always", "--save", "",
        ]  # fmt: skip

    def answers(self) -> None:
        self.client().ping()

    def client(self) -> Any:
        import redis

        return redis.Redis.from_url(self.url())

    def url(self, password: str = PASSWORD) -> str:
        return f"redis://:{password}@127.0.0.1:{self.port}/0"
