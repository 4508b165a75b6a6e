"""The consumer examples of the docs, run as their readers would run them."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.destinations.kinds import AWS_KEYS, KINDS, Place
from tests.library.conftest import WHEN, a_dead_letter, a_reading, a_review, an_upload
from tests.stores.fixtures import Servers
from tests.stores.servers import PASSWORD
from vindrop.core.review_desk import reviewed_reading
from vindrop.destinations import open_destination
from vindrop.domain import vin as rules
from vindrop.domain.records import Record, to_cloudevent, to_json
from vindrop.domain.review import Reason, Review
from vindrop.domain.upload import Upload

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples" / "consumers"
KEYS = ["车架号/a.jpg", "b.jpg"]
OWN = "vins.db"
"""The consumer's own file, in the folder where it runs."""
READ, GIVEN = "LSGPC52H9GF125161", "1M8GDM9AXKP042788"

Arguments = Callable[[Any, Place, str], list[str]]


def _sqs_url(server: Any, place: Place, _: str) -> list[str]:
    queue = urlsplit(place.url).path.rpartition(":")[2]
    return [str(server.client("sqs").get_queue_url(QueueName=queue)["QueueUrl"]), OWN]


def _attached_queue(suffix: str) -> Arguments:
    def arguments(server: Any, place: Place, _: str) -> list[str]:
        name = urlsplit(place.url).path.rpartition(":")[2].rpartition("/")[2] + suffix
        return [str(server.client("sqs").get_queue_url(QueueName=name)["QueueUrl"]), OWN]

    return arguments


CONSUMERS: list[tuple[str, str, Arguments]] = [
    ("sqlite", "sqlite_file.py", lambda _, place, name: [urlsplit(place.url).path[1:], OWN]),
    ("file", "lines_of_json.py", lambda _, place, name: [urlsplit(place.url).path, OWN]),
    ("postgresql", "postgresql_table.py", lambda _, place, name: [place.url]),
    (
        "mysql",
        "mysql_table.py",
        lambda server, place, name: ["127.0.0.1", str(server.port), "owner", PASSWORD, name],
    ),
    ("redis", "redis_stream.py", lambda server, place, name: [server.url(), name, "group", OWN]),
    ("amqp", "rabbitmq.py", lambda server, place, name: [server.url(), name, OWN]),
    ("amqp-binary", "rabbitmq.py", lambda server, place, name: [server.url(), name, OWN]),
    (
        "kafka",
        "kafka.py",
        lambda server, place, name: [f"127.0.0.1:{server.port}", name, name, OWN],
    ),
    (
        "kafka-binary",
        "kafka.py",
        lambda server, place, name: [f"127.0.0.1:{server.port}", name, name, OWN],
    ),
    ("sqs", "sqs.py", _sqs_url),
    ("sns", "sqs.py", _attached_queue("-q")),
    ("eventbridge", "sqs.py", _attached_queue("")),
]


def _review(
    upload: Upload, sequence: int, vin: str | None = None, reason: Reason | None = None
) -> Review:
    decided = WHEN + dt.timedelta(hours=sequence)
    return replace(a_review(upload), vin=vin, reason=reason, sequence=sequence, decided_at=decided)


@contextmanager
def _running(
    script: str, arguments: list[str], environment: dict[str, str], folder: Path
) -> Iterator[subprocess.Popen[str]]:
    with (folder / "errors").open("w") as errors:
        consumer = subprocess.Popen(
            [sys.executable, str(EXAMPLES / script), *arguments],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment,
            cwd=folder,
        )
    try:
        yield consumer
    finally:
        consumer.terminate()
        consumer.communicate(timeout=20)


def _environment(server: Any, kind: str | None) -> dict[str, str]:
    found = {**os.environ, **AWS_KEYS, "AWS_DEFAULT_REGION": "us-east-1"}
    return found | (
        {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.port}"} if kind == "aws" else {}
    )


def _name(place: Place) -> str:
    split = urlsplit(place.url)
    name = split.path.strip("/").partition("/")[2] or split.path.strip("/")
    for part in split.query.split("&"):
        if part.startswith(("queue=", "stream=")):
            name = part.partition("=")[2]
    return name


