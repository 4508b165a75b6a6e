"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vindrop_local.errors import UserError

STATE = Path(".vindrop")


def a_path(text: str) -> Path:
    """Return a path that was given.

    :raises typer.BadParameter: it is empty, which would mean the folder that one stands in.
    """
    if not text:
        raise typer.BadParameter("it is empty: name a file or folder (. is this folder)")
    return Path(text)


State = Annotated[
    Path,
    typer.Option(
        "--state",
        metavar="<path>",
        parser=a_path,
        help="Folder for the ledger, the results, keys and logs.",
    ),
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
