"""Redrive: history kept, counted once, safe to run twice; the dead letter leaves when it may."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.destinations.flow import Flow
from tests.destinations.kinds import AWS_KEYS, KINDS, Place
from tests.library.conftest import WHEN, a_dead_letter, an_upload
from tests.stores.fixtures import Servers
from vindrop.core.redrive import Selection, redrive
from vindrop.core.store_errors import StoreError
from vindrop.destinations import open_destination
from vindrop.destinations.file import FileDestination
from vindrop.domain.failures import Disposition
from vindrop.domain.records import DeadLetter, Reading, from_cloudevent
from vindrop.domain.upload import Upload
from vindrop_local import cli

BLURRED = ("FailedOperation.ImageBlur", "the picture is blurred")
OTHER = ("FailedOperation.OcrFailed", "OCR failed")


def place_of(kind: str, servers: Servers, folder: Path) -> Place:
    return next(k for k in KINDS if k.name == kind).place(servers, folder)


def letters(place: Place) -> list[DeadLetter]:
    found = [from_cloudevent(received.event) for received in place.read()]
    return [record for record in found if isinstance(record, DeadLetter)]


@pytest.mark.parametrize("apart", [False, True], ids=["with the readings", "apart from them"])
@pytest.mark.parametrize("kind", ["sqlite", "file", "postgresql", "mysql", "dynamodb"])
def test_a_dead_letter_leaves_only_when_its_upload_ended_otherwise(
    kind: str, apart: bool, servers: Servers, tmp_path: Path
) -> None:
    dead = place_of(kind, servers, tmp_path)
    results = place_of(kind, servers, tmp_path) if apart else dead
    flow = Flow(f"sqlite:///{tmp_path}/ledger.db", results.url, dead.url, AWS_KEYS)
    flow.answers.failure = BLURRED
    flow.process(an_upload())
    (first,) = letters(dead)
    assert (first.code, first.redriven) == (BLURRED[0], 0)

    assert [r.result for r in redrive([first], flow.ledger)] == ["redriven"]
    assert letters(dead) == [first]  # it has not ended yet
    assert [r.result for r in redrive([first], flow.ledger)] == ["under_way"]

    flow.answers.failure = OTHER
    assert [outcome.end for outcome in flow.sweep()] == ["dead_letter"]
    (second,) = letters(dead)  # the newer replaces the older
    assert (second.code, second.redriven) == (OTHER[0], 1)
    assert second.first_seen < first.last_seen  # seen long before it was redriven
    assert second.attempts == 1

    list(redrive([second], flow.ledger))
    flow.answers.failure = None
    assert [outcome.end for outcome in flow.sweep()] == ["reading"]
    assert letters(dead) == []
    assert [type(from_cloudevent(r.event)) for r in results.read()] == [Reading]
    assert flow.ledger.counts() == {"delivered": 1}
    assert flow.sweep() == []


@pytest.mark.parametrize("kind", ["redis", "sqs"])
def test_dead_letters_on_a_queue_are_redriven_from_the_ledger(
    kind: str, servers: Servers, tmp_path: Path
) -> None:
    queue = place_of(kind, servers, tmp_path)
    flow = Flow(
        f"sqlite:///{tmp_path}/ledger.db",
        f"sqlite:///{tmp_path}/out.db",
        queue.url,
        queue.environment,
    )
    flow.answers.failure = BLURRED
    flow.process(an_upload())
    (letter,) = flow.ledger.dead_letters()
    list(redrive([letter], flow.ledger))
    flow.sweep()
    # The second dead letter is a message of its own, not a copy of the first.
    assert sorted(found.redriven for found in letters(queue)) == [0, 1]
    assert not any(received.redelivered for received in queue.read())


def test_interrupted_and_run_again_it_does_the_rest(tmp_path: Path) -> None:
    flow = Flow(f"sqlite:///{tmp_path}/ledger.db", f"sqlite:///{tmp_path}/out.db")
    flow.answers.failure = BLURRED
    for number in range(5):
        flow.process(an_upload(f"{number}.jpg"))
    interrupted = redrive(flow.ledger.dead_letters(), flow.ledger)
    assert [next(interrupted).result for _ in range(2)] == ["redriven"] * 2
    del interrupted
    results = sorted(r.result for r in redrive(flow.ledger.dead_letters(), flow.ledger))
    assert results == ["redriven"] * 3 + ["under_way"] * 2
    flow.answers.failure = None
    flow.sweep()
    assert flow.ledger.counts().get("dead", 0) == 0


def test_the_rate_spreads_them_over_time(tmp_path: Path) -> None:
    flow = Flow(f"sqlite:///{tmp_path}/ledger.db", f"sqlite:///{tmp_path}/out.db")
    flow.answers.failure = BLURRED
    for number in range(3):
        flow.process(an_upload(f"{number}.jpg"))
    dead = list(flow.ledger.dead_letters())
    list(redrive(dead, flow.ledger, rate=0.01))
    waits = [standing.retry_in for letter in dead if (standing := flow.ledger.standing(letter.id))]
    assert [round((wait or 0) / 100) for wait in waits] == [0, 1, 2]


def test_what_cannot_be_redriven_says_why(tmp_path: Path) -> None:
    flow = Flow(f"sqlite:///{tmp_path}/ledger.db", f"sqlite:///{tmp_path}/out.db")
    malformed = replace(a_dead_letter(), upload=None, event_id="e-1")
    sent = a_dead_letter(Upload(cloud="http", bucket="bytes", region="-", key="k", version="1"))
    assert [r.result for r in redrive([malformed, sent], flow.ledger)] == [
        "names_no_object",
        "photo_gone",
    ]
    assert flow.ledger.counts() == {}


def test_a_stale_dead_letter_is_withdrawn(tmp_path: Path) -> None:
    """Its reading arrived while the store of dead letters was away, say."""
    flow = Flow(f"sqlite:///{tmp_path}/ledger.db", f"sqlite:///{tmp_path}/out.db")
    flow.process(an_upload())
    dead = place_of("file", {}, tmp_path)  # type: ignore[arg-type]  # a file asks no server
    destination = open_destination(dead.url)
    destination.put(a_dead_letter())
    found = list(redrive(letters(dead), flow.ledger, destinations=[destination]))
    assert [r.result for r in found] == ["answered"]
    assert letters(dead) == []


def test_a_withdrawal_that_fails_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = Flow(
        f"sqlite:///{tmp_path}/ledger.db",
        f"sqlite:///{tmp_path}/out.db",
        f"file://{tmp_path}/dead.jsonl",
    )
    flow.answers.failure = BLURRED
    flow.process(an_upload())
    list(redrive(flow.ledger.dead_letters(), flow.ledger))
    flow.answers.failure = None

    def away(*_: Any) -> None:
        raise StoreError("away")

    with monkeypatch.context() as patch:
        patch.setattr(FileDestination, "withdraw", away)
        assert [outcome.end for outcome in flow.sweep()] == ["undelivered"]
    assert [outcome.end for outcome in flow.sweep()] == ["reading"]
    assert list(FileDestination(f"file://{tmp_path}/dead.jsonl").records("dead_letters")) == []


def test_a_selection() -> None:
    letter = a_dead_letter()
    assert Selection().takes(letter)
    assert Selection(codes=("FailedOperation",)).takes(letter)
    assert not Selection(codes=("FailedOperation.Ocr",)).takes(letter)
    assert Selection(dispositions=frozenset({Disposition.DEAD_LETTER})).takes(letter)
    assert not Selection(dispositions=frozenset({Disposition.OPEN_CIRCUIT})).takes(letter)
    assert Selection(since=WHEN).takes(letter)
    assert not Selection(since=WHEN + dt.timedelta(seconds=1)).takes(letter)
    assert Selection(ids=(letter.id[:9],)).takes(letter)
    assert not Selection(ids=("zz",)).takes(letter)


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flow:
    """Two dead letters, and the environment that a person at a terminal has."""
    store = f"sqlite:///{tmp_path}/vindrop.db"
    flow = Flow(store, store)
    for key, failure in (("a.jpg", BLURRED), ("b.jpg", OTHER)):
        flow.answers.failure = failure
        flow.process(an_upload(key))
    monkeypatch.setenv("VINDROP_DEAD_LETTERS", store)
    monkeypatch.setenv("VINDROP_LEDGER", store)
    monkeypatch.chdir(tmp_path)
    return flow


def run(*arguments: str) -> str:
    done = CliRunner().invoke(cli.app, ["dead-letters", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_the_command_lists(stack: Flow) -> None:
    assert run() == run("list")
    listed = [json.loads(line) for line in run("list", "--json").splitlines()]
    assert [event["data"]["upload"]["key"] for event in listed] == ["a.jpg", "b.jpg"]
    assert "b.jpg" not in run("list", "--code", BLURRED[0])
    assert run("list", "--since", "2999-01-01") == "id\tphoto\tcode\treason\treference\n"


def test_the_command_shows_one(stack: Flow) -> None:
    shown = json.loads(run("show", an_upload("a.jpg").id[:12]))
    assert (shown["data"]["code"], shown["now"]) == (BLURRED[0], "dead")


def test_the_command_redrives(stack: Flow) -> None:
    assert run("redrive", "--code", BLURRED[0], "--dry-run") == "1 would be redriven\n"
    assert stack.ledger.counts() == {"dead": 2}
    assert "1 redriven" in run("redrive", "--code", BLURRED[0])
    assert stack.ledger.counts() == {"dead": 1, "parked": 1}
    done = [json.loads(line) for line in run("redrive", "--all", "--json").splitlines()]
    assert sorted(line["result"] for line in done) == ["redriven", "under_way"]
    stack.answers.failure = None
    stack.sweep()
    assert run() == "id\tphoto\tcode\treason\treference\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["redrive"], "--all"),
        (["redrive", "--all", "--rate", "0"], "--rate"),
        (["list", "--since", "soon"], "--since"),
        (["show", "zz"], "zz"),
        (["show", ""], "2 dead letters"),
        (["redrive", "--all", "--ledger", "none"], "--ledger"),
        (["list", "--from", "redis://127.0.0.1:1/0", "--ledger", "none"], "--ledger"),
    ],
)
def test_the_command_says_what_to_do(
    stack: Flow,
    arguments: list[str],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.argv", ["vindrop", "dead-letters", *arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert says in said
    assert "Traceback" not in said