@pytest.mark.parametrize(("kind", "script", "arguments"), CONSUMERS, ids=[c[0] for c in CONSUMERS])
def test_a_consumer_has_the_vin_in_force_of_every_upload(
    kind: str, script: str, arguments: Arguments, servers: Servers, tmp_path: Path
) -> None:
    """Each VIN once; then what a person says of it: another, none, and the machine's word again."""
    found = next(k for k in KINDS if k.name == kind)
    place = found.place(servers, tmp_path)
    destination: Any = open_destination(place.url, place.environment)
    letter = a_dead_letter(an_upload("dead.jpg"))
    destination.put(letter)
    for key in KEYS:
        destination.put(a_reading(an_upload(key)))
        destination.put(a_reading(an_upload(key)))
    server: Any = servers[found.server] if found.server else None
    given = arguments(server, place, _name(place))
    with _running(script, given, _environment(server, found.server), tmp_path) as consumer:
        assert consumer.stdout is not None

        def heard() -> str:
            return consumer.stdout.readline() if consumer.stdout else ""

        errors = tmp_path / "errors"
        lines = [heard() for _ in KEYS]
        assert sorted(lines) == sorted(f"{READ} verified {key}\n" for key in KEYS), (
            errors.read_text()
        )
        upload = an_upload("b.jpg")
        destination.put(_review(upload, 1, GIVEN))
        assert heard() == f"{GIVEN} reviewed b.jpg\n", errors.read_text()
        destination.put(_review(upload, 2, reason="no_vin"))
        assert heard() == "none reviewed b.jpg\n"
        destination.put(_review(upload, 1, GIVEN))  # a late copy
        destination.put(a_reading(upload))
        destination.put(_review(upload, 3, reason="undone"))
        assert heard() == f"{READ} verified b.jpg\n"

        typed = _review(an_upload("dead.jpg"), 1, GIVEN)
        destination.put(reviewed_reading(letter, typed, rules.parse(GIVEN)))
        assert heard() == f"{GIVEN} reviewed dead.jpg\n"
        destination.put(typed)  # says the same, and is no change
        destination.put(_review(an_upload(KEYS[0]), 1, GIVEN))
        assert heard() == f"{GIVEN} reviewed {KEYS[0]}\n"
        if hasattr(destination, "retract"):
            destination.retract(letter.id)
        destination.put(letter)
        destination.put(_review(an_upload("dead.jpg"), 2, reason="undone"))
        assert heard() == "none undone dead.jpg\n"
        last = replace(a_reading(an_upload("dead.jpg")), read_at=WHEN + dt.timedelta(days=1))
        destination.put(last)  # a redrive has read it after all
        assert heard() == f"{READ} verified dead.jpg\n"


def _spoiled(*, named: bool) -> Iterator[bytes]:
    """Yield events that differ from vindrop's in one field each: in one that names it, or another."""
    reading, review = a_reading(an_upload("secret.jpg")), _review(an_upload("secret.jpg"), 1, GIVEN)
    spoiled: list[tuple[Record, str, str, Any]] = [
        (reading, "", "id", 7),
        (reading, "", "type", ["secret"]),
        (reading, "", "type", "com.example.secret"),
        (reading, "", "time", "secret"),
        (reading, "", "time", "2026-11-22T10:00:00"),
        (reading, "", "data", None),
        (reading, "data", "vin", "secret"),
        (reading, "data", "vin", None),
        (reading, "data", "verdict", {"secret": 1}),
        (reading, "data", "upload", None),
        (reading, "upload", "key", "secret\ud800.jpg"),
        (reading, "upload", "key", None),
        (review, "data", "vin", []),
        (review, "data", "reason", 7),
        (review, "data", "sequence", "1"),
        (review, "data", "sequence", 2**70),
    ]
    for record, part, name, value in spoiled:
        if named != (name in {"id", "time"}):
            continue
        event: Any = json.loads(json.dumps(to_cloudevent(record)))
        place = {"": event, "data": event["data"], "upload": event["data"]["upload"]}[part]
        place[name] = value
        yield json.dumps(event).encode()
        del place[name]
        yield json.dumps(event).encode()


