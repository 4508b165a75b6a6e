"""No wait is without end: whoever says nothing is given up, and the next try is as good as new.

Each URL has a time-out of one or two seconds. That a test comes to its end is what it asserts: a
wait without end runs into pytest's own limit.
"""

from __future__ import annotations

import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.destinations.kinds import AWS_KEYS, TENCENT_KEYS
from tests.library.conftest import a_reading, an_upload
from tests.stores.fixtures import Servers
from tests.stores.servers import Gate
from vindrop.core.delivery import Delivery
from vindrop.core.ledger import Claim, Standing
from vindrop.core.store_errors import StoreError
from vindrop.destinations import open_destination
from vindrop.stores.ledger.sql import SQLLedger
from vindrop.stores.rate_limiter.gcra import Rule
from vindrop.stores.rate_limiter.redis import RedisRateLimiter
from vindrop.stores.sql import Database, open_database

pytestmark = pytest.mark.timeout(120)

SERVERS = {
    "postgresql": "postgresql",
    "mysql": "mariadb",
    "redis": "redis",
    "rate limiter": "redis",
    "amqp": "rabbitmq",
    "sqs": "aws",
    "dynamodb": "aws",
    "cmq": "tencent",
    "tencent-eventbridge": "tencent",
}


@dataclass
class Behind:
    """A store behind a gate."""

    gate: Gate
    open: Callable[[], Callable[[], object]]
    """Opens a client; returns what makes it ask its store something."""


@pytest.fixture
def gates() -> Iterator[Callable[[int], Gate]]:
    with ExitStack() as stack:

        def make(port: int) -> Gate:
            gate = Gate(port)
            stack.callback(gate.close)
            return gate

        yield make


def behind(kind: str, servers: Servers, gates: Callable[[int], Gate]) -> Behind:
    server, name = servers[SERVERS[kind]], f"t{uuid.uuid4().hex[:12]}"
    port = urlsplit(server.endpoint).port if hasattr(server, "endpoint") else server.port
    gate = gates(port)
    near, far = f"127.0.0.1:{gate.port}", f"127.0.0.1:{port}"
    if kind in {"postgresql", "mysql"}:
        server.sql(f"CREATE DATABASE {name}")
        url = f"{server.url(name).replace(far, near)}?timeout_seconds=2"

        def open_sql() -> Callable[[], object]:
            database = open_database(url)
            return lambda: database.execute("SELECT 1")

        return Behind(gate, open_sql)
    if kind == "rate limiter":
        url = f"{server.url().replace(far, near)}?timeout_seconds=1"

        def open_limiter() -> Callable[[], object]:
            limiter = RedisRateLimiter(url, name, Rule.of(1000))
            return lambda: limiter.reserve(60)

        return Behind(gate, open_limiter)
    here = f"endpoint=http://{near}&timeout_seconds=2"
    url, keys = {
        "redis": (f"redis://:planted-password@{near}/0?stream={name}&timeout_seconds=1", {}),
        "amqp": (f"amqp://owner:planted-password@{near}/%2F?queue={name}&timeout_seconds=1", {}),
        "sqs": (f"sqs://us-east-1/{name}?{here}", AWS_KEYS),
        "dynamodb": (f"dynamodb://us-east-1/{name}?{here}", AWS_KEYS),
        "cmq": (f"cmq-queue://ap-guangzhou/{name}?{here}", TENCENT_KEYS),
        "tencent-eventbridge": (f"tencent-eventbridge://ap-guangzhou/{name}?{here}", TENCENT_KEYS),
    }[kind]
    if kind == "sqs":
        server.client("sqs").create_queue(QueueName=name)

    def open_it() -> Callable[[], object]:
        destination = open_destination(url, dict(keys))
        return lambda: destination.put(a_reading(an_upload(f"{uuid.uuid4()}.jpg")))

    return Behind(gate, open_it)


def soon(ask: Callable[[], object]) -> None:
    """Ask until there is an answer: a busy machine may pause for longer than a time-out."""
    for _ in range(2):
        with suppress(StoreError):
            ask()
            return
    ask()


