"""PostgreSQL, MariaDB and Redis: Debian's own packages."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path
from typing import Any

from tests import needs
from tests.stores.servers.process import PASSWORD, Server
from vindrop_local.serving import free_port


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


class PgBouncerServer(Server):
    """A pooler before a PostgreSQL server: each transaction may get another session of one pool."""

    user = "postgres"

    def __init__(self, target: int) -> None:
        self._target = target
        super().__init__()

    def prepare(self) -> None:
        needs.program("pgbouncer", package="pgbouncer")
        (self.folder / "users").write_text(f'"owner" "{PASSWORD}"\n')
        (self.folder / "pgbouncer.ini").write_text(
            f"[databases]\n* = host=127.0.0.1 port={self._target}\n"
            "[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n"
            f"auth_type = plain\nauth_file = {self.folder}/users\n"
            "pool_mode = transaction\ndefault_pool_size = 2\n"
        )
        if self._as_user:
            for name in ("users", "pgbouncer.ini"):
                shutil.chown(self.folder / name, self.user)

    def command(self) -> list[str]:
        return ["pgbouncer", str(self.folder / "pgbouncer.ini")]

    def url(self, database: str) -> str:
        return f"postgresql://owner:{PASSWORD}@127.0.0.1:{self.port}/{database}"


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


class RedisClusterServer(Server):
    """One node of a Redis Cluster; see `make_cluster`."""

    def command(self) -> list[str]:
        program = needs.program("redis-server", package="redis-server")
        return [
            program, "--port", str(self.port), "--bind", "127.0.0.1", "--requirepass", PASSWORD,
            "--cluster-enabled", "yes", "--cluster-port", str(self.bus_port), "--save", "",
            "--cluster-announce-ip", "127.0.0.1",
        ]  # fmt: skip

    def prepare(self) -> None:
        self.bus_port = free_port()

    def answers(self) -> None:
        self.client().ping()

    def client(self) -> Any:
        import redis

        return redis.Redis.from_url(self.url())

    def url(self) -> str:
        return f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"


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


def make_cluster(*nodes: RedisClusterServer) -> None:
    """Share the slots out among the nodes, and return once each knows it."""
    share = 16_384 // len(nodes)
    for number, node in enumerate(nodes):
        first = number * share
        last = 16_383 if node is nodes[-1] else first + share - 1
        client = node.client()
        client.execute_command("CLUSTER ADDSLOTSRANGE", first, last)
        client.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
        if node is not nodes[0]:
            meet = ("127.0.0.1", nodes[0].port, nodes[0].bus_port)
            client.execute_command("CLUSTER MEET", *meet)
    deadline = time.monotonic() + 60
    while not all(_is_complete(node) for node in nodes):
        if time.monotonic() > deadline:
            raise RuntimeError("the nodes of the Redis Cluster did not find each other")
        time.sleep(0.1)


def _is_complete(node: RedisClusterServer) -> bool:
    info = node.client().execute_command("CLUSTER INFO")
    return str(info.get("cluster_state")) == "ok" and int(info["cluster_slots_assigned"]) == 16_384
