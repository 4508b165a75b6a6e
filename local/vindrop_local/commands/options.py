"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

STATE = Path(".vindrop")

State = Annotated[
    Path, typer.Option("--state", help="Folder for the ledger, the results, keys and logs.")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")]
