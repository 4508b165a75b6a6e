"""A power cut at any step: with SQLite not every commit waits for the disk, and this is what that may cost.

What a cut leaves is at least what was on the disk at the last commit that was synced; more is
luck. So that state is put aside at every such commit, and a cut brings it back.
"""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from bench.rig.steps import STEPS, observe
from tests.pipeline.conftest import World, process
from vindrop.core.app import App
from vindrop.core.ledger import Claim
from vindrop.core.store_errors import StoreError
from vindrop.stores import sql
from vindrop.stores.ledger.sql import SQLLedger
from vindrop.stores.sql.sqlite import SQLite

FULL = 2
"""``PRAGMA synchronous``: a commit waits for the disk."""

PATIENT = {"VINDROP_VINOCR_TIMEOUT": "40"}
"""A call that is given up and made again is billed twice, and a busy machine is slow to answer."""


class PowerCut(BaseException):  # nobody may catch it
    pass


class Disk:
    """The files of one database as they surely are on the disk."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._safe = folder / "safe"
        self._files = [folder / f"vindrop.db{end}" for end in ("", "-wal", "-shm")]
        self._changes: dict[int, int] = {}
        self.url = f"sqlite:///{self._files[0]}"
        disk, execute = self, SQLite.execute

        def watched(self: SQLite, statement: str, **values: object) -> Any:
            result = execute(self, statement, **values)
            if self.url == disk.url:
                disk._look(self._connection(), statement)
            return result

        patch.setattr(SQLite, "execute", watched)

    def _look(self, connection: sqlite3.Connection, statement: str) -> None:
        if connection.in_transaction:
            return
        changed = connection.total_changes != self._changes.get(id(connection), 0)
        self._changes[id(connection)] = connection.total_changes
        (level,) = connection.execute("PRAGMA synchronous").fetchone()
        if level == FULL and (changed or statement.startswith("PRAGMA user_version")):
            self._safe.mkdir(exist_ok=True)
            for file in self._files[:2]:  # the third is in memory, and made anew
                if file.exists():
                    shutil.copy(file, self._safe)

    def cut(self) -> None:
        sql.forget(self.url)
        for file in self._files:
            file.unlink(missing_ok=True)
            if (self._safe / file.name).exists():
                shutil.copy(self._safe / file.name, file)


@pytest.fixture
def disk(world: World, monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(world.folder, monkeypatch)


def cut_at(app: App, at: str) -> None:
    def step(name: str) -> None:
        if name == at:
            raise PowerCut

    observe(app, step)


def standing(app: App, upload: Any) -> str | None:
    found = app.ledger.standing(upload.id)
    return found.state if found else None


@pytest.mark.parametrize("together", [True, False], ids=["same database", "in_progress"])
@pytest.mark.parametrize("at", STEPS)
def test_a_cut_loses_nothing_and_pays_twice_only_for_the_call_under_way(
    world: World, disk: Disk, at: str, together: bool
) -> None:
    other = (
        PATIENT
        if together
        else {**PATIENT, "VINDROP_RESULTS": f"file:///{world.folder}/readings.jsonl"}
    )
    app, upload, before = world.app(**other), world.photo(), world.calls()
    cut_at(app, at)
    with pytest.raises(PowerCut):
        process(app, upload)
    disk.cut()

    app = world.app(**other)
    if not together and at in {"kept", "delivering", "delivered"}:
        assert standing(app, upload) == ("delivered" if at == "delivered" else "answered")
    ledger = app.ledger
    assert isinstance(ledger, SQLLedger)
    ledger.end_leases()
    assert process(app, upload).end == "reading"  # the event was not acknowledged: it comes again
    assert standing(app, upload) == "delivered"
    under_way = {"answered", "kept", "delivering"} if together else {"answered"}
    assert (world.calls() - before).billed == (2 if at in under_way else 1)
    if together:
        assert len(world.readings()) == 1


@pytest.mark.parametrize(
    ("sample", "fault", "state"),
    [
        ("plate-04.jpg", {}, "delivered"),
        ("empty.jpg", {}, "dead"),
        ("plate-04.jpg", {"code": "FailedOperation.ImageDecodeFailed"}, "dead"),
        ("plate-04.jpg", {"code": "InternalError"}, "parked"),
        ("plate-04.jpg", {"code": "FailedOperation.ArrearsError"}, "parked"),
    ],
)
def test_what_was_returned_survives(
    world: World, disk: Disk, sample: str, fault: dict[str, object], state: str
) -> None:
    """The platform takes the return for the end of its event, and never brings it again."""
    app, upload = world.app(**PATIENT), world.upload(sample=sample)
    if fault:
        world.faults.set(fault)
    process(app, upload, seconds=12 if fault else 60)  # after a fault no time for a second call
    disk.cut()
    assert standing(world.app(), upload) == state
    assert len(world.readings()) + len(world.dead_letters()) == (state != "parked")


def test_nobody_is_told_of_a_claim_that_a_cut_could_take_back(world: World, disk: Disk) -> None:
    app, upload = world.app(), world.photo()
    assert isinstance(app.ledger.claim(upload, 60), Claim)
    disk.cut()
    app = world.app()
    assert standing(app, upload) is None  # its own event comes again
    assert isinstance(app.ledger.claim(upload, 60), Claim)
    assert process(app, upload).end == "in_progress"  # acknowledged, on the word of another's claim
    disk.cut()
    assert standing(world.app(), upload) == "claimed"


def test_commits_are_synced_again_whatever_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, execute = SQLite(f"sqlite:///{tmp_path}/x.db"), SQLite.execute

    def away(self: SQLite, statement: str, **values: object) -> Any:
        if statement.endswith("FULL"):
            raise StoreError("away")
        return execute(self, statement, **values)

    with monkeypatch.context() as patch, database.relaxed():
        database.execute("CREATE TABLE x (y)")
        patch.setattr(SQLite, "execute", away)
    assert database.execute("PRAGMA synchronous").rows[0][0] == FULL
    with pytest.raises(StoreError, match="no such table"), database.relaxed():
        database.execute("INSERT INTO z VALUES (1)")
    assert database.execute("PRAGMA synchronous").rows[0][0] == FULL
    assert database.execute("SELECT count(*) FROM x").rows == [(0,)]
