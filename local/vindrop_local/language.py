"""The command line in the reader's language: English, or Simplified Chinese by ``--lang`` or locale.

What a program reads stays English: ``--json``, piped rows, log lines, names of settings and codes.
"""

from __future__ import annotations

import functools
import os
import re
import sys
from pathlib import Path
from typing import Any, Final, Literal

from rich.cells import cell_len

from vindrop.domain import translation
from vindrop.domain.translation import Catalogue
from vindrop_local.errors import UserError

Language = Literal["en", "zh"]
VARIABLE: Final = "VINDROP_LANG"
_OPTION: Final = "--lang"
_LOCALES: Final = ("LC_ALL", "LC_MESSAGES", "LANG")
_BREAKS: Final = "，。：；、）」”"
_ENDS: Final = ("?", "!", "？", "！", "。")
_OPENS: Final = "（「“"
_PLACES: Final = {"[OPTIONS]": "[选项]", "COMMAND [ARGS]...": "命令 [参数]..."}
_KINDS: Final = {"str": "文本", "path": "路径", "Path": "路径", "int": "整数", "float": "数字"}
_KIND: Final = re.compile(r"<(list\[)?([^<>\[\]]+)\]?>")
"""What an option takes, as the parser of arguments writes it: `<str>`, `<list[Path]>`, `<a|b>`."""
_state: dict[str, Language] = {"chosen": "en"}


def choose(arguments: list[str]) -> list[str]:
    """Choose the language by ``--lang``, else by ``VINDROP_LANG``, else by the locale.

    :param arguments: of the command line. Returns them without ``--lang``.
    :raises UserError: another language than en or zh is asked for.
    """
    rest, asked = _without_option(arguments)
    wanted = asked or os.environ.get(VARIABLE, "")
    if not wanted:
        locale = next((os.environ[name] for name in _LOCALES if os.environ.get(name)), "")
        wanted = "zh" if locale.lower().startswith("zh") else "en"
    short = wanted.lower().replace("_", "-").partition("-")[0]
    if short not in {"en", "zh"}:
        if not asked:  # a strange variable is no reason to do nothing
            return rest
        choose([])  # the sentence is for who reads the language that was there before
        raise UserError(f"{_OPTION} is {wanted}: it takes en or zh")
    _state["chosen"] = "zh" if short == "zh" else "en"
    return rest


def _without_option(arguments: list[str]) -> tuple[list[str], str]:
    for at, word in enumerate(arguments):
        if word == "--":
            break
        if word == _OPTION and at + 1 < len(arguments):
            return arguments[:at] + arguments[at + 2 :], arguments[at + 1]
        if word.startswith(f"{_OPTION}="):
            return arguments[:at] + arguments[at + 1 :], word.partition("=")[2]
    return arguments, ""


def chosen() -> Language:
    """Return the language of this process."""
    return _state["chosen"]


@functools.cache
def _catalogue() -> Catalogue:
    """Return the sentences of the library, and ours before them: one may stand inside another."""
    ours = Path(__file__).with_name("zh.tsv").read_text(encoding="utf-8")
    theirs = Path(translation.__file__).with_name("zh.tsv").read_text(encoding="utf-8")
    return Catalogue([*theirs.splitlines(), *ours.splitlines()])


def said(sentence: str) -> str:
    """Return a sentence in the chosen language; one without a translation as it is."""
    return sentence if _state["chosen"] == "en" else in_chinese(sentence)


def help_said(text: str) -> str:
    """Return a part of a help text, which may be ``[OPTIONS]`` or ``<str>``, in the chosen language."""
    return text if _state["chosen"] == "en" else _KIND.sub(_kind, _PLACES.get(text) or said(text))


def word(kind: str, name: str) -> str:
    """Return a word that means different things in different places, such as a step and a state.

    :param kind: ``step`` or ``detail``: the catalogue has ``kind: name``.
    """
    return name if _state["chosen"] == "en" else in_chinese(f"{kind}: {name}")


def colon(*, after: str = "") -> str:
    """Return what stands between a name and what is said of it.

    :param after: what it follows: where that is a sentence with a mark of its own, no second one stands.
    """
    ended = after.endswith(_ENDS)
    if _state["chosen"] == "en":
        return " " if ended else ": "
    return "" if ended else "："


