"""Whoever names the wrong file or database is told so, and nothing is made or changed there."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.commands import vindrop
from tests.library.conftest import a_reading, an_upload
from tests.stores.console_flow import ConsoleFlow
from tests.stores.fixtures import Servers, fresh_store
from vindrop.stores.sql import open_database

COMMANDS = {
    "uploads": ("uploads",),
    "uploads of one": ("uploads", "a" * 12),
    "review": ("review",),
    "review list": ("review", "list"),
    "review decide": ("review", "decide", "a" * 12, "LSGPC52H9GF125161"),
    "review undo": ("review", "undo", "a" * 12),
    "export": ("export",),
    "stats": ("stats",),
    "dead letters": ("dead-letters",),
    "readings": ("readings",),
}


def others(path: Path) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE invoices (id INTEGER PRIMARY KEY, total REAL)")
        connection.execute("INSERT INTO invoices VALUES (1, 9.5)")
        connection.commit()
    return path


def text(path: Path) -> Path:
    path.write_text("id,total\n1,9.5\n")
    return path


def empty(path: Path) -> Path:
    path.touch()
    return path


FILES = {"of another program": others, "of no database": text, "without a byte": empty}


def state_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize(
    ("command", "kind"),
    [*((name, "of another program") for name in COMMANDS), *(("uploads", kind) for kind in FILES)],
)
def test_a_command_that_looks_makes_nothing_in_a_file_that_is_no_ledger(
    tmp_path: Path, command: str, kind: str
) -> None:
    path = FILES[kind](tmp_path / "books.db")
    before = state_of(tmp_path)
    url = f"sqlite:///{path}"
    named = ("LEDGER", "RESULTS", "DEAD_LETTERS")
    done = vindrop(*COMMANDS[command], cwd=tmp_path, **{f"VINDROP_{name}": url for name in named})
    assert done.returncode == 2, done.stdout
    assert "Nothing was changed there" in done.stderr
    assert str(path) in done.stderr.replace("\n", "")
    assert "Traceback" not in done.stderr
    assert state_of(tmp_path) == before


def test_a_ledger_is_not_copied_from_a_file_that_is_none(tmp_path: Path) -> None:
    path = others(tmp_path / "books.db")
    before = state_of(tmp_path)
    target = f"sqlite:///{tmp_path}/new.db"
    done = vindrop("ledger", "copy", "--from", f"sqlite:///{path}", "--to", target, cwd=tmp_path)
    assert done.returncode == 2
    assert "holds nothing of vindrop's" in done.stderr
    assert state_of(tmp_path) == before


def test_up_does_not_work_in_the_database_of_another_program(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    others(state / "vindrop.db")
    before = state_of(state)
    done = vindrop("up", "--state", str(state), "--bucket", str(tmp_path / "b"), cwd=tmp_path)
    assert done.returncode == 2
    assert "another program" in done.stderr
    assert state_of(state) == before


def test_a_ledger_is_looked_into_also_while_its_log_holds_all_of_it(tmp_path: Path) -> None:
    """A small ledger that is in use may stand in the log beside the file alone."""
    flow = ConsoleFlow(f"sqlite:///{tmp_path}/vindrop.db")
    flow.end(a_reading(an_upload()))
    there = {path.name for path in tmp_path.iterdir()}
    assert "vindrop.db-wal" in there
    done = vindrop("uploads", "--json", cwd=tmp_path, VINDROP_LEDGER=flow.url)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    copy = tmp_path / "copy"
    copy.mkdir()
    flow.ledger.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(tmp_path / "vindrop.db", copy / "vindrop.db")
    url = f"sqlite:///{copy}/vindrop.db"
    assert vindrop("uploads", cwd=tmp_path, VINDROP_LEDGER=url).returncode == 0


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_a_database_on_a_server_that_holds_no_ledger_stays_empty(
    servers: Servers, kind: str, tmp_path: Path
) -> None:
    url = fresh_store(servers, kind, tmp_path)
    done = vindrop("uploads", "--ledger", url, cwd=tmp_path)
    assert done.returncode == 2
    assert "holds nothing of vindrop's" in done.stderr
    where = "DATABASE()" if kind == "mysql" else "'public'"
    tables = open_database(url).execute(
        f"SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = {where}"
    )
    assert tables.rows[0][0] == 0
