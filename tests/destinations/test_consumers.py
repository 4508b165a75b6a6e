"""The consumer examples of the docs, run as their readers would run them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.destinations.kinds import AWS_KEYS, KINDS, Place
from tests.library.conftest import a_dead_letter, a_reading, an_upload
from tests.stores.fixtures import Servers
from tests.stores.servers import PASSWORD
from vindrop.destinations import open_destination
from vindrop.domain.records import to_cloudevent

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples" / "consumers"
KEYS = ["车架号/a.jpg", "b.jpg"]

Arguments = Callable[[Any, Place, str], list[str]]


def _sqs_url(server: Any, place: Place, _: str) -> list[str]:
    queue = urlsplit(place.url).path.rpartition(":")[2]
    return [str(server.client("sqs").get_queue_url(QueueName=queue)["QueueUrl"])]


def _attached_queue(suffix: str) -> Arguments:
    def arguments(server: Any, place: Place, _: str) -> list[str]:
        name = urlsplit(place.url).path.rpartition(":")[2].rpartition("/")[2] + suffix
        return [str(server.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])]

    return arguments


CONSUMERS: list[tuple[str, str, Arguments]] = [
    ("sqlite", "sqlite_file.py", lambda _, place, name: [urlsplit(place.url).path[1:]]),
    ("file", "lines_of_json.py", lambda _, place, name: [urlsplit(place.url).path]),
    ("postgresql", "postgresql_table.py", lambda _, place, name: [place.url]),
    (
        "mysql",
        "mysql_table.py",
        lambda server, place, name: ["127.0.0.1", str(server.port), "owner", PASSWORD, name],
    ),
    ("dynamodb", "dynamodb_table.py", lambda _, place, name: [f"{name}_readings"]),
    ("redis", "redis_stream.py", lambda server, place, name: [server.url(), name, "group"]),
    ("amqp", "rabbitmq.py", lambda server, place, name: [server.url(), name]),
    ("amqp-binary", "rabbitmq.py", lambda server, place, name: [server.url(), name]),
    (
        "kafka",
        "kafka.py",
        lambda server, place, name: [f"127.0.0.1:{server.port}", name, name],
    ),
    (
        "kafka-binary",
        "kafka.py",
        lambda server, place, name: [f"127.0.0.1:{server.port}", name, name],
    ),
    ("sqs", "sqs.py", _sqs_url),
    ("sns", "sqs.py", _attached_queue("-q")),
    ("eventbridge", "sqs.py", _attached_queue("")),
]


@pytest.mark.parametrize(("kind", "script", "arguments"), CONSUMERS, ids=[c[0] for c in CONSUMERS])
def test_a_consumer_gets_every_vin_once(
    kind: str, script: str, arguments: Arguments, servers: Servers, tmp_path: Path
) -> None:
    found = next(k for k in KINDS if k.name == kind)
    place = found.place(servers, tmp_path)
    destination = open_destination(place.url, place.environment)
    destination.put(a_dead_letter(an_upload("dead.jpg")))
    for key in KEYS:
        destination.put(a_reading(an_upload(key)))
        destination.put(a_reading(an_upload(key)))
    split = urlsplit(place.url)
    name = split.path.strip("/").partition("/")[2] or split.path.strip("/")
    for part in split.query.split("&"):
        if part.startswith(("queue=", "stream=")):
            name = part.partition("=")[2]
    server: Any = servers[found.server] if found.server else None
    environment = {**os.environ, **AWS_KEYS, "AWS_DEFAULT_REGION": "us-east-1"}
    if found.server == "aws":
        environment["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{server.port}"
    consumer = subprocess.Popen(
        [sys.executable, str(EXAMPLES / script), *arguments(server, place, name)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        lines = [consumer.stdout.readline() for _ in KEYS] if consumer.stdout else []
    finally:
        consumer.terminate()
        _, errors = consumer.communicate(timeout=20)
    assert sorted(lines) == sorted(f"LSGPC52H9GF125161 verified {key}\n" for key in KEYS), errors


def test_a_function_is_handed_every_vin(capsys: pytest.CaptureFixture[str]) -> None:
    scope: dict[str, Any] = {}
    exec(compile((EXAMPLES / "cloud_function.py").read_text(), "cloud_function.py", "exec"), scope)
    event = to_cloudevent(a_reading())
    letter = to_cloudevent(a_dead_letter())
    text = json.dumps(event)
    for given in (
        {"Records": [{"CMQ": {"type": "topic", "msgBody": text, "msgTag": ["tencent"]}}]},
        {"Records": [{"Sns": {"Message": text}}]},
        {"Records": [{"eventSource": "aws:sqs", "body": text}]},
        {"source": "vindrop", "detail-type": event["type"], "detail": event},
        {"specversion": "1.0", "type": event["type"], "data": event["data"]},
        {"specversion": "1.0", "type": letter["type"], "data": letter["data"]},
    ):
        scope["main_handler"](given, None)
    assert capsys.readouterr().out == "LSGPC52H9GF125161 verified vin/a.jpg\n" * 5