def clause(sentence: str) -> str:
    """Return a sentence as a part of another one, without the mark at its end."""
    return sentence.rstrip("。.")


def comma() -> str:
    """Return what stands between the members of a list."""
    return ", " if _state["chosen"] == "en" else "，"


def in_chinese(sentence: str) -> str:
    """Return a sentence in Simplified Chinese, whatever is chosen; one without a translation as it is."""
    bare = sentence.strip()
    if not bare:
        return sentence
    return sentence.replace(bare, _catalogue().translate(bare), 1)


def translate_help(command: Any) -> None:
    """Put the help of a command and of all below it into the chosen language."""
    if command.help:
        # Paragraphs; inside one the docstring's lines are filled up anew.
        paragraphs = [" ".join(part.split()) for part in command.help.split("\n\n")]
        told = [said(each) for each in paragraphs]
        command.help = "\n\n".join(told)
        command.short_help = told[0].partition("。")[0]
    for parameter in command.params:
        if getattr(parameter, "help", None):
            parameter.help = said(parameter.help)
    for inner in getattr(command, "commands", {}).values():
        translate_help(inner)


def wrapped(text: str, width: int) -> list[str]:
    """Return ``text`` in lines of at most ``width`` cells; a Chinese character takes two.

    Lines break at blanks and between Chinese characters, not inside a word or before a mark.
    """
    lines, line = [], ""
    for piece in _pieces(text):
        if cell_len(line + piece.rstrip()) > width and line:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    return [*lines, line.rstrip()]


def _pieces(text: str) -> list[str]:
    pieces: list[str] = []
    for character in text:
        narrow = cell_len(character) < 2
        joins = pieces and narrow and not pieces[-1].endswith(" ") and cell_len(pieces[-1][-1]) < 2
        follows = pieces and (character in _BREAKS or character == " " or pieces[-1][-1] in _OPENS)
        if joins or follows:
            pieces[-1] += character
        else:
            pieces.append(character)
    return pieces


def _places(usage: str) -> str:
    for name, chinese in _PLACES.items():
        usage = usage.replace(name, chinese)
    return usage


def _kind(found: re.Match[str]) -> str:
    several, name = found[1], found[2]
    return f"<{_KINDS.get(name, name)}{'…' if several else ''}>"


def formatter(base: type[Any]) -> type[Any]:
    """Return a formatter of help texts that has headings and widths of the chosen language.

    :param base: the one of the argument parser, which counts characters and breaks at blanks.
    """

    class Formatter(base):  # type: ignore[misc]  # typer carries its parser without a name
        translates = True

        def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
            begun = said(prefix or "Usage:")
            super().write_usage(prog, _places(args), begun if begun.endswith("：") else f"{begun} ")

        def write_heading(self, heading: str) -> None:
            self.write(f"{' ' * self.current_indent}{said(heading)}{colon().rstrip()}\n")

        def write_text(self, text: str) -> None:
            indent = " " * self.current_indent
            for number, paragraph in enumerate(text.split("\n\n")):
                if number:
                    self.write("\n")
                for line in wrapped(paragraph, self.width - self.current_indent):
                    self.write(f"{indent}{line}\n")

        def write_dl(self, rows: Any, col_max: int = 30, col_spacing: int = 2) -> None:
            # A range of numbers is a number: its bounds stand behind.
            named = (
                (_KIND.sub(_kind, name.replace(" range>", ">")), about) for name, about in rows
            )
            listed = [(name, said(about)) for name, about in named]
            column = min(max(cell_len(name) for name, _ in listed), col_max) + col_spacing
            indent = " " * self.current_indent
            room = max(self.width - self.current_indent - column, 10)
            for name, about in listed:
                lines = wrapped(about, room) if about else [""]
                if cell_len(name) > column - col_spacing:
                    self.write(f"{indent}{name}\n")
                    lines = ["", *lines]
                else:
                    gap = " " * (column - cell_len(name))
                    self.write(f"{indent}{name}{gap}{lines[0]}".rstrip() + "\n")
                for line in lines[1:]:
                    self.write(f"{indent}{' ' * column}{line}\n")

    return Formatter


def arguments() -> list[str]:
    """Return the arguments of this process, its language chosen by them.

    :raises UserError: as `choose`.
    """
    return choose(sys.argv[1:])
