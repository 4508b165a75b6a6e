"""Several destinations at once: each gets every record once, whatever the others do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.destinations.flow import Flow
from tests.destinations.kinds import KINDS, Place
from tests.library.conftest import an_upload
from tests.stores.fixtures import Servers
from vindrop.core.ledger import State
from vindrop.destinations.sql import SQLDestination
from vindrop.domain.records import Record


def places(servers: Servers, folder: Path, *names: str) -> list[Place]:
    by_name = {kind.name: kind for kind in KINDS}
    return [by_name[name].place(servers, folder) for name in names]


@pytest.mark.parametrize("broker", ["amqp", "redis", "cmq-topic", "sqs"])
def test_a_database_and_a_topic_that_is_away_and_comes_back(
    broker: str, servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, topic = places(servers, tmp_path, "postgresql", broker)
    server = servers[next(kind.server for kind in KINDS if kind.name == broker) or ""]
    flow = Flow(
        f"sqlite:///{tmp_path}/ledger.db",
        f"{database.url} {topic.url}",
        environment=topic.environment,
    )
    puts: list[str] = []
    put = SQLDestination.put

    def counted(self: SQLDestination, record: Record, *, redelivered: bool = False) -> None:
        puts.append(record.id)
        put(self, record, redelivered=redelivered)

    monkeypatch.setattr(SQLDestination, "put", counted)
    server.stop()
    try:
        outcome = flow.process(an_upload())
        assert outcome.end == "undelivered"
        assert len(database.read()) == 1  # the topic does not keep the database from it
    finally:
        server.start()
    assert [outcome.end for outcome in flow.sweep()] == ["reading"]
    assert len(database.read()) == 1
    assert puts == [an_upload().id]  # and is not brought to it again
    assert len({received.event["id"] for received in topic.read()}) == 1
    assert flow.ledger.counts() == {"delivered": 1}


def test_an_answer_that_no_destination_takes_is_kept_and_never_asked_for_again(
    servers: Servers, tmp_path: Path
) -> None:
    (stream,) = places(servers, tmp_path, "redis")
    flow = Flow(f"sqlite:///{tmp_path}/ledger.db", stream.url)
    servers["redis"].stop()
    try:
        for _ in range(2):
            assert flow.process(an_upload()).end in {"undelivered", "in_progress"}
            flow.answers.failure = ("InternalError", "no second call may be made")
    finally:
        servers["redis"].start()
    assert [outcome.end for outcome in flow.sweep()] == ["reading"]
    assert len(stream.read()) == 1


def test_two_streams_of_one_server_are_two_destinations(servers: Servers, tmp_path: Path) -> None:
    one, two = places(servers, tmp_path, "redis", "redis")
    flow = Flow(f"sqlite:///{tmp_path}/ledger.db", f"{one.url} {two.url}")
    flow.process(an_upload())
    assert (len(one.read()), len(two.read())) == (1, 1)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mysql"])
def test_the_result_and_the_end_in_the_ledger_commit_together(
    kind: str, servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place,) = places(servers, tmp_path, kind)
    flow = Flow(place.url, place.url)
    seen: list[tuple[int, dict[State, int]]] = []
    put = SQLDestination.put

    def watched(self: SQLDestination, record: Record, *, redelivered: bool = False) -> None:
        put(self, record, redelivered=redelivered)
        with ThreadPoolExecutor(1) as pool:  # another thread has another connection
            seen.append(pool.submit(lambda: (len(place.read()), flow.ledger.counts())).result())

    monkeypatch.setattr(SQLDestination, "put", watched)
    assert flow.process(an_upload()).end == "reading"
    assert seen == [(0, {"answered": 1})]  # from outside, neither is there yet
    assert (len(place.read()), flow.ledger.counts()) == (1, {"delivered": 1})
