"""``vindrop help TOPIC``: the pages of the documentation, in the terminal, offline."""

from __future__ import annotations

import difflib
import json
import re
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.markdown import Markdown

from vindrop_local import help_terms, language
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
    "destinations": "redrive dead letter 重新处理 死信 投递",
    "operations": "redrive dead letter alarm error code circuit breaker 重新处理 死信 告警 错误码 熔断器 断开",
}
"""Page → words by which people look for it, and that its title does not have."""
_ABOVE: Final = ("changelog", "contributing", "readme", "security")
"""Pages that stand above the others, where those who look at the repository expect them."""
_NAMED_ONLY: Final = ("changelog",)
"""Pages in which words are not looked for: they tell of everything."""
_WORD: Final = re.compile(r"[a-z0-9_]+")
_LINK: Final = re.compile(r"(?P<path>[^\s#]+)\.md(?:#\S*)?", re.IGNORECASE)
"""A page as others link to it: ``operations.md``, ``docs/how-to/index.md``, ``../CONTRIBUTING.md#tests``."""


def pages(chosen: str = "en") -> dict[str, Path]:
    """Return topic → its page, sorted. A topic is the page's name: ``settings``, ``operations`` …

    :param chosen: language of the pages; those that it lacks are in English.
    """
    folder = ROOT / "docs"
    folders = (folder,) if chosen == "en" else (folder, folder / chosen)
    found = {file.stem: file for file in (folder / "how-to").glob("*.md") if file.stem != "index"}
    found["how-to"] = folder / "how-to" / "index.md"
    found |= {file.stem: file for file in (folder / "decisions").glob("0*.md")}
    found["decisions"] = folder / "decisions" / "README.md"
    found |= {file.stem: file for each in folders for file in each.glob("*.md")}
    above = {name: ROOT / f"{name.upper()}.md" for name in _ABOVE}
    if chosen == "zh":
        above["readme"] = ROOT / "README.zh-CN.md"
    return dict(sorted({**found, **above}.items()))


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
            help="A page, such as operations, a command, an alarm, an error code, a setting, or words "
            "that a page's headings have. None: all that there is.",
        ),
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Show a page of the documentation, or what a command takes: `vindrop help operations`."""
    chosen = "en" if as_json else language.chosen()
    given = " ".join(words or []).strip()
    topic = _page_of_link(given)
    found = pages("zh" if topic != given and "zh" in given.split("/") else chosen)
    if topic and not any(map(str.isalnum, topic)):
        raise UserError(
            f"there is no word in {topic!r}: `vindrop help` lists the pages; a page, a command, an error "
            "code or a word of their text is looked for"
        )
    name = topic.casefold().replace(" ", "-")
    parent = context.parent
    command = _command(parent, words or []) if parent is not None else None
    if not topic:
        titles = {name: title(page) for name, page in found.items() if not _is_decision(name)}
        _list(titles, as_json=as_json)
    elif name in found:
        _show(name, found[name], as_json=as_json)
    elif command is not None:
        text = command.get_help() + "\n" + _alarm_too(topic, found["operations"])
        sys.stdout.write(json.dumps({"topic": topic, "text": text}) + "\n" if as_json else text)
    elif not _show_terms(topic, found, as_json=as_json):
        _search(topic, found, parent, as_json=as_json)


def _page_of_link(topic: str) -> str:
    """Return the name of the page that a topic links to; the topic where it is no link."""
    link = _LINK.fullmatch(topic)
    if link is None:
        return topic
    *folders, name = link["path"].split("/")
    first = name.casefold() in {"index", "readme"}
    return folders[-1] if first and folders[-1:] in (["how-to"], ["decisions"]) else name


def _is_decision(name: str) -> bool:
    """Whether a page is one decision's: found by its number and name, and in the page `decisions`."""
    return name[:1].isdigit()


def _command(context: Any, words: list[str]) -> Any:
    """Return the context of the command that words name below the one of ``context``; None: there is none."""
    for word in words:
        inner = getattr(context.command, "commands", {}).get(word)
        if inner is None:
            return None
        context = typer.Context(inner, info_name=word, parent=context)
    return context if words else None


def _alarm_too(topic: str, page: Path) -> str:
    """Return where an alarm is told of that has a command's name; nothing where none has."""
    for told in help_terms.find(topic, page.read_text(encoding="utf-8")):
        sentence = f"An alarm is called so, too: `vindrop help {told.names[0]}` says what to do."
        return f"\n{language.said(sentence)}\n"
    return ""