GARBAGE = [
    b"",
    b"secret",
    b"\xff\xfesecret",
    b"\xef\xbb\xbf",
    b"{}",
    b"null",
    b"7",
    b'"TopicArn"',
    b'{"TopicArn": "", "Message": "secret"}',
    b'{"detail-type": "secret", "detail": null}',
    b"[" * 20_000,
    *_spoiled(named=False),
]
"""What no vindrop wrote, and what differs from its events in one field."""
NAMELESS = list(_spoiled(named=True))
"""The same without a good `id` or `time`, of which a cloud's own bus has others."""


def _spoil(kind: str, server: Any, place: Place, name: str, given: list[str]) -> int:
    """Send all the garbage; return how many messages that is."""
    garbage = [*GARBAGE, *NAMELESS]
    if kind == "file":
        with Path(urlsplit(place.url).path).open("ab") as file:
            file.writelines(line + b"\n" for line in garbage)
    elif kind == "redis":
        for body in garbage:
            server.client().xadd(name, {"event": body})
        server.client().xadd(name, {b"\xff": "secret"})
        return len(garbage) + 1
    elif kind.startswith("amqp"):
        import pika

        connection = server.connection()
        channel = connection.channel()
        named = pika.BasicProperties(headers={"cloudEvents:id": 7, "secret": None})
        for body in garbage:
            channel.basic_publish("", name, body)
            channel.basic_publish("", name, body, named)
        connection.close()
        return 2 * len(garbage)
    elif kind.startswith("kafka"):
        import confluent_kafka

        producer = confluent_kafka.Producer({"bootstrap.servers": f"127.0.0.1:{server.port}"})
        for value in [*garbage, None]:
            producer.produce(name, value)
            producer.produce(name, value, headers=[("ce_id", b"\xff"), ("ce_type", None)])
        assert producer.flush(60) == 0
        return 2 * (len(garbage) + 1)
    else:
        texts = [body.decode() for body in garbage if body and b"\xff" not in body]
        for text in texts:
            server.client("sqs").send_message(QueueUrl=given[0], MessageBody=text)
        return len(texts)
    return len(garbage)


MESSAGES = [
    consumer for consumer in CONSUMERS if "table" not in consumer[1] and consumer[0] != "sqlite"
]


@pytest.mark.parametrize(("kind", "script", "arguments"), MESSAGES, ids=[c[0] for c in MESSAGES])
def test_what_vindrop_did_not_write_stops_no_consumer(
    kind: str, script: str, arguments: Arguments, servers: Servers, tmp_path: Path
) -> None:
    """It is told, without what it says, and acknowledged: a consumer that starts again does not meet it."""
    found = next(k for k in KINDS if k.name == kind)
    place = found.place(servers, tmp_path)
    destination: Any = open_destination(place.url, place.environment)
    destination.put(a_dead_letter(an_upload("dead.jpg")))
    server: Any = servers[found.server] if found.server else None
    name = _name(place)
    given = arguments(server, place, name)
    errors = tmp_path / "errors"

    def passed_by() -> int:
        return errors.read_text().count(": passed by, ")

    count = _spoil(kind, server, place, name, given)
    destination.put(a_reading(an_upload(KEYS[0])))
    count += _spoil(kind, server, place, name, given)
    destination.put(a_reading(an_upload(KEYS[1])))
    with _running(script, given, _environment(server, found.server), tmp_path) as consumer:
        assert consumer.stdout is not None
        lines = [consumer.stdout.readline() for _ in KEYS]
        assert sorted(lines) == sorted(f"{READ} verified {key}\n" for key in KEYS), (
            errors.read_text()
        )
        while consumer.poll() is None and passed_by() < count:  # a queue of SQS keeps no order
            time.sleep(0.1)
        told = errors.read_text()
        assert len(told.splitlines()) == passed_by() == count, told
        assert "secret" not in told
        while kind.startswith("kafka") and consumer.poll() is None:
            if _committed(server, name) == count + 3:  # its commits go out in the background
                break
            time.sleep(0.1)
        assert consumer.poll() is None, errors.read_text()
    if kind.startswith("kafka"):  # a group takes a dead member's place after 45 seconds
        return
    destination.put(a_reading(an_upload("last.jpg")))
    with _running(script, given, _environment(server, found.server), tmp_path) as consumer:
        assert consumer.stdout is not None
        assert consumer.stdout.readline() == f"{READ} verified last.jpg\n", errors.read_text()
        assert passed_by() == (count if kind == "file" else 0), errors.read_text()


