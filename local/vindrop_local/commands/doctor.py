"""``vindrop doctor``: would this installation work, and if not, what is to be done?"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from vindrop_local import doctor as checks
from vindrop_local import env_lines
from vindrop_local.commands.options import Json
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
    environment = {**os.environ, **(env_lines.read(env_file) if env_file else {})}
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
