"""Every kind of destination: how a fresh one is made, and how a consumer reads it."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast

from tests import secrets
from tests.leaks import heard
from tests.stores import tencent_api
from tests.stores.fixtures import Servers
from vindrop.core.destination import Kind, Readable
from vindrop.destinations import open_destination
from vindrop.domain.records import DeadLetter, Reading, to_cloudevent

AWS_KEYS = secrets.AWS
TENCENT_KEYS = {
    "TENCENTCLOUD_SECRETID": tencent_api.SECRET_ID,
    "TENCENTCLOUD_SECRETKEY": tencent_api.SECRET_KEY,
    "TENCENTCLOUD_SESSIONTOKEN": tencent_api.TOKEN,
}


@dataclass(frozen=True)
class Received:
    """What a consumer got."""

    event: dict[str, Any]
    """The structured event; for a binary message put together again from its parts."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """What a subscriber filters by."""
    redelivered: bool = False


@dataclass(frozen=True)
class Place:
    """A fresh destination."""

    url: str
    read: Callable[[], list[Received]]
    """Everything in it."""
    environment: Mapping[str, str] = field(default_factory=dict)


Promise = Literal["once", "marked"]


@dataclass(frozen=True)
class DestinationKind:
    name: str
    server: str | None
    """Which of the servers; None for a file."""
    make: Callable[[Any, str, Path], Place]
    promise: Promise
    """``once``: a second copy is dropped. ``marked``: it says that it is one."""
    filters: bool = True
    """Whether messages carry attributes."""

    def place(self, servers: Servers, folder: Path) -> Place:
        server = servers[self.server] if self.server else None
        made = self.make(server, f"t{uuid.uuid4().hex[:12]}", folder)

        def read() -> list[Received]:
            found = made.read()
            heard(f"what came through {self.name}", repr(found))
            return found

        return replace(made, read=read)


def _readable(url: str, environment: Mapping[str, str]) -> Callable[[], list[Received]]:
    def read() -> list[Received]:
        destination = cast("Readable", open_destination(url, environment))
        kinds: tuple[Kind, ...] = ("readings", "dead_letters")
        return [
            Received(to_cloudevent(record))
            for kind in kinds
            for record in destination.records(kind)
            if isinstance(record, Reading | DeadLetter)
        ]

    return read


def _sqlite(_: Any, name: str, folder: Path) -> Place:
    url = f"sqlite:///{folder}/{name}.db"
    return Place(url, _readable(url, {}))


def _file(_: Any, name: str, folder: Path) -> Place:
    url = f"file://{folder}/{name}.jsonl"
    return Place(url, _readable(url, {}))


def _database(server: Any, name: str, _: Path) -> Place:
    server.sql(f"CREATE DATABASE {name}")
    url = server.url(name)
    return Place(url, _readable(url, {}))


def _dynamodb(server: Any, name: str, _: Path) -> Place:
    url = f"dynamodb://us-east-1/{name}?endpoint={server.endpoint}"
    return Place(url, _readable(url, AWS_KEYS), AWS_KEYS)


def _redis(server: Any, name: str, _: Path) -> Place:
    def read() -> list[Received]:
        found = []
        for _, fields in server.client().xrange(name):
            text = {key.decode(): value.decode() for key, value in fields.items()}
            event = json.loads(text.pop("event"))
            assert text.pop("id") == event["id"]
            found.append(Received(event, text, "redelivered" in text))
        return found

    return Place(f"{server.url()}?stream={name}", read)


def _amqp(mode: str) -> Callable[[Any, str, Path], Place]:
    def make(server: Any, name: str, _: Path) -> Place:
        def read() -> list[Received]:
            connection = server.connection()
            channel = connection.channel()
            found: list[Received] = []
            while (got := channel.basic_get(name, auto_ack=False))[0] is not None:
                _, properties, body = got
                assert properties.delivery_mode == 2
                found.append(
                    _message(
                        properties.content_type, dict(properties.headers), body, "cloudEvents:"
                    )
                )
                assert properties.message_id == found[-1].event["id"]
            connection.close()  # unacknowledged, so the queue keeps them
            return found

        return Place(f"{server.url()}?queue={name}&mode={mode}", read)

    return make


def _kafka(mode: str) -> Callable[[Any, str, Path], Place]:
    def make(server: Any, name: str, _: Path) -> Place:
        return Place(
            f"{server.url(name)}?mode={mode}&timeout_seconds=4",
            lambda: list(_consume(server, name)),
        )

    return make


def _consume(server: Any, topic: str) -> Iterator[Received]:
    import confluent_kafka

    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": f"127.0.0.1:{server.port}",
            "group.id": "unused",
            "enable.partition.eof": True,
        }
    )
    partitions = consumer.list_topics(topic, timeout=20).topics[topic].partitions
    waiting = set(partitions)
    consumer.assign([confluent_kafka.TopicPartition(topic, number, 0) for number in partitions])
    deadline = time.monotonic() + 60
    while waiting and time.monotonic() < deadline:
        message = consumer.poll(1)
        if message is None:
            continue
        if message.error():
            waiting.discard(message.partition())
            continue
        pairs = cast("list[tuple[str, bytes]]", message.headers())
        headers = {key: value.decode() for key, value in pairs}
        body, named = cast("bytes", message.value()), cast("bytes", message.key())
        received = _message(headers.pop("content-type"), headers, body, "ce_")
        upload = received.event["data"]["upload"]
        assert named.decode() == (upload["key"] if upload else received.event["id"])
        yield received
    consumer.close()
    assert not waiting


def _message(content_type: str, headers: dict[str, str], body: bytes, prefix: str) -> Received:
    """Read a message in either mode, as a consumer would: by its content type."""
    data = json.loads(body)
    redelivered = "redelivered" in headers
    if content_type.startswith("application/cloudevents+json"):
        return Received(data, headers, redelivered)
    assert content_type == "application/json"
    event = {
        name.removeprefix(prefix): value
        for name, value in headers.items()
        if name.startswith(prefix)
    }
    event |= {"datacontenttype": content_type, "data": data}
    others = {name: value for name, value in headers.items() if not name.startswith(prefix)}
    return Received(event, others, redelivered)


def _drain(server: Any, queue: str, *, attributes: bool = True) -> list[tuple[str, dict[str, str]]]:
    """Return the messages of an SQS queue, taken out of it."""
    sqs = server.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    found: list[tuple[str, dict[str, str]]] = []
    while True:
        page = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            VisibilityTimeout=60,
        ).get("Messages", [])
        if not page:
            return found
        for message in page:
            named = message.get("MessageAttributes", {}) if attributes else {}
            found.append((message["Body"], {k: v["StringValue"] for k, v in named.items()}))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def _keeping(read: Callable[[], list[Received]]) -> Callable[[], list[Received]]:
    """A queue is emptied by reading it; tests look twice."""
    kept: list[Received] = []

    def again() -> list[Received]:
        kept.extend(read())
        return list(kept)

    return again


def _new_queue(server: Any, name: str) -> str:
    fifo = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
    url = server.client("sqs").create_queue(QueueName=name, Attributes=fifo)["QueueUrl"]
    return str(
        server.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])[
            "Attributes"
        ]["QueueArn"]
    )


def _sqs(suffix: str) -> Callable[[Any, str, Path], Place]:
    def make(server: Any, name: str, _: Path) -> Place:
        queue = name + suffix
        arn = _new_queue(server, queue)

        def read() -> list[Received]:
            return [
                Received(json.loads(body), named, "redelivered" in named)
                for body, named in _drain(server, queue)
            ]

        return Place(f"sqs:///{arn}?endpoint={server.endpoint}", _keeping(read), AWS_KEYS)

    return make


def _sns(suffix: str) -> Callable[[Any, str, Path], Place]:
    def make(server: Any, name: str, _: Path) -> Place:
        queue = _new_queue(server, f"{name}-q{suffix}")
        sns = server.client("sns")
        fifo = {"FifoTopic": "true"} if suffix else {}
        topic = sns.create_topic(Name=name + suffix, Attributes=fifo)["TopicArn"]
        sns.subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=queue,
            Attributes={"RawMessageDelivery": "true"},
        )

        def read() -> list[Received]:
            return [
                Received(json.loads(body), named, "redelivered" in named)
                for body, named in _drain(server, f"{name}-q{suffix}")
            ]

        return Place(f"sns:///{topic}?endpoint={server.endpoint}", _keeping(read), AWS_KEYS)

    return make


def _eventbridge(server: Any, name: str, _: Path) -> Place:
    queue = _new_queue(server, name)
    events = server.client("events")
    events.create_event_bus(Name=name)
    events.put_rule(Name=name, EventBusName=name, EventPattern=json.dumps({"source": ["vindrop"]}))
    events.put_targets(Rule=name, EventBusName=name, Targets=[{"Id": "1", "Arn": queue}])

    def read() -> list[Received]:
        found = []
        for body, _ in _drain(server, name, attributes=False):
            entry = json.loads(body)
            detail = entry["detail"]
            attributes = detail.pop("attributes")
            assert entry["detail-type"] == detail["type"]
            found.append(Received(detail, attributes, "redelivered" in attributes))
        return found

    return Place(
        f"eventbridge://us-east-1/{name}?endpoint={server.endpoint}", _keeping(read), AWS_KEYS
    )


def _cmq(kind: str) -> Callable[[Any, str, Path], Place]:
    def make(api: Any, name: str, _: Path) -> Place:
        def read() -> list[Received]:
            found = []
            for sent in api.sent.get(name, []):
                event = json.loads(sent["body"])
                redelivered = bool(event.pop("redelivered", None))
                # Tags have no names: what a subscription lists.
                found.append(
                    Received(event, {tag: tag for tag in sent.get("tags", [])}, redelivered)
                )
            return found

        return Place(
            f"cmq-{kind}://ap-guangzhou/{name}?endpoint={api.endpoint}", read, TENCENT_KEYS
        )

    return make


def _tencent_eventbridge(api: Any, name: str, _: Path) -> Place:
    def read() -> list[Received]:
        return [
            Received(
                {"specversion": "1.0", "datacontenttype": "application/json"}
                | {key: sent[key] for key in ("id", "source", "type", "subject", "data")},
                sent["tags"],
                "redelivered" in sent["tags"],
            )
            for sent in api.sent.get(name, [])
        ]

    return Place(
        f"tencent-eventbridge://ap-guangzhou/{name}?endpoint={api.endpoint}", read, TENCENT_KEYS
    )


KINDS = (
    DestinationKind("sqlite", None, _sqlite, "once", filters=False),
    DestinationKind("file", None, _file, "once", filters=False),
    DestinationKind("postgresql", "postgresql", _database, "once", filters=False),
    DestinationKind("mysql", "mariadb", _database, "once", filters=False),
    DestinationKind("dynamodb", "aws", _dynamodb, "once", filters=False),
    DestinationKind("redis", "redis", _redis, "once"),
    DestinationKind("amqp", "rabbitmq", _amqp("structured"), "marked"),
    DestinationKind("amqp-binary", "rabbitmq", _amqp("binary"), "marked"),
    DestinationKind("kafka", "kafka", _kafka("structured"), "marked"),
    DestinationKind("kafka-binary", "kafka", _kafka("binary"), "marked"),
    DestinationKind("sqs", "aws", _sqs(""), "marked"),
    DestinationKind("sqs-fifo", "aws", _sqs(".fifo"), "once"),
    DestinationKind("sns", "aws", _sns(""), "marked"),
    DestinationKind("sns-fifo", "aws", _sns(".fifo"), "once"),
    DestinationKind("eventbridge", "aws", _eventbridge, "marked"),
    DestinationKind("tencent-eventbridge", "tencent", _tencent_eventbridge, "marked"),
    DestinationKind("cmq-queue", "tencent", _cmq("queue"), "marked", filters=False),
    DestinationKind("cmq-topic", "tencent", _cmq("topic"), "marked"),
)
