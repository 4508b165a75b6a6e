"""What goes wrong is one clear sentence without secrets; the upload waits and is not lost."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.pool import Pool
from pathlib import Path

import pytest

from tests.destinations.kinds import AWS_KEYS, KINDS, TENCENT_KEYS, DestinationKind
from tests.library.conftest import a_reading, an_upload
from tests.stores.fixtures import Servers
from vindrop.core.store_errors import StoreError, StoreSettingError
from vindrop.destinations import open_destination

MEGABYTE = 1_000_000


def refusal(url: str, environment: Mapping[str, str] | None = None, megabytes: float = 0) -> str:
    """Bring a record and return what the destination says against it."""
    reading = replace(a_reading(), as_read="x" * round(megabytes * MEGABYTE))
    with pytest.raises(StoreError) as error:
        open_destination(url, environment or {}).put(reading)
    said = str(error.value)
    assert "\n" not in said
    assert "planted" not in said
    return said


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("postgresql", "password"),
        ("mysql", "Access denied"),
        ("redis", "password"),
        ("amqp", "ACCESS_REFUSED"),
        ("cmq-queue", "SignatureFailure"),
        ("tencent-eventbridge", "SignatureFailure"),
    ],
)
def test_a_wrong_password(kind: str, says: str, servers: Servers, tmp_path: Path) -> None:
    place = by_name(kind).place(servers, tmp_path)
    wrong = place.url.replace("planted-password", "planted-wrong")
    keys = dict(place.environment)
    if kind in {"cmq-queue", "tencent-eventbridge"}:
        keys["TENCENTCLOUD_SECRETKEY"] = "planted-wrong"
    assert says.lower() in refusal(wrong, keys).lower()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqs://us-east-1/missing?endpoint={aws}", "NonExistentQueue"),
        ("sns://us-east-1/123456789012/missing?endpoint={aws}", "NotFound"),
        ("cmq-queue://ap-guangzhou/missing-queue?endpoint={tencent}", "ResourceNotFound"),
        ("cmq-topic://ap-guangzhou/missing-topic?endpoint={tencent}", "ResourceNotFound"),
        ("tencent-eventbridge://ap-guangzhou/missing?endpoint={tencent}", "ResourceNotFound"),
        ("{rabbitmq}?exchange=missing", "no exchange"),
        ("{rabbitmq}?exchange=amq.topic", "bind one"),
        ("{postgresql}/missing", "does not exist"),
        ("{mariadb}/missing", "Unknown database"),
        ("{redis}?stream=taken", "WRONGTYPE"),
    ],
)
def test_a_table_queue_or_topic_that_is_not_there(url: str, says: str, servers: Servers) -> None:
    place = url
    if "{aws}" in url:
        place = url.format(aws=servers["aws"].endpoint)
    elif "{tencent}" in url:
        place = url.format(tencent=servers["tencent"].endpoint)
    elif "{redis}" in url:
        servers["redis"].client().set("taken", "not a stream")
        place = url.format(redis=servers["redis"].url())
    elif "{rabbitmq}" in url:
        place = url.format(rabbitmq=servers["rabbitmq"].url())
    else:
        name = "postgresql" if "{postgresql}" in url else "mariadb"
        place = servers[name].url("missing")
    assert says in refusal(place, AWS_KEYS | TENCENT_KEYS)


def test_a_table_that_may_not_be_made(servers: Servers) -> None:
    """A user without the right to make tables is told so at the start."""
    server = servers["postgresql"]
    server.sql("CREATE DATABASE bare")
    server.sql("CREATE USER reader PASSWORD 'planted-password'")
    with pytest.raises(StoreError, match="permission denied"):
        open_destination(server.url("bare", user="reader"))


@pytest.mark.parametrize(
    ("kind", "megabytes"),
    [
        ("sqs", 1.2),
        ("sns", 1.2),
        ("eventbridge", 1.2),
        ("dynamodb", 0.5),
        ("kafka", 1.2),
        ("cmq-queue", 1.2),
        ("cmq-topic", 1.2),
        ("tencent-eventbridge", 1.2),
        ("amqp", 1.2),
        ("mysql", 20),
    ],
)
def test_a_message_that_is_too_large(
    kind: str, megabytes: float, servers: Servers, tmp_path: Path
) -> None:
    place = by_name(kind).place(servers, tmp_path)
    refusal(place.url, place.environment, megabytes)
    # And it stands in nobody's way.
    destination = open_destination(place.url, place.environment)
    destination.put(a_reading(an_upload("next.jpg")))
    assert [r.event["data"]["upload"]["key"] for r in place.read()] == ["next.jpg"]


def test_a_full_queue_and_a_full_memory(servers: Servers, tmp_path: Path) -> None:
    connection = servers["rabbitmq"].connection()
    connection.channel().queue_declare(
        "full", durable=True, arguments={"x-max-length": 0, "x-overflow": "reject-publish"}
    )
    connection.close()
    assert "full" in refusal(f"{servers['rabbitmq'].url()}?queue=full")

    redis = servers["redis"].client()
    redis.config_set("maxmemory", "1")
    try:
        said = refusal(f"{servers['redis'].url()}?stream=full")
    finally:
        redis.config_set("maxmemory", "0")
    assert "memory" in said


@contextmanager
def _disk_of(size: int) -> Iterator[None]:
    """Files may not grow beyond ``size`` bytes: what a full disk is to a program."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def _fill(url: str) -> tuple[int, str]:
    """Bring records until the disk is full; how many were taken, and what was said."""
    destination = open_destination(url)
    with _disk_of(200_000):
        for number in range(2000):
            try:
                destination.put(a_reading(an_upload(f"{number}.jpg")))
            except StoreError as error:
                return number, str(error)
    return 2000, ""


