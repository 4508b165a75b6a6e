"""The consumer examples of the docs, run as their readers would run them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.destinations.kinds import AWS_KEYS, KINDS, Place
from tests.library.conftest import a_dead_letter, a_reading, a_review, an_upload
from tests.stores.fixtures import Servers
from tests.stores.servers import PASSWORD
from vindrop.destinations import open_destination
from vindrop.domain.records import Record, to_cloudevent
from vindrop.domain.review import Reason, Review
from vindrop.domain.vin import Verdict

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples" / "consumers"

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


OTHER = "1M8GDM9AXKP042788"
UPLOAD = an_upload("车架号/a.jpg")
READING = a_reading(UPLOAD)
LETTER = a_dead_letter(an_upload("dead.jpg"))
BY_PERSON = replace(a_reading(an_upload("dead.jpg"), OTHER), verdict=Verdict.REVIEWED)


def review(sequence: int, vin: str | None = None, reason: Reason | None = None) -> Review:
    return replace(a_review(UPLOAD), sequence=sequence, vin=vin, reason=reason)


STEPS: list[tuple[list[Record], str]] = [
    ([LETTER, READING, READING], "LSGPC52H9GF125161 verified 车架号/a.jpg"),
    ([review(1, OTHER), review(1, OTHER)], "1M8GDM9AXKP042788 reviewed 车架号/a.jpg"),
    ([review(3, None, "no_vin"), review(2, READING.vin), READING], "- reviewed 车架号/a.jpg"),
    ([review(4, None, "undone")], "LSGPC52H9GF125161 verified 车架号/a.jpg"),
    (
        [BY_PERSON, replace(a_review(LETTER.upload), vin=OTHER)],
        "1M8GDM9AXKP042788 reviewed dead.jpg",
    ),
    (
        [replace(a_review(LETTER.upload), vin=None, reason="undone", sequence=2), LETTER],
        "- undone dead.jpg",
    ),
    ([a_reading(an_upload("last.jpg"))], "LSGPC52H9GF125161 verified last.jpg"),
]
"""What arrives, and the one line that a consumer has for it: with copies, and what is older than what stands."""


class Consumer:
    """An example, started as its readers would start it, on a fresh destination."""

    def __init__(self, kind: str, servers: Servers, folder: Path) -> None:
        found = next(k for k in KINDS if k.name == kind)
        _, script, arguments = next(each for each in CONSUMERS if each[0] == kind)
        place = found.place(servers, folder)
        self.destination: Any = open_destination(place.url, place.environment)
        self.destination.put(a_dead_letter(an_upload("never.jpg")))
        split = urlsplit(place.url)
        name = split.path.strip("/").partition("/")[2] or split.path.strip("/")
        for part in split.query.split("&"):
            if part.startswith(("queue=", "stream=")):
                name = part.partition("=")[2]
        server: Any = servers[found.server] if found.server else None
        self._environment = {**os.environ, **AWS_KEYS, "AWS_DEFAULT_REGION": "us-east-1"}
        if found.server == "aws":
            self._environment["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{server.port}"
        self._command = [sys.executable, str(EXAMPLES / script), *arguments(server, place, name)]

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self._command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self._environment,
        )

    def take(self, records: list[Record]) -> None:
        for record in records:
            if record is LETTER and hasattr(self.destination, "retract"):
                self.destination.retract(record.id)
            self.destination.put(record)
            if record is BY_PERSON and hasattr(self.destination, "withdraw"):
                self.destination.withdraw(record.id)


@pytest.mark.parametrize("kind", [kind for kind, *_ in CONSUMERS if kind != "dynamodb"])
def test_a_consumer_has_the_vin_in_force_and_each_change_once(
    kind: str, servers: Servers, tmp_path: Path
) -> None:
    """What stands is waited for before the next arrives: a table tells what stands, not what stood."""
    consumer = Consumer(kind, servers, tmp_path)
    consumer.take(STEPS[0][0])  # what is there before it starts
    process, lines = consumer.start(), []
    assert process.stdout is not None
    try:
        for number, (records, _) in enumerate(STEPS):
            if number:
                consumer.take(records)
            lines.append(process.stdout.readline().rstrip("\n"))
    finally:
        process.terminate()
        rest, errors = process.communicate(timeout=20)
    assert lines == [line for _, line in STEPS], errors
    assert rest == "", "nothing twice"


def test_a_scan_finds_the_vins_in_force(servers: Servers, tmp_path: Path) -> None:
    consumer = Consumer("dynamodb", servers, tmp_path)
    standing: dict[str, str] = {}
    for records, line in STEPS:
        consumer.take(records)
        standing[line.rpartition(" ")[2]] = line
        process = consumer.start()
        said, errors = process.communicate(timeout=60)
        # A dead letter that stands again is no reading.
        assert sorted(said.splitlines()) == sorted(
            each for each in standing.values() if "undone" not in each
        ), errors


def test_a_function_is_handed_every_vin(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)
    scope: dict[str, Any] = {}
    exec(compile((EXAMPLES / "cloud_function.py").read_text(), "cloud_function.py", "exec"), scope)

    def ways(record: Record) -> list[dict[str, Any]]:
        event = to_cloudevent(record)
        text = json.dumps(event)
        return [
            {"Records": [{"CMQ": {"type": "topic", "msgBody": text, "msgTag": ["tencent"]}}]},
            {"Records": [{"Sns": {"Message": text}}]},
            {"Records": [{"eventSource": "aws:sqs", "body": text}]},
            {"source": "vindrop", "detail-type": event["type"], "detail": event},
            {"specversion": "1.0", "type": event["type"], "id": event["id"], "data": event["data"]},
        ]

    for way in range(5):
        scope["vins"] = scope["Vins"]()
        for records, line in STEPS:
            for record in records:
                scope["main_handler"](ways(record)[way], None)
            assert capsys.readouterr().out == line + "\n"
