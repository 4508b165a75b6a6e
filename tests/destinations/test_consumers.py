"""The consumer examples of the docs, run as their readers would run them."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
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
from vindrop.domain.records import Record, to_cloudevent
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


def test_a_function_is_handed_every_vin(capsys: pytest.CaptureFixture[str]) -> None:
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
