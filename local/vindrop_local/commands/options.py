"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vindrop_local.errors import UserError

STATE = Path(".vindrop")

State = Annotated[
    Path, typer.Option("--state", help="Folder for the ledger, the results, keys and logs.")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")]


def a_folder(path: Path, option: str) -> Path:
    """Return a folder that is there or may be made.

    :raises UserError: it, or what it lies in, is a file.
    """
    there = next((each for each in (path, *path.parents) if each.exists()), None)
    if there is not None and not there.is_dir():
        raise UserError(f"{option} is {path}: {there} is a file, not a folder")
    return path
