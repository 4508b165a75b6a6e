"""After a failover: a connection to a server that takes no more writes is not kept."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import pytest

from tests.library.conftest import a_reading, an_upload
from tests.stores.fixtures import Servers
from tests.stores.servers import Gate, RedisServer
from vindrop.core.rate_limiter import Permit
from vindrop.core.store_errors import StoreError
from vindrop.destinations import open_destination
from vindrop.stores.rate_limiter.gcra import Rule
from vindrop.stores.rate_limiter.redis import RedisRateLimiter
from vindrop.stores.sql import Database, open_database
from vindrop.stores.sql.mysql import MySQL
from vindrop.stores.sql.postgresql import PostgreSQL
from vindrop.stores.sql.server import Fate

READ_ONLY = {
    "postgresql": "SET default_transaction_read_only = on",
    "mysql": "SET SESSION TRANSACTION READ ONLY",
}


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as found:
        yield found


@pytest.fixture(params=READ_ONLY)
def database(request: pytest.FixtureRequest, servers: Servers) -> Database:
    name = f"t{uuid.uuid4().hex[:12]}"
    server = servers["postgresql" if request.param == "postgresql" else "mariadb"]
    server.sql(f"CREATE DATABASE {name}")
    found = open_database(server.url(name))
    found.ensure("things", "CREATE TABLE things (id INTEGER PRIMARY KEY)")
    found.execute(READ_ONLY[request.param])
    return found


def test_a_write_goes_to_the_new_primary(database: Database) -> None:
    """The session that takes no writes is the old primary; any other is the new one."""
    database.execute("INSERT INTO things (id) VALUES (1)")
    assert database.execute("SELECT id FROM things").rows == [(1,)]


def test_a_transaction_fails_once_and_the_next_goes_to_the_new_primary(database: Database) -> None:
    with pytest.raises(StoreError), database.transaction():
        database.execute("INSERT INTO things (id) VALUES (1)")
    with database.transaction():
        database.execute("INSERT INTO things (id) VALUES (2)")
    assert [tuple(row) for row in database.execute("SELECT id FROM things").rows] == [(2,)]


def test_a_transaction_never_goes_on_with_another_connection(database: Database) -> None:
    """What came before the loss would be missing from what is committed."""

    def stubborn() -> None:
        with database.transaction():
            for number in (1, 2):
                with suppress(StoreError):
                    database.execute("INSERT INTO things (id) VALUES (:number)", number=number)

    with pytest.raises(StoreError):
        stubborn()
    assert not database.execute("SELECT id FROM things").rows


@pytest.mark.parametrize("code", [1053, 1290, 1792, 1836, 1927, 2006, 2013, 4031])
def test_what_mysql_says_of_a_server_that_is_no_primary(code: int) -> None:
    import pymysql

    database = MySQL("mysql://u:p@127.0.0.1:1/d")
    kinds = (pymysql.err.OperationalError, pymysql.err.InternalError)
    assert [database._fate(None, kind(code, "said so")) for kind in kinds] == [Fate.LOST] * 2
    assert database._fate(None, pymysql.err.ProgrammingError(1064, "syntax")) is Fate.KEPT


@pytest.mark.parametrize("state", ["25006", "57P01", "57P02", "57P03", "08006", "08P01", "25P03"])
def test_what_postgresql_says_of_a_server_that_is_no_primary(state: str) -> None:
    import psycopg

    class Open:
        closed = broken = False

    database = PostgreSQL("postgresql://u:p@127.0.0.1:1/d")
    assert database._fate(Open(), psycopg.errors.lookup(state)()) is Fate.LOST
    assert database._fate(Open(), psycopg.errors.lookup("42601")()) is Fate.KEPT


@pytest.mark.parametrize("use", ["stream", "rate limiter"])
def test_redis(use: str, servers: Servers, stack: ExitStack) -> None:
    old, gate = servers["redis"], Gate(servers["redis"].port)
    stack.callback(gate.close)
    url = old.url().replace(f":{old.port}/", f":{gate.port}/")
    ask: Callable[[], object]
    if use == "stream":
        destination = open_destination(f"{url}?stream=failover")
        ask = lambda: destination.put(a_reading(an_upload(f"{uuid.uuid4()}.jpg")))  # noqa: E731
    else:
        limiter = RedisRateLimiter(url, "failover", Rule.of(1000))
        ask = lambda: limiter.reserve(60)  # noqa: E731
    ask()
    stack.callback(old.client().execute_command, "REPLICAOF", "NO", "ONE")
    old.client().execute_command("REPLICAOF", "127.0.0.1", "1")  # where nobody listens
    before = gate.accepted
    with pytest.raises(StoreError):
        ask()
    assert gate.accepted > before  # it looked whether the name leads elsewhere by now
    new = RedisServer()
    stack.callback(new.close)
    gate.target = new.port
    ask()
    if use == "rate limiter":
        assert isinstance(limiter.reserve(60), Permit)
        assert new.client().exists("vindrop:quota:failover")
    else:
        assert new.client().xlen("failover") == 1


def test_redis_before_version_7_wraps_a_scripts_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    import redis

    said = [
        redis.exceptions.ResponseError(
            "Error running script (call to f_1): @user_script:1: -READONLY You can't write against a "
            "read only replica."
        ),
        [1, b"0"],
    ]

    def run(*_: object) -> object:
        answer = said.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(redis.Redis, "eval", run)
    assert RedisRateLimiter("redis://127.0.0.1:1/0", "a", Rule.of(10)).reserve(1) == Permit(0)
