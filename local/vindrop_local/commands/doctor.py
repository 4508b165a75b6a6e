"""``vindrop doctor``: would this installation work, and if not, what is to be done?"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from vindrop_local import doctor as checks
from vindrop_local import env_lines
from vindrop_local.commands.options import Json
from vindrop_local.errors import UserError
from vindrop_local.language import colon, said
from vindrop_local.terminal import console, json_text, shown

MARKS: Final = {"ok": ("✓", "green"), "wrong": ("✗", "bold red"), "unsure": ("?", "yellow")}


def doctor(
    *,
    env_file: Annotated[
        Path | None,
        typer.Option(
            "--env-file",
            help="File with the function's environment: one NAME=value a line, or the JSON in which the "
            "cloud's own command shows it. It is only read; what it names goes before the environment's own.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check settings, keys, permissions, reachability, clock, rate limiter and tables. Costs nothing.

    Settings and keys are read from the environment, as a function would. Exit status 1 if anything
    is wrong.
    """
    environment = {**os.environ, **(_read(env_file) if env_file else {})}
    failed = False
    for found in checks.examine(environment, deployed=env_file is not None):
        failed = failed or found.state == "wrong"
        if as_json:
            sys.stdout.write(json_text(found.as_json()) + "\n")
            continue
        mark, style = MARKS[found.state]
        line = f" {said(found.what)}{colon()}{said(found.said)}"
        console().print(Text.assemble((mark, style), shown(line)), soft_wrap=True)
    if failed:
        raise typer.Exit(1)


def _read(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} cannot be read: it is not UTF-8") from None
    if lines and lines[0].lstrip().startswith("{"):
        return _of_json(path, "\n".join(lines))
    found = {}
    for number, line in enumerate(lines, 1):
        text = line.strip().removeprefix("export ")
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"{path}:{number} is not NAME=value")
        found[name.strip()] = env_lines.value(value)
    return found


def _of_json(path: Path, text: str) -> dict[str, str]:
    """Return the variables of what ``aws lambda get-function-configuration`` or ``tccli scf GetFunction`` shows."""
    try:
        shown: Any = json.loads(text)
        shown = shown.get("Response", shown)["Environment"]["Variables"]
        if isinstance(shown, list):  # Tencent's
            shown = {each["Key"]: each["Value"] for each in shown}
        return {str(name): str(value) for name, value in shown.items()}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise UserError(
            f"{path} is neither lines NAME=value nor what `aws lambda get-function-configuration` or "
            "`tccli scf GetFunction` shows of a function"
        ) from None
