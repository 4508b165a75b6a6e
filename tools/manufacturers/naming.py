"""Names as people say them: Ford, not FORD MOTOR COMPANY, USA."""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent

_LEGAL: Final = re.compile(
    r"(?<![\s,.])[\s,.]+(?:INC|INCORPORATED|LLC|L\.L\.C|LTD|LTDA|LIMITED|LP|CO|COMPANY|CORP|CORPORATION|"
    r"GMBH|AG|"
    r"S\.?P\.?A|S\.?A\.?S?|S\.A\. DE C\.V|B\.?V|N\.?V|A\.?B|SRL|S\.R\.L|PTY|PVT|PLC|A\.S|MFG|& CO)"
    r"[.)]*$",
    re.IGNORECASE,
)
_SMALL: Final = frozenset({"AND", "OF", "THE", "DE", "DO", "DA", "FOR"})
_WORD: Final = re.compile(r"[A-ZÀ-Þ][A-ZÀ-Þ']*")


@cache
def said(name: str) -> str:
    """Return a make or company as a person would write it.

    >>> said("TRAIL KING INDUSTRIES, INC.")
    'Trail King Industries'
    """
    bare = " ".join(name.replace("�", "").split()).strip(" ,;/")
    if bare in _aliases():
        return _aliases()[bare]
    short = bare
    while True:
        shorter = _LEGAL.sub("", short).strip(" ,;/&")
        if shorter in {short, ""}:
            break
        short = shorter
    if short in _aliases():
        return _aliases()[short]
    if short == short.upper():
        short = _WORD.sub(_capitals, short)
    return short[:1].upper() + short[1:] if short.islower() else short


def _capitals(match: re.Match[str]) -> str:
    word = match.group()
    if word in _SMALL and match.start():
        return word.lower()
    vowels = any(letter in "AEIOUY" for letter in word)
    return word if len(word) <= 3 or not vowels else word.capitalize()


@cache
def _aliases() -> dict[str, str]:
    return {row["written"]: row["said"] for row in rows("brands.tsv")}


@cache
def volumes() -> dict[str, int]:
    """Return brands → the power of ten of vehicles a year."""
    return {row["brand"]: int(row["volume"]) for row in rows("volumes.tsv")}


def rows(name: str) -> list[dict[str, str]]:
    """Return the rows of a file beside this one; lines that begin with # are remarks."""
    lines = [
        line
        for line in (HERE / name).read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