def _committed(server: Any, name: str) -> int:
    import confluent_kafka

    consumer = confluent_kafka.Consumer(
        {"bootstrap.servers": f"127.0.0.1:{server.port}", "group.id": name}
    )
    partitions = consumer.list_topics(name, timeout=20).topics[name].partitions
    asked = [confluent_kafka.TopicPartition(name, number) for number in partitions]
    committed = sum(max(0, found.offset) for found in consumer.committed(asked, timeout=20))
    consumer.close()
    return committed


def test_a_line_that_is_written_in_two_parts_or_begins_anew_is_read_whole(tmp_path: Path) -> None:
    """vindrop drops a line that a crash cut short, and writes another in its place."""
    path = tmp_path / "out.jsonl"
    first, second, third = (to_json(a_reading(an_upload(key))).encode() for key in "abc")
    path.write_bytes(b"\xef\xbb\xbf" + first + b"\n" + second[:200])
    with _running("lines_of_json.py", [str(path), OWN], {**os.environ}, tmp_path) as consumer:
        assert consumer.stdout is not None
        assert consumer.stdout.readline() == f"{READ} verified a\n"
        os.truncate(path, len(first) + 4)
        with path.open("ab") as file:
            file.write(third + b"\n" + second[:100])
            file.flush()
            assert consumer.stdout.readline() == f"{READ} verified c\n"
            file.write(second[100:] + b"\n")
            file.flush()
            assert consumer.stdout.readline() == f"{READ} verified b\n"
    assert (tmp_path / "errors").read_text() == ""


def test_a_stream_that_was_trimmed_under_a_consumer_stops_it_not(
    servers: Servers, tmp_path: Path
) -> None:
    server = servers["redis"]
    place = next(k for k in KINDS if k.name == "redis").place(servers, tmp_path)
    name, client = _name(place), server.client()
    destination = open_destination(place.url, place.environment)
    destination.put(a_reading(an_upload("gone.jpg")))
    client.xgroup_create(name, "group", id="0")
    client.xreadgroup("group", "one", {name: ">"})  # taken, and not acknowledged
    client.xtrim(name, maxlen=0, approximate=False)
    destination.put(a_reading(an_upload("b.jpg")))
    given = [server.url(), name, "group", OWN]
    with _running("redis_stream.py", given, {**os.environ}, tmp_path) as consumer:
        assert consumer.stdout is not None
        assert consumer.stdout.readline() == f"{READ} verified b.jpg\n"
    assert (tmp_path / "errors").read_text().count(": passed by, ") == 1


