"""``vindrop help TOPIC``: the pages of the documentation, in the terminal, offline."""

from __future__ import annotations

import difflib
import json
import re
import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.markdown import Markdown

from vindrop_local import language
from vindrop_local.clone import ROOT
from vindrop_local.commands.options import Json
from vindrop_local.errors import UserError
from vindrop_local.terminal import console

_MARK: Final = re.compile(r"^<!-- translation of [^>\n]*-->\n")
"""A translated page begins with what it was translated from."""


def pages(chosen: str = "en") -> dict[str, Path]:
    """Return topic → its page, sorted. A topic is the page's name: ``settings``, ``operations`` …

    :param chosen: language of the pages; those that it lacks are in English.
    """
    folder = ROOT / "docs"
    folders = (folder,) if chosen == "en" else (folder, folder / chosen)
    found = {file.stem: file for file in (folder / "how-to").glob("*.md") if file.stem != "index"}
    found |= {file.stem: file for each in folders for file in each.glob("*.md")}
    return dict(sorted(found.items()))


def title(page: Path) -> str:
    """Return the heading of a page."""
    with page.open(encoding="utf-8") as lines:
        return next((line[2:].strip() for line in lines if line.startswith("# ")), page.stem)


def show_topic(
    context: typer.Context,
    topic: Annotated[
        str | None,
        typer.Argument(help="A page, such as operations, or a command. None: all that there is."),
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Show a page of the documentation, or what a command takes: `vindrop help operations`."""
    found = pages("en" if as_json else language.chosen())
    parent = context.parent
    commands = getattr(parent.command, "commands", {}) if parent else {}
    if topic is None:
        _list({name: title(page) for name, page in found.items()}, as_json=as_json)
    elif topic in found:
        text = _MARK.sub("", found[topic].read_text(encoding="utf-8"), count=1)
        if as_json:
            sys.stdout.write(json.dumps({"topic": topic, "markdown": text}) + "\n")
        elif sys.stdout.isatty():
            with console().pager(styles=True):
                console().print(Markdown(text))
        else:
            sys.stdout.write(text)
    elif topic in commands and parent is not None:
        command = commands[topic]
        with typer.Context(command, info_name=topic, parent=parent) as about:
            sys.stdout.write(command.get_help(about) + "\n")
    else:
        close = difflib.get_close_matches(topic, [*found, *commands], n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise UserError(f"no page and no command {topic!r}: {hint}`vindrop help` lists the pages")


def _list(titles: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        for name, said in titles.items():
            sys.stdout.write(json.dumps({"topic": name, "title": said}) + "\n")
        return
    width = max(map(len, titles))
    sys.stdout.write(language.said("Pages, each shown by `vindrop help PAGE`:") + "\n")
    sys.stdout.writelines(f"  {name:{width}}  {said}\n" for name, said in titles.items())
    sys.stdout.write(language.said("`vindrop help COMMAND` shows what a command takes.") + "\n")
