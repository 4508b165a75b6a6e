"""``--json`` on every command: standard output holds JSON objects, one a line, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from tests.library.conftest import a_dead_letter, a_reading, an_upload
from tests.stores.console_flow import VINS, ConsoleFlow
from vindrop_local.cli import app

ELSEWHERE = {
    "demo": "tests/cli/test_cli.py::test_the_demo_accounts_for_every_photo",
    "up": "tests/local/test_up.py",
    "backfill": "tests/reliability/test_backfill.py",
    "bootstrap tencent": "tests/deploy/test_bootstrap.py",
    "dead-letters redrive": "tests/destinations/test_redrive.py",
}
"""Commands that need more than a database beside them, and the tests that read their lines."""
EXAMPLES: dict[str, tuple[tuple[str, ...], int]] = {
    "event": (("cos",), 0),
    "invoke": (("upload", "event.json"), 0),
    "recognize": (("missing.jpg", "--endpoint", "127.0.0.1:1"), 2),
    "readings": ((), 0),
    "schema": (("postgresql",), 0),
    "settings": ((), 0),
    "stats": ((), 0),
    "cost": ((), 0),
    "doctor": ((), 1),
    "vin": (("1M8GDM9AXKP042788", "nonsense"), 1),
    "uploads": ((), 0),
    "export": ((), 0),
    "help": ((), 0),
    "dead-letters list": ((), 0),
    "dead-letters show": (("DEAD",), 0),
    "review list": ((), 0),
    "review decide": (("DEAD", VINS[1], "--as", "ann"), 0),
    "review undo": (("DEAD", "--as", "ann"), 0),
    "ledger copy": (("--from", "LEDGER", "--to", "sqlite:///copy.db"), 0),
    "vinocr": (("--check",), 0),
}
"""Command → what it is called with, and how it ends."""


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", {})
    if not inner:
        yield " ".join(path), command
    for name, each in inner.items():
        yield from leaves(each, (*path, name))


LEAVES = dict(leaves(typer.main.get_command(app)))


def test_every_command_has_an_example() -> None:
    assert EXAMPLES.keys() | ELSEWHERE.keys() == LEAVES.keys()


@pytest.mark.parametrize("name", sorted(LEAVES.keys() - {"vinocr"}))
def test_every_command_takes_it(name: str) -> None:
    assert "--json" in [word for each in LEAVES[name].params for word in each.opts]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    folder = tmp_path_factory.mktemp("json")
    flow = ConsoleFlow(f"sqlite:///{folder}/vindrop.db")
    name = flow.end(a_dead_letter(an_upload("a.jpg")))
    flow.end(a_reading(an_upload("b.jpg")))
    (folder / "event.json").write_text('{"Records": []}')
    return folder, flow.url, name


@pytest.mark.parametrize("name", EXAMPLES)  # in their order: what is decided can be undone
def test_standard_output_is_json_lines(
    place: tuple[Path, str, str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, url, dead = place
    words, status = EXAMPLES[name]
    given = [{"DEAD": dead[:12], "LEDGER": url}.get(word, word) for word in words]
    stores = dict.fromkeys(("VINDROP_LEDGER", "VINDROP_RESULTS", "VINDROP_DEAD_LETTERS"), url)
    prefix = {"vinocr": "VINOCR", "recognize": "VINDROP_VINOCR"}.get(name, "")
    keys = {f"{prefix}_SECRET_{each}": "x" for each in ("ID", "KEY")} if prefix else {}
    monkeypatch.chdir(folder)
    endpoint = {"VINDROP_VINOCR_ENDPOINT": "127.0.0.1:1"}  # nobody answers
    done = CliRunner().invoke(app, [*name.split(), *given, "--json"], env=stores | keys | endpoint)
    assert done.exit_code == status, done.output
    lines = done.stdout.splitlines()
    assert lines
    for line in lines:
        assert isinstance(json.loads(line), dict), line


def test_what_was_written_to_a_file_is_told(place: tuple[Path, str, str]) -> None:
    folder, url, _ = place
    out = folder / "all.csv"
    words = ["export", "--format", "csv", "--out", str(out), "--json", "--ledger", url]
    done = CliRunner().invoke(app, words)
    assert json.loads(done.stdout) == {"uploads": 2, "file": str(out), "format": "csv"}
    assert len(out.read_text().splitlines()) == 3
