"""PostgreSQL behind a pooler that gives each transaction another session (PgBouncer)."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.library.conftest import a_reading, an_upload
from tests.stores.fixtures import Servers
from tests.stores.servers import PgBouncerServer
from vindrop.core.ledger import Claim
from vindrop.core.rate_limiter import Permit
from vindrop.destinations.sql import SQLDestination
from vindrop.stores.ledger.sql import SQLLedger
from vindrop.stores.rate_limiter.gcra import Rule
from vindrop.stores.rate_limiter.sql import SQLRateLimiter
from vindrop.stores.sql.postgresql import PostgreSQL

ROUNDS = 12
"""More often than after which psycopg would prepare a statement."""


@pytest.fixture(scope="module")
def pooler(servers: Servers) -> Iterator[PgBouncerServer]:
    found = PgBouncerServer(servers["postgresql"].port)
    yield found
    found.close()


@pytest.fixture
def url(pooler: PgBouncerServer, servers: Servers) -> str:
    name = f"t{uuid.uuid4().hex[:12]}"
    servers["postgresql"].sql(f"CREATE DATABASE {name}")
    return pooler.url(name)


def test_no_client_gets_the_statement_of_another(url: str) -> None:
    def ask(base: int) -> Counter[bool]:
        database = PostgreSQL(url)
        statement = f"SELECT {base} + CAST(:n AS int)"
        answers = [database.execute(statement, n=n).rows[0][0] for n in range(ROUNDS * 5)]
        database.close()
        return Counter(answer == base + n for n, answer in enumerate(answers))

    with ThreadPoolExecutor(6) as pool:
        found = sum(pool.map(ask, (0, 0, 1000, 1000, 5000, 5000)), Counter[bool]())
    assert found == {True: 6 * ROUNDS * 5}


def test_ledger_rate_limiter_and_results_of_several_clients(url: str) -> None:
    def work(worker: int) -> int:
        database = PostgreSQL(url)
        ledger, results = SQLLedger(database, "test"), SQLDestination(database)
        limiter = SQLRateLimiter(database, "test", Rule.of(1000))
        done = 0
        for number in range(ROUNDS):
            upload = an_upload(f"{worker}-{number}.jpg")
            claim, permit = ledger.claim(upload, 60), limiter.reserve(60)
            assert isinstance(claim, Claim)
            assert isinstance(permit, Permit)
            reading = a_reading(upload)
            assert ledger.keep(upload.id, claim, reading, attempts=1, billed=1, lease=60)
            with database.transaction():
                results.put(reading)
                ledger.delivered(upload.id, reading)
            done += 1
        database.close()
        return done

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, range(4))) == 4 * ROUNDS
    database = PostgreSQL(url)
    assert SQLLedger(database, "test").counts() == {"delivered": 4 * ROUNDS}
    assert len(list(SQLDestination(database).records("readings"))) == 4 * ROUNDS


def test_what_a_transaction_sets_ends_with_it(url: str) -> None:
    database = PostgreSQL(f"{url}?timeout_seconds=7")
    limits = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    before = [database.execute(f"SHOW {limit}").rows[0][0] for limit in limits]
    with database.transaction():
        within = [database.execute(f"SHOW {limit}").rows[0][0] for limit in limits]
    after = [database.execute(f"SHOW {limit}").rows[0][0] for limit in limits]
    assert within == ["7s", "3500ms", "7s"]
    assert after == before
    assert not database.execute("SELECT name FROM pg_prepared_statements").rows