def test_a_topic_of_sns_without_raw_delivery_is_read(servers: Servers, tmp_path: Path) -> None:
    server = servers["aws"]
    place = next(k for k in KINDS if k.name == "sns").place(servers, tmp_path)
    sns = server.client("sns")
    topic = urlsplit(place.url).path.strip("/")
    (subscription,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    sns.set_subscription_attributes(
        SubscriptionArn=subscription["SubscriptionArn"],
        AttributeName="RawMessageDelivery",
        AttributeValue="false",
    )
    open_destination(place.url, place.environment).put(a_reading(an_upload("b.jpg")))
    given = _attached_queue("-q")(server, place, "")
    with _running("sqs.py", given, _environment(server, "aws"), tmp_path) as consumer:
        assert consumer.stdout is not None
        assert consumer.stdout.readline() == f"{READ} verified b.jpg\n"


@pytest.mark.parametrize("name", ["x y#z?1%20.db", "车架号?mode=rwc#.db", "file:x.db"])
def test_a_sqlite_file_of_any_name_is_read_and_never_written(name: str, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    destination = open_destination(f"sqlite:///{tmp_path}/plain.db", {})
    destination.put(a_reading(an_upload("b.jpg")))
    with (
        contextlib.closing(sqlite3.connect(tmp_path / "plain.db")) as plain,
        contextlib.closing(sqlite3.connect(place / name)) as copy,
    ):
        plain.backup(copy)
    before = (place / name).read_bytes()
    own = f"own {name}"
    with _running("sqlite_file.py", [name, own], {**os.environ}, place) as consumer:
        assert consumer.stdout is not None
        assert consumer.stdout.readline() == f"{READ} verified b.jpg\n", (
            place / "errors"
        ).read_text()
    assert (place / name).read_bytes() == before
    with _running("sqlite_file.py", ["no" + name, own], {**os.environ}, place) as consumer:
        assert consumer.wait(60) != 0  # a file that is not there is an error, and is not made
    left = {re.sub("-(wal|shm|journal)$", "", path.name) for path in place.iterdir()}
    assert left == {name, own, "errors"}


def test_a_table_that_is_scanned_has_the_vins_in_force(servers: Servers, tmp_path: Path) -> None:
    found = next(k for k in KINDS if k.name == "dynamodb")
    place, server = found.place(servers, tmp_path), servers["aws"]
    destination = open_destination(place.url, place.environment)
    uploads = [an_upload(key) for key in ("a.jpg", "b.jpg", "c.jpg", "d.jpg")]
    for upload in uploads:
        destination.put(a_reading(upload))
    destination.put(_review(uploads[1], 1, GIVEN))
    destination.put(_review(uploads[2], 1, reason="no_vin"))
    destination.put(_review(uploads[3], 1, GIVEN))
    destination.put(_review(uploads[3], 2, reason="undone"))
    table = [f"{_name(place)}_readings"]
    environment = _environment(server, "aws")
    with _running("dynamodb_table.py", table, environment, tmp_path) as consumer:
        lines = consumer.stdout.read().splitlines() if consumer.stdout else []
    assert sorted(lines) == [
        f"{GIVEN} reviewed b.jpg",
        f"{READ} verified a.jpg",
        f"{READ} verified d.jpg",
        "none reviewed c.jpg",
    ], (tmp_path / "errors").read_text()


def test_a_function_is_handed_every_vin(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)
    scope: dict[str, Any] = {}
    exec(compile((EXAMPLES / "cloud_function.py").read_text(), "cloud_function.py", "exec"), scope)
    records: list[Record] = [
        a_reading(),
        _review(an_upload(), 1, GIVEN),
        _review(an_upload(), 2, reason="no_photo"),
        _review(an_upload(), 3, reason="undone"),
        a_dead_letter(),
        replace(a_dead_letter(), upload=None),
    ]
    said = [
        f"{READ} verified vin/a.jpg",
        f"{GIVEN} reviewed 1 vin/a.jpg",
        "none reviewed 2 vin/a.jpg",
        "the reading counts again 3 vin/a.jpg",
    ]
    wrapped: list[Callable[[dict[str, Any], str], dict[str, Any]]] = [
        lambda _, text: {"Records": [{"CMQ": {"type": "topic", "msgBody": text, "msgTag": []}}]},
        lambda _, text: {"Records": [{"Sns": {"Message": text}}]},
        lambda _, text: {"Records": [{"eventSource": "aws:sqs", "body": text}]},
        lambda event, _: {"source": "vindrop", "detail-type": event["type"], "detail": event},
        lambda event, _: {"specversion": "1.0", "type": event["type"], "data": event["data"]},
    ]
    for wrap in wrapped:
        for record in records:
            event = to_cloudevent(record)
            scope["main_handler"](wrap(event, json.dumps(event)), None)
        assert capsys.readouterr().out.splitlines() == said
    for wrap in wrapped[:3]:
        texts = [body.decode() for body in GARBAGE if b"\xff" not in body]
        for text in texts:
            scope["main_handler"](wrap({}, text), None)
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.count(": passed by, ") == len(texts)
        assert "secret" not in captured.err
    scope["main_handler"]({"Records": [{"s3": {}}]}, None)
    scope["main_handler"]({}, None)
    assert capsys.readouterr().err.count(": passed by, ") == 2
