"""The sentences that people are shown, found in the code: each needs a line in a catalogue.

PYTHONPATH=tools python -m documentation.sentences      those without a Chinese translation
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import typer

from vindrop import settings
from vindrop.domain.translation import Catalogue
from vindrop_local.cli import app
from vinocr import settings as vinocr_settings

ROOT: Final = Path(__file__).resolve().parents[2]
LIBRARY: Final = ROOT / "layers" / "vindrop" / "vindrop"
LOCAL: Final = ROOT / "local" / "vindrop_local"
VINOCR: Final = ROOT / "functions" / "vinocr" / "vinocr"
_OF_LIBRARY: Final = {
    *("ProblemError", "Kind", "Failure", "FailureError", "StoreError", "StoreSettingError"),
    "SettingsError",
    *("BadCursorError", "ConsoleUnavailableError", "EngineError", "ExportUnavailableError"),
    *("FieldError", "NoCatalogueError", "NotAVinError", "PlaceError", "RefusedDecisionError"),
    *("UnansweredError", "UnknownCloudError", "UnknownEventError"),
}
_OF_LOCAL: Final = {
    *("UserError", "MissingError", "SettingsError"),
    *("ok", "wrong", "unsure"),  # what `vindrop doctor` finds
    *("said", "status", "told", "print"),
}
_KEYWORDS: Final = {"detail", "message", "more", "title", "todo"}


def library() -> Iterator[str]:
    """Yield the templates of what the library raises: ``{}`` for each expression."""
    yield from _raised(LIBRARY, _OF_LIBRARY)


def command_line() -> Iterator[str]:
    """Yield what the command line raises, and its help texts."""
    yield from _raised(LOCAL, _OF_LOCAL)
    yield from _raised(VINOCR, {"SettingsError"})
    yield from _helps(typer.main.get_command(app))
    for _, _, about in vinocr_settings.defaults():
        yield about
    for field in settings.fields().values():
        yield settings.description(field)


def _helps(command: Any) -> Iterator[str]:
    if command.help:
        for paragraph in command.help.split("\n\n"):
            yield " ".join(paragraph.split())
    for parameter in command.params:
        if getattr(parameter, "help", None):
            yield parameter.help
    for inner in getattr(command, "commands", {}).values():
        yield from _helps(inner)


def _raised(folder: Path, names: set[str]) -> Iterator[str]:
    for file in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if called in names:
                    given = [*node.args, *(k.value for k in node.keywords if k.arg in _KEYWORDS)]
                    subject = "{} " if called == "EngineError" else ""  # the setting's name
                    for argument in given:
                        yield from (subject + each for each in _templates(argument))


def _templates(node: ast.expr) -> Iterator[str]:
    parts = [node.body, node.orelse] if isinstance(node, ast.IfExp) else [node]
    for part in parts:
        text = _text(part)
        for line in (text or "").strip("\n").split("\n"):  # what is printed is told line by line
            if " " in line.replace("{}", "").strip(" :()"):
                yield line.strip()


def _text(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(str(v.value) if isinstance(v, ast.Constant) else "{}" for v in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _text(node.left), _text(node.right)
        return None if left is None and right is None else (left or "{}") + (right or "{}")
    return None


def missing() -> Iterator[str]:
    """Yield the sentences that no catalogue knows."""
    ours, theirs = _catalogue(LOCAL / "zh.tsv"), _catalogue(LIBRARY / "domain" / "zh.tsv")
    for sentence in dict.fromkeys(library()):
        if not theirs.knows(sentence):
            yield f"layers/vindrop/vindrop/domain/zh.tsv: {sentence}"
    for sentence in dict.fromkeys(command_line()):
        if not ours.knows(sentence):
            yield f"local/vindrop_local/zh.tsv: {sentence}"


def _catalogue(file: Path) -> Catalogue:
    return Catalogue(file.read_text(encoding="utf-8").splitlines())


if __name__ == "__main__":
    found = list(missing())
    sys.stdout.writelines(f"{each}\n" for each in found)
    sys.exit(1 if found else 0)