@pytest.mark.parametrize("kind", SERVERS)
def test_a_connection_that_falls_silent_is_given_up(
    kind: str, servers: Servers, gates: Callable[[int], Gate]
) -> None:
    store = behind(kind, servers, gates)
    ask = store.open()
    soon(ask)
    store.gate.mute()
    with suppress(StoreError):  # or the client notices by itself, and takes a new connection
        ask()
    soon(ask)  # the next try takes a new connection


@pytest.mark.parametrize("kind", SERVERS)
def test_a_server_that_accepts_and_says_nothing_is_given_up(
    kind: str, servers: Servers, gates: Callable[[int], Gate]
) -> None:
    store = behind(kind, servers, gates)
    store.gate.mute(new=True)
    ask = store.open()
    for _ in range(2):
        with pytest.raises(StoreError) as error:
            ask()
        assert "planted" not in str(error.value)
        assert "\n" not in str(error.value)
    store.gate.unmute()
    soon(ask)


def test_a_frozen_broker_of_kafka_is_given_up(servers: Servers) -> None:
    kafka = servers["kafka"]
    destination = open_destination(f"{kafka.url('silent')}?timeout_seconds=2")
    destination.put(a_reading())
    kafka.stop()
    try:
        with pytest.raises(StoreError):
            destination.put(a_reading(an_upload("next.jpg")))
    finally:
        kafka.start()
    destination.put(a_reading(an_upload("next.jpg")))


@pytest.fixture(params=["postgresql", "mysql"])
def fresh(request: pytest.FixtureRequest, servers: Servers) -> str:
    """The URL of an empty database."""
    server = servers["postgresql" if request.param == "postgresql" else "mariadb"]
    name = f"t{uuid.uuid4().hex[:12]}"
    server.sql(f"CREATE DATABASE {name}")
    return str(server.url(name))


class Frozen:
    """A worker that stops in the middle of its transaction, and holds what it has written."""

    def __init__(self, database: Database, ledger: SQLLedger, key: str) -> None:
        self._database, self._ledger, self._key = database, ledger, key
        self._holds, self._goes_on = threading.Event(), threading.Event()
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._work)
        self._thread.start()
        assert self._holds.wait(30)

    def _work(self) -> None:
        upload = an_upload(self._key)
        try:
            with self._database.transaction():
                self._ledger.checkpoint(upload.id, frozenset({"frozen"}))
                self._holds.set()
                self._goes_on.wait(100)
        except StoreError as error:
            self.error = error
        finally:
            self._holds.set()
            self._database.close()

    def goes_on(self) -> None:
        self._goes_on.set()
        self._thread.join()


def test_a_sweep_passes_over_a_row_that_another_worker_holds(fresh: str) -> None:
    # Long before the server ends the session of the one that froze.
    database = open_database(f"{fresh}?timeout_seconds=30")
    ledger = SQLLedger(database, "test")
    for key in ("held.jpg", "free.jpg"):
        ledger.claim(an_upload(key), -1.0)
    frozen = Frozen(database, ledger, "held.jpg")
    try:
        found = {u.key: ledger.claim(u, 60) for u in ledger.retryable(10)}
    finally:
        frozen.goes_on()
    assert isinstance(found["held.jpg"], Standing)
    assert isinstance(found["free.jpg"], Claim)


def test_a_worker_that_froze_in_its_transaction_does_not_hold_its_row_for_ever(fresh: str) -> None:
    database = open_database(f"{fresh}?timeout_seconds=2")
    ledger = SQLLedger(database, "test")
    ledger.claim(an_upload(), -1.0)
    frozen = Frozen(database, ledger, an_upload().key)
    try:
        while not isinstance(ledger.claim(an_upload(), 60), Claim):
            pass  # until the server has ended the frozen session; pytest's limit ends a vain wait
    finally:
        frozen.goes_on()
    assert frozen.error is not None  # its transaction was rolled back, and it learns that
    assert ledger.claim(an_upload(), 60) is not None


