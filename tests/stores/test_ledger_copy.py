"""A ledger moved to another database: what was paid for is known there, what waits goes on there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.commands import vindrop
from tests.library.conftest import a_dead_letter, a_reading, an_upload
from tests.stores.console_flow import VINS, ConsoleFlow, doubtful
from tests.stores.fixtures import Servers, fresh_store
from vindrop.core.ledger import Claim, Standing
from vindrop.core.review import Decision
from vindrop.domain.failures import Failure
from vindrop.stores import open_ledger
from vindrop.stores.ledger import sql_copy
from vindrop.stores.ledger.sql_schema import REVIEWS, UPLOADS
from vindrop.stores.sql import open_database

KINDS = ("sqlite", "postgresql", "mysql")


def upload(number: int) -> Any:
    return an_upload(f"in/{number:04d}-车.jpg")


def filled(url: str, uploads: int = 0) -> None:
    """One upload in each state, a review, an open circuit, and many more that were read."""
    ledger: Any = open_ledger(url, account="test")
    for number in range(1, 4 + uploads):
        claim = ledger.claim(upload(number), 60.0, traceparent=None)
        if number == 1:
            continue
        if number == 2:
            failure = Failure("InternalError", "try “again”", "r-9")
            ledger.schedule_retry(
                upload(2).id, claim, failure, seconds=3600, attempts=1, billed=0, maybe_billed=1
            )
            continue
        record = a_dead_letter(upload(3)) if number == 3 else a_reading(upload(number))
        kept = ledger.keep(upload(number).id, claim, record, attempts=1, billed=1, lease=60.0)
        ledger.delivered(upload(number).id, record, kept)
    ledger.open_circuit(Failure("FailedOperation.ArrearsError", "arrears"), 60.0)
    ledger.count_call("2026-11-26", 7, 100)


@pytest.mark.parametrize(("source", "target"), [(a, b) for a in KINDS for b in KINDS if a != b])
def test_a_copied_ledger_says_the_same(
    source: str, target: str, servers: Servers, tmp_path: Path
) -> None:
    first, second = (fresh_store(servers, kind, tmp_path) for kind in (source, target))
    filled(first, uploads=20)
    done = sql_copy.copy(open_database(first), open_database(second))
    assert done[UPLOADS] == (23, 23)
    old: Any = open_ledger(first, account="test")
    new: Any = open_ledger(second, account="test")
    assert new.counts() == old.counts()
    for number in range(1, 24):
        found, was = new.standing(upload(number).id), old.standing(upload(number).id)
        assert (found.state, found.record, found.failure) == (was.state, was.record, was.failure)
    assert [letter.id for letter in new.dead_letters()] == [upload(3).id]
    assert new.circuit(None).failure.code == "FailedOperation.ArrearsError"
    assert new.calls_of("2026-11-26") == 7
    # What was read is not read again; the lease and the retry go on; a redrive works there.
    assert isinstance(new.claim(upload(10), 60.0), Standing)
    held, waits = new.claim(upload(1), 60.0), new.claim(upload(2), 60.0)
    assert isinstance(held, Standing)
    assert isinstance(waits, Standing)
    assert 0 < (held.retry_in or 0) <= 60
    assert 3000 < (waits.retry_in or 0) <= 3600
    assert new.redrive(a_dead_letter(upload(3)), after=-1.0) == "redriven"
    assert isinstance(new.claim(upload(3), 60.0), Claim)


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_an_interrupted_copy_goes_on_and_sets_nothing_back(
    target: str, servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (fresh_store(servers, kind, tmp_path) for kind in ("sqlite", target))
    filled(first, uploads=25)
    monkeypatch.setattr(sql_copy, "_PAGE", 10)
    told: list[int] = []

    def interrupt(rows: int) -> None:
        told.append(rows)
        if len(told) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sql_copy.copy(open_database(first), open_database(second), interrupt)
    new: Any = open_ledger(second, account="test")
    assert sum(new.counts().values()) == 20
    taken = next(n for n in range(4, 29) if new.standing(upload(n).id) is not None)
    record = a_reading(upload(taken))
    done = sql_copy.copy(open_database(first), open_database(second))
    assert done[UPLOADS] == (28, 8)
    assert new.standing(upload(taken).id).record == record
    assert sql_copy.copy(open_database(first), open_database(second))[UPLOADS] == (28, 0)


def test_reviews_come_along(servers: Servers, tmp_path: Path) -> None:
    first, second = (fresh_store(servers, kind, tmp_path) for kind in ("sqlite", "mysql"))
    flow = ConsoleFlow(first)
    name = flow.end(doubtful(an_upload(), VINS[1]))
    flow.desk.decide(Decision(upload_id=name, reviewer="ann", vin=VINS[0]))
    done = sql_copy.copy(open_database(first), open_database(second))
    assert done[REVIEWS] == (1, 1)
    assert sql_copy.copy(open_database(first), open_database(second))[REVIEWS] == (1, 0)
    there = ConsoleFlow(second).console.upload(name)
    assert there is not None
    assert (there.entry.vin, there.entry.verdict) == (VINS[0], "reviewed")


@pytest.mark.parametrize("kind", KINDS)
def test_every_column_is_copied(kind: str, servers: Servers, tmp_path: Path) -> None:
    database = open_database(fresh_store(servers, kind, tmp_path))
    open_ledger(database.url, account="test")
    there = {
        "sqlite": f"SELECT name FROM pragma_table_info('{UPLOADS}')",
        "postgresql": "SELECT column_name FROM information_schema.columns "
        f"WHERE table_schema = current_schema() AND table_name = '{UPLOADS}'",
        "mysql": "SELECT column_name FROM information_schema.columns "
        f"WHERE table_schema = DATABASE() AND table_name = '{UPLOADS}'",
    }
    names = {str(row[0]) for row in database.execute(there[kind]).rows}
    assert set(sql_copy.columns(database, UPLOADS)) == names


def test_the_command(tmp_path: Path) -> None:
    first, second = f"sqlite:///{tmp_path}/a.db", f"sqlite:///{tmp_path}/b.db"
    filled(first)
    done = vindrop("ledger", "copy", "--from", first, "--to", second, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "3 rows, 3 of them new" in done.stdout
    again = vindrop("ledger", "copy", "--from", first, "--to", second, "--json", cwd=tmp_path)
    assert '"table": "vindrop_uploads", "read": 3, "new": 0' in again.stdout
    for words, says in (
        (("--from", first, "--to", first), "same ledger"),
        (("--from", first, "--to", "dynamodb://us-east-1/x"), "no SQL database"),
        (("--from", first, "--to", "postgresql://u:secret@127.0.0.1:1/x"), "out of reach"),
    ):
        wrong = vindrop("ledger", "copy", *words, cwd=tmp_path)
        assert (wrong.returncode, says in wrong.stderr) == (2, True), wrong
        assert "secret" not in wrong.stderr
