"""Every command that a help text shows: it is one that there is, and what it says it does is done."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.cli.test_cli import ROOT
from tests.commands import vindrop
from tests.library.conftest import a_reading, an_upload
from tests.stores.console_flow import ConsoleFlow
from vindrop_local import cli
from vinocr import help_text

MENTIONS = {"vindrop demo", "vindrop up", "vindrop recognize"}
"""Commands that a text of another names: they serve until Ctrl-C, or need a photo."""
ACCOUNTS = '[[accounts]]\n[[accounts.keys]]\nsecret_id = "AKIDtest"\nsecret_key = "any-secret"\n'
COMMAND = typer.main.get_command(cli.app)


def paths(command: Any = COMMAND, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, inner in getattr(command, "commands", {}).items():
        yield from paths(inner, (*path, name))


PATHS = list(paths())


def examples(shown: str) -> list[str]:
    """Return the commands in a help text: between backquotes, or in lines under Examples."""
    whole = re.sub(r"\s*\n\s*", " ", shown)
    quoted = [each for each in re.findall(r"`([^`]+)`", whole) if each.startswith("vindrop ")]
    lines = re.search(r"^(?:Examples:|示例：)\n((?:  .+\n)+)", shown, re.MULTILINE)
    return quoted + ([line.strip() for line in lines[1].splitlines()] if lines else [])


def parts(example: str) -> list[tuple[dict[str, str], list[str]]]:
    """Return variables and arguments of each command of a pipe."""
    found = []
    for part in example.split(" | "):
        words = shlex.split(part)
        given = dict(word.split("=", 1) for word in words if re.match(r"[A-Z_]+=", word))
        words = words[len(given) :]
        assert words[0] == "vindrop", example
        found.append((given, words[1:]))
    return found


def parse(words: list[str]) -> None:
    """Parse arguments down to the command that takes them.

    A command's name alone is a mention of it: what it needs is not asked for.

    :raises ClickException: there is no such command, or it does not take them.
    """
    if tuple(words) in PATHS:
        return
    command: Any = COMMAND
    name, context = "vindrop", None
    while True:
        context = command.make_context(name, list(words), parent=context)
        words = [*context._protected_args, *context.args]
        if not getattr(command, "commands", {}) or not words:
            return
        name, command, words = command.resolve_command(context, words)


def shown(path: tuple[str, ...], language: str, folder: Path) -> str:
    done = vindrop("--lang", language, *path, "-h", cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def place(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """Return a folder with what examples need, and settings: an upload, a photo, accounts."""
    flow = ConsoleFlow(f"sqlite:///{tmp_path}/vindrop.db")
    flow.end(a_reading(an_upload("plate-04.jpg")))
    (tmp_path / "accounts.toml").write_text(ACCOUNTS)
    shutil.copy(ROOT / "events" / "photos" / "plate-04.jpg", tmp_path / "a.jpg")
    names = ("LEDGER", "RESULTS", "DEAD_LETTERS")
    return tmp_path, {f"VINDROP_{name}": flow.url for name in names}


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_example_names_a_command_and_what_it_takes(
    language: str, path: tuple[str, ...], tmp_path: Path
) -> None:
    for example in examples(shown(path, language, tmp_path)):
        for _, words in parts(example):
            parse(words)


@pytest.mark.parametrize("words", ["evnet cos", "event cos --kye x", "review decide --vin x"])
def test_an_example_that_has_rotted_is_found(words: str) -> None:
    with pytest.raises(cli._UsageError):
        parse(words.split())


def test_every_example_runs(place: tuple[Path, dict[str, str]]) -> None:
    """Those of one language, since the other's are the same; a server is only checked."""
    folder, settings = place
    found = {}
    for language in ("en", "zh"):
        texts = [shown(path, language, folder) for path in PATHS]
        found[language] = {each for text in texts for each in examples(text)}
    assert found["en"] == found["zh"]
    ran = set()
    for example in sorted(found["en"]):
        if example in MENTIONS:
            continue
        before = None
        for given, words in parts(example):
            if words[0] == "invoke":
                assert before is not None
                (folder / "event.json").write_text(before)
                words[words.index("-")] = "event.json"
            if words[0] == "vinocr" and "--check" not in words:
                words.append("--check")
            own = settings if words[0] == "stats" else {}
            done = vindrop(*words, cwd=folder, **given, **own)
            assert done.returncode == 0, (example, done.stderr)
            before = done.stdout
        ran.add(example)
    assert {each.split()[1] for each in ran} >= {"event", "help", "stats", "cost"}


def test_each_setting_of_vinocr_stands_once_in_its_help(tmp_path: Path) -> None:
    from vinocr import settings

    named = [name for names in help_text.GROUPS.values() for name in names]
    assert sorted(named) == sorted(settings.Settings.model_fields)
    for language in ("en", "zh"):
        text = shown(("vinocr",), language, tmp_path)
        for name in named:
            assert len(re.findall(rf"^  VINOCR_{name.upper()}  ", text, re.MULTILINE)) == 1
