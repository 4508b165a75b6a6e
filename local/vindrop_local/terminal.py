"""What the command line writes for people: foreign text shown as it is, and never obeyed.

A key is a stranger's text. Terminals obey escape sequences in it (the clipboard, the title, links),
turn its direction about, and rich reads ``[/red]`` as markup. So nothing is markup here, and every
character that a terminal acts upon is written out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from vindrop.domain.printed import shown, spreadsheet_cell

__all__ = ["SafeConsole", "console", "json_text", "shown", "spreadsheet_cell"]


def json_text(value: object) -> str:
    """Return JSON for a person; escaped throughout where a terminal would act upon some of it."""
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(value)


class SafeConsole(Console):
    """A console that reads no markup and hands no control character on, whoever wrote it."""

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
    """Return the console; colours and bars only where somebody is looking."""
    return SafeConsole(stderr=error, highlight=False, markup=False, emoji=False)
