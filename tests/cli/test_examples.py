"""Every command that a help text or a sentence shows is one that can be called so."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.commands import vindrop
from vindrop_local import cli, language

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "local" / "vindrop_local" / "zh.tsv"
_SHOWN = re.compile(r"`((?:vindrop|npx|osls|pip)\b[^`]*)`")


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, inner in getattr(command, "commands", {}).items():
        yield from leaves(inner, (*path, name))


PATHS = sorted(leaves(typer.main.get_command(cli.app)))


def commands_in(text: str) -> list[str]:
    """Return what is shown between backquotes, or in lines of their own below a heading; pipes taken apart."""
    joined = " ".join(text.split())
    shown = [each for each in _SHOWN.findall(joined) if each.startswith("vindrop")]
    shown += re.findall(r"^ {2}(vindrop [^`\n]*)$", text, re.MULTILINE)
    return [part.strip() for each in shown for part in each.split(" | ")]


def call(line: str) -> list[str]:
    """Parse a command as the shell and the command line do; return the words of its path.

    :raises Exception: it cannot be called so.
    """
    words = shlex.split(
        line.replace("schema {}", "schema sqlite").replace("{}", "x1").replace("…", "x")
    )
    assert words.pop(0) == "vindrop"
    words = language._without_option(words)[0]
    command: Any = typer.main.get_command(cli.app)
    path: list[str] = []
    try:
        context = command.make_context("vindrop", list(words))
    except typer.Exit:
        return words
    while getattr(context.command, "commands", {}):
        rest = [*getattr(context, "_protected_args", ()), *context.args]
        if not rest:
            break
        name, inner, rest = context.command.resolve_command(context, rest)
        path.append(name)
        if not rest:  # it is named, not called: what it must be given stands elsewhere
            break
        try:
            context = inner.make_context(name, rest, parent=context)
        except typer.Exit:  # it shows its help
            break
    return path


@pytest.fixture(scope="module")
def helps(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, ...], str]:
    """Path, with the language before it → what -h prints."""
    folder = tmp_path_factory.mktemp("helps")
    return {
        (of, *path): vindrop("--lang", of, *path, "-h", cwd=folder, COLUMNS="400").stdout
        for of in ("en", "zh")
        for path in PATHS
    }


def test_every_example_of_every_help_can_be_called(helps: dict[tuple[str, ...], str]) -> None:
    found = {path: commands_in(text) for path, text in helps.items()}
    assert len(found["en", "vinocr"]) >= 4
    assert all(found[of, "event"] for of in ("en", "zh"))
    for path, shown in found.items():
        for line in shown:
            named = call(line)
            assert named, f"{' '.join(path)}: {line}"


def test_every_command_that_a_sentence_names_can_be_called() -> None:
    """In either language: what is hinted at is what there is."""
    lines = CATALOGUE.read_text(encoding="utf-8").splitlines()
    shown = {each for line in lines for each in commands_in(line) if each != "vindrop"}
    assert len(shown) > 20
    for line in sorted(shown):
        if not re.search(r"\{}|COMMAND", line.split()[1]):
            call(line)


@pytest.mark.parametrize("chosen", ["en", "zh"])
def test_those_that_need_no_server_run(
    helps: dict[tuple[str, ...], str], chosen: str, tmp_path: Path
) -> None:
    ran = set()
    (tmp_path / "a.jpg").write_bytes((ROOT / "events" / "photos" / "plate-04.jpg").read_bytes())
    for (of, *_), text in helps.items():
        for line in commands_in(text) if of == chosen else ():
            words = shlex.split(line)[1:]
            if words[0] == "--lang":
                words = words[2:]
            if words[0] not in {"event", "help", "cost"} and words[-1] != "-h":
                continue
            done = vindrop("--lang", chosen, *words, cwd=tmp_path)
            assert (done.returncode, done.stderr) == (0, ""), line
            if words[0] == "event":
                assert isinstance(json.loads(done.stdout), dict)
            ran.add(words[0])
    assert {"event", "help", "vinocr"} <= ran