class Dripping:
    """A server that answers everybody with the beginning of a long answer, and then byte by byte."""

    def __init__(self, begins: bytes) -> None:
        self._begins, self._stop = begins, threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._stop.set()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._drip, args=(connection,), daemon=True).start()

    def _drip(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.sendall(self._begins)
            while not self._stop.wait(0.1):
                connection.sendall(b"a")


_HTTP = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{"
DRIPS: dict[str, tuple[bytes, str, dict[str, str]]] = {
    "postgresql": (
        b"S",  # yes, TLS: its handshake drips
        "postgresql://o:planted-password@{at}/x?sslmode=require&timeout_seconds=2",
        {},
    ),
    "mysql": (b"\xff\xff\x0f\0\x0a", "mysql://o:planted-password@{at}/x?timeout_seconds=2", {}),
    "redis": (b"$100000\r\n", "redis://:planted-password@{at}/0?stream=x&timeout_seconds=2", {}),
    "amqp": (
        b"\1\0\0\0\1\x86\xa0",
        "amqp://o:planted-password@{at}/%2F?queue=x&timeout_seconds=2",
        {},
    ),
    "kafka": (b"\0\1\x86\xa0", "kafka://{at}/x?timeout_seconds=2", {}),
    "sqs": (_HTTP, "sqs://us-east-1/x?endpoint=http://{at}&timeout_seconds=2", AWS_KEYS),
    "dynamodb": (_HTTP, "dynamodb://us-east-1/x?endpoint=http://{at}&timeout_seconds=2", AWS_KEYS),
    "sns": (
        _HTTP,
        "sns://us-east-1/123456789012/x?endpoint=http://{at}&timeout_seconds=2",
        AWS_KEYS,
    ),
    "cmq": (
        _HTTP,
        "cmq-queue://ap-guangzhou/x?endpoint=http://{at}&timeout_seconds=2",
        TENCENT_KEYS,
    ),
    "tencent-eventbridge": (
        b"HTTP/1.1 200 OK\r\nX-Long: ",  # not even the head comes to its end
        "tencent-eventbridge://ap-guangzhou/x?endpoint=http://{at}&timeout_seconds=2",
        TENCENT_KEYS,
    ),
}


@pytest.mark.parametrize("kind", DRIPS)
def test_an_answer_that_drips_is_given_up_as_a_whole(kind: str) -> None:
    """Each byte comes in time, and all of them would take hours."""
    begins, url, keys = DRIPS[kind]
    server = Dripping(begins)
    try:
        with pytest.raises(StoreError) as error:  # when it is opened, or first asked
            open_destination(url.format(at=f"127.0.0.1:{server.port}"), dict(keys)).put(a_reading())
        assert "planted" not in str(error.value)
        assert "\n" not in str(error.value)
    finally:
        server.close()


@pytest.mark.parametrize("kind", ["redis", "sqs", "sns", "cmq", "tencent-eventbridge"])
def test_one_that_drips_leaves_the_others_their_part_of_the_time(kind: str, tmp_path: Path) -> None:
    """Its own time-out would let it last longer than any function: ten minutes."""
    begins, url, keys = DRIPS[kind]
    server = Dripping(begins)
    done: list[frozenset[str]] = []
    try:
        at = url.replace("timeout_seconds=2", "timeout_seconds=600")
        drips = open_destination(at.format(at=f"127.0.0.1:{server.port}"), dict(keys))
        healthy = open_destination(f"file://{tmp_path}/readings.jsonl", {})
        delivery = Delivery({"first": drips, "second": drips, "third": healthy}, {})
        with pytest.raises(StoreError):
            delivery.deliver(a_reading(), frozenset(), done.append, seconds=4)
    finally:
        server.close()
    assert done == [frozenset({"third"})]


def test_the_rate_limiter_gives_up_an_answer_that_drips() -> None:
    server = Dripping(b"$100000\r\n")
    try:
        url = f"redis://127.0.0.1:{server.port}/0?timeout_seconds=2"
        with pytest.raises(StoreError):
            RedisRateLimiter(url, "a", Rule.of(1000)).reserve(60)
    finally:
        server.close()