def _named(context: Any, name: str, path: str = "vindrop") -> dict[str, str]:
    """Return the commands of a name that stand below others, with what each does: ``redrive``."""
    told = {}
    for word, inner in getattr(context, "commands", {}).items():
        if word == name and path != "vindrop":
            told[f"{path} {word}"] = inner.get_short_help_str(limit=100)
        told |= _named(inner, name, f"{path} {word}")
    return told


def _show_terms(word: str, found: dict[str, Path], *, as_json: bool) -> bool:
    """Show what the tables say of an alarm, an error code or a setting; return whether they have it."""
    for name in help_terms.PAGES:
        told = help_terms.find(word, found[name].read_text(encoding="utf-8"))
        if not told:
            continue
        markdown = "\n".join(each.markdown(": " if as_json else language.colon()) for each in told)
        if as_json:
            line = {"topic": word, "page": name, "markdown": markdown}
            sys.stdout.write(json.dumps(line) + "\n")
        else:
            _print(markdown)
            where = (
                f"From the page {name}, {told[0].heading}: `vindrop help {name}` shows all of it."
            )
            sys.stdout.write("\n" + language.said(where) + "\n")
        return True
    return False


def _search(topic: str, found: dict[str, Path], parent: Any, *, as_json: bool) -> None:
    """Show the page that words lead to, or list several, and the commands of that name."""
    commands = _named(parent.command, topic) if parent is not None else {}
    told = _about(topic, found)
    if not told and not commands:
        top = getattr(parent.command, "commands", {}) if parent is not None else {}
        raise UserError(_unknown(topic, found, [*found, *top]))
    if len(told) == 1 and not commands:
        _show(told[0], found[told[0]], as_json=as_json)
        return
    if not as_json and commands:
        sys.stdout.write(language.said("Commands, each explained by -h behind it:") + "\n")
        sys.stdout.writelines(f"  {name}  {about}\n" for name, about in commands.items())
    elif as_json:
        for name, about in commands.items():
            sys.stdout.write(json.dumps({"command": name, "title": about}) + "\n")
    if told:
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


def _print(markdown: str) -> None:
    if sys.stdout.isatty():
        console().print(Markdown(markdown))
    else:
        sys.stdout.write(markdown)


def _about(topic: str, found: dict[str, Path]) -> list[str]:
    """Return the pages whose name or title has every word of a topic, else whose headings have.

    Else those that say all of them, the ones that say them most often first, eight at most.
    """
    words = topic.casefold().replace("-", " ").split()
    found = {
        name: page
        for name, page in found.items()
        if name not in _NAMED_ONLY and not _is_decision(name)
    }
    texts = {name: _text(name, page).casefold() for name, page in found.items()}
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


def _text(name: str, page: Path) -> str:
    """Return a page, and behind a translated one what it was translated from: both have words."""
    english = ROOT / "docs" / f"{name}.md"
    files = [page] if page == english or not english.is_file() else [page, english]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def _times(text: str, word: str) -> int:
    """Return how often a text has a word, in the singular or plural.

    What is not written in letters of English has no words apart: there every place counts.
    """
    if not _WORD.fullmatch(word):
        return text.count(word)
    stem = word.removesuffix("s") or word
    forms = {word, stem, f"{stem}s", f"{stem}es"}
    return sum(each in forms for each in _WORD.findall(text))


def _unknown(topic: str, found: dict[str, Path], names: list[str]) -> str:
    """Say that there is nothing of a topic, what is spelled much like it, and what else to try."""
    parts = sorted({part for name in names for part in name.split("-")} | set(names))
    terms = {
        term
        for name in help_terms.PAGES
        for term in help_terms.names(found[name].read_text(encoding="utf-8"))
    }
    close = difflib.get_close_matches(topic.casefold(), parts, n=3)
    near = [
        name for name in names if any(each == name or each in name.split("-") for each in close)
    ]
    near = sorted(near, key=lambda name: name not in close)[:3]
    near = near or difflib.get_close_matches(topic, sorted(terms), n=3, cutoff=0.75)
    alone = [word for word in topic.split() if _about(word, found)] if " " in topic else []
    if not near and alone:
        return f"no page has all of {topic!r}: try `vindrop help {alone[0]}`"
    hint = f"did you mean {', '.join(near)}? " if near else ""
    return (
        f"no page, command or code {topic!r}: {hint}`vindrop help` lists the pages; other words are "
        "looked for in their text, so try one word alone"
    )


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
    below = "`vindrop help WORD` shows what a command takes, and what to do at an alarm or an error code."
    sys.stdout.write(language.said(below) + "\n")
