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

_MOST: Final = 8
_MARK: Final = re.compile(r"^<!-- translation of [^>\n]*-->\n")
"""A translated page begins with what it was translated from."""


_KEYWORDS: Final = {
    "cascade": "cheap cheaper paid free money sure several two both fallback agree",
    "cost": "cheap cheaper paid money bill billed price",
}
"""Page → words by which people look for it, and that its title does not have."""
_WORD: Final = re.compile(r"[a-z0-9_]+")


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
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TOPIC]...",
            help="A page, such as operations, a command, or words that a page's headings have. "
            "None: all that there is.",
        ),
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Show a page of the documentation, or what a command takes: `vindrop help operations`."""
    found = pages("en" if as_json else language.chosen())
    topic = " ".join(words or []).strip()
    parent = context.parent
    commands = getattr(parent.command, "commands", {}) if parent else {}
    if not topic:
        _list({name: title(page) for name, page in found.items()}, as_json=as_json)
    elif topic in found:
        _show(topic, found[topic], as_json=as_json)
    elif topic in commands and parent is not None:
        command = commands[topic]
        with typer.Context(command, info_name=topic, parent=parent) as about:
            text = command.get_help(about) + "\n"
        sys.stdout.write(json.dumps({"topic": topic, "text": text}) + "\n" if as_json else text)
    else:
        told = _about(topic, found)
        if not told:
            raise UserError(_unknown(topic, [*found, *commands]))
        if len(told) == 1:
            _show(told[0], found[told[0]], as_json=as_json)
        else:
            titles = {name: title(found[name]) for name in told}
            _list(titles, as_json=as_json, above=f"Pages about {topic}:")


def _show(topic: str, page: Path, *, as_json: bool) -> None:
    text = _MARK.sub("", page.read_text(encoding="utf-8"), count=1)
    if as_json:
        sys.stdout.write(json.dumps({"topic": topic, "markdown": text}) + "\n")
    elif sys.stdout.isatty():
        with console().pager(styles=True):
            console().print(Markdown(text))
    else:
        sys.stdout.write(text)


def _about(topic: str, found: dict[str, Path]) -> list[str]:
    """Return the pages whose name or title has every word of a topic, else whose headings have.

    Else those that say all of them, the ones that say them most often first, eight at most.
    """
    words = topic.casefold().replace("-", " ").split()
    texts = {name: page.read_text(encoding="utf-8").casefold() for name, page in found.items()}
    titles = {
        name: f"{name} {title(page)} {_KEYWORDS.get(name, '')}".casefold()
        for name, page in found.items()
    }
    headings = {
        name: "\n".join(line for line in text.splitlines() if line.startswith("#"))
        for name, text in texts.items()
    }
    for count in (_times, str.count):  # whole words first: "sure" is not meant by "measurements"
        for places in (titles, headings):
            told = [n for n, text in places.items() if all(count(text, word) for word in words)]
            if told:
                return told
        often = {n: min(count(text, word) for word in words) for n, text in texts.items()}
        said = sorted((n for n in often if often[n]), key=lambda name: -often[name])
        if said:
            return said[:_MOST]
    return []


def _times(text: str, word: str) -> int:
    """Return how often a text has a word, in the singular or plural.

    What is not written in letters of English has no words apart: there every place counts.
    """
    if not _WORD.fullmatch(word):
        return text.count(word)
    stem = word.removesuffix("s") or word
    forms = {word, stem, f"{stem}s", f"{stem}es"}
    return sum(each in forms for each in _WORD.findall(text))


def _unknown(topic: str, names: list[str]) -> str:
    """Say that there is nothing of a topic, and what is spelled much like it."""
    parts = sorted({part for name in names for part in name.split("-")} | set(names))
    close = difflib.get_close_matches(topic.casefold(), parts, n=3)
    near = [
        name for name in names if any(each == name or each in name.split("-") for each in close)
    ]
    near = sorted(near, key=lambda name: name not in close)[:3]
    hint = f"did you mean {', '.join(near)}? " if near else ""
    return f"no page and no command {topic!r}: {hint}`vindrop help` lists the pages"


def _list(
    titles: dict[str, str],
    *,
    as_json: bool,
    above: str = "Pages, each shown by `vindrop help PAGE`:",
) -> None:
    if as_json:
        for name, said in titles.items():
            sys.stdout.write(json.dumps({"topic": name, "title": said}) + "\n")
        return
    width = max(map(len, titles))
    sys.stdout.write(language.said(above) + "\n")
    sys.stdout.writelines(f"  {name:{width}}  {said}\n" for name, said in titles.items())
    sys.stdout.write(language.said("`vindrop help COMMAND` shows what a command takes.") + "\n")
