"""What the command line writes for people: foreign text shown as it is, and never obeyed.

A key is a stranger's text. Terminals obey escape sequences in it (the clipboard, the title, links),
turn its direction about, and rich reads ``[/red]`` as markup. So nothing is markup here, and every
character that a terminal acts upon is written out.
"""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.status import Status
from rich.table import Table
from rich.text import Text

from vindrop.domain.printed import shown, spreadsheet_cell
from vindrop_local.language import said

__all__ = ["Foreign", "SafeConsole", "console", "json_text", "program", "shown", "spreadsheet_cell"]
_NAME: Final = "vindrop"
_UNBROKEN: Final = 100_000
"""Characters of a line that no terminal shows."""


def program() -> str:
    """Return how a person runs this command again: by its name, or its path where no PATH leads to it."""
    if shutil.which(_NAME) is not None:
        return _NAME
    started = Path(sys.argv[0])
    if started.name == _NAME and started.is_file():
        return shlex.quote(str(started))
    return f"{shlex.quote(sys.executable)} -m vindrop_local"


def json_text(value: object, *, indent: int | None = None) -> str:
    """Return JSON that no terminal acts upon, whoever wrote what is in it."""
    return json_shown(json.dumps(value, ensure_ascii=False, indent=indent))


def json_shown(text: str) -> str:
    """Return the same JSON with each character escaped that a terminal acts upon: C1, DEL, directions.

    Outside of its texts JSON has none but line ends, which stay.
    """
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in text
    )


class Foreign(Text):
    """Text of somebody else's, such as a key: shown as it is, whatever word of ours it looks like."""


def _told(what: Any) -> Any:
    """Return a text, or a table with its words, in the chosen language."""
    if isinstance(what, str):
        return "\n".join(said(line) for line in what.split("\n"))
    if isinstance(what, Text) and not what.spans and not isinstance(what, Foreign):
        what.plain = said(what.plain)
    elif isinstance(what, Table):
        for column in what.columns:
            column.header = _told(column.header)
            column._cells = [_told(cell) for cell in column._cells]  # noqa: SLF001  # rich has no other way
    return what


class SafeConsole(Console):
    """A console that reads no markup and hands no control character on, whoever wrote it.

    Sentences, headings and words in tables are shown in the chosen language (`vindrop_local.language`).
    """

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as rich does."""
        super().print(*(_told(each) for each in objects), **options)

    def status(self, status: RenderableType, **options: Any) -> Status:
        """Show what is going on, as rich does."""
        return super().status(_told(status), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Render as rich does, and write out what a terminal would act upon."""
        for segment in super().render(renderable, options):
            yield (
                segment
                if segment.control
                else segment._replace(text=shown(segment.text, keep="\n"))
            )


def console(*, error: bool = False) -> Console:
    """Return the console; colours and bars only where somebody is looking, and lines broken only there.

    A log file has no width: what stands in one line is found by one search.
    """
    found = SafeConsole(stderr=error, highlight=False, markup=False, emoji=False)
    if not found.is_terminal:
        found.width = _UNBROKEN
    return found