@pytest.mark.parametrize("kind", ["file", "sqlite"])
def test_a_full_disk(kind: str, servers: Servers, tmp_path: Path, processes: Pool) -> None:
    place = by_name(kind).place(servers, tmp_path)
    taken, said = processes.apply(_fill, [place.url])
    assert 10 < taken < 2000
    assert said
    # There is room again: nothing that was taken is missing, nothing half-written is left.
    open_destination(place.url).put(a_reading(an_upload("after.jpg")))
    keys = [r.event["data"]["upload"]["key"] for r in place.read()]
    assert sorted(keys) == sorted([*(f"{number}.jpg" for number in range(taken)), "after.jpg"])


@pytest.mark.parametrize(
    "url",
    [
        "kafka://host:9092",
        "kafka://host:9092/topic?security=tls",
        "kafka://user:x@host:9092/topic?security=plaintext",
        "kafka://host:9092/topic?security=sasl_ssl",
        "kafka://instance#user:x@host:9092/topic",
        "kafka://host/topic?ssl_ca=/not/there&security=ssl",
        "amqp://host/vhost",
        "amqp://host/?queue=a&exchange=b",
        "amqp://host/?queue=a&mode=other",
        "redis://host/0?steam=x",
        "redis://host/0?stream=a&stream=b",
        "redis://host/0?dedupe_seconds=0",
        "sqs://us-east-1",
        "sqs:///queue",
        "sqs:///arn:aws:sns:us-east-1:1:topic",
        "sns://us-east-1/topic",
        "eventbridge://us-east-1/bus?endpoint=nonsense",
        "tencent-eventbridge://ap-guangzhou",
        "tencent-eventbridge:///bus",
        "cmq-queue://ap-guangzhou/a/b",
        "cmq-topic://ap-guangzhou/t?endpoint=ftp://x",
        "dynamodb://us-east-1/with%20space",
        "mysql://host",
        "mysql://host/db?charset=x",
    ],
)
def test_a_wrong_url_is_one_sentence_at_the_start(url: str) -> None:
    with pytest.raises(StoreSettingError) as error:
        open_destination(url, {})
    assert "\n" not in str(error.value)
    assert len(str(error.value)) > 20


@pytest.mark.parametrize(
    ("url", "module", "extra"),
    [
        ("kafka://h:9092/t", "confluent_kafka", "kafka"),
        ("amqp://h/?queue=q", "pika", "amqp"),
        ("redis://h/0", "redis", "redis"),
        ("sqs://us-east-1/q", "botocore.session", "aws"),
        ("postgresql://h/d", "psycopg", "postgresql"),
        ("mysql://h/d", "pymysql", "mysql"),
    ],
)
def test_a_client_that_is_not_installed(
    url: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(StoreSettingError, match=rf"install vindrop\[{extra}\]"):
        open_destination(url, {})


def test_without_keys_it_says_which_to_give(servers: Servers) -> None:
    url = f"cmq-queue://ap-guangzhou/q?endpoint={servers['tencent'].endpoint}"
    assert "TENCENTCLOUD_SECRETID" in refusal(url, {})


def test_keys_are_read_anew_at_every_call(servers: Servers) -> None:
    """An execution role's keys change while a function lives."""
    api = servers["tencent"]
    environment = dict(TENCENT_KEYS)
    destination = open_destination(
        f"cmq-queue://ap-guangzhou/q?endpoint={api.endpoint}", environment
    )
    for token in ("planted-one", "planted-two"):
        environment["TENCENTCLOUD_SESSIONTOKEN"] = token
        destination.put(a_reading())
    assert {"planted-one", "planted-two"} <= api.seen_tokens


def by_name(name: str) -> DestinationKind:
    return next(kind for kind in KINDS if kind.name == name)
