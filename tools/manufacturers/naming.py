"""Names as people say them: Ford, not FORD MOTOR COMPANY, USA."""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent

MAKERS: Final = {"Lexus": "Toyota"}
"""Brand → the maker whose it is, where both share two characters and nobody else has any (JT)."""

_LEGAL: Final = re.compile(
    r"(?<![\s,])(?:[\s,]|\.,)[\s,.]*(?:INC|INCORPORATED|LLC|L\.L\.C|LTD|LTDA|LIMITED|LP|CO|COMPANY|CORP|CORPORATION|"
    r"GMBH|AG|"
    r"S\.?P\.?A|S\.?A\.?S?|S\.A\. DE C\.V|B\.?V|N\.?V|A\.?B|SRL|S\.R\.L|PTY|PVT|PLC|A\.S|MFG|& CO)"
    r"[.)]*$",
    re.IGNORECASE,
)
_ACTIVITY: Final = re.compile(
    r"(?<!\bAND)(?<!\bOF)(?<!&)\s+(?:MOTOR )?(?:MANUFACTURING|MANUFACTURERS?|AUTO(?:MOBILE|MOTIVE)? INDUSTRY)$",
    re.IGNORECASE,
)
"""What a company does, after its name."""
_PLACES: Final = (
    *("USA", "U\\.S\\.A", "NORTH AMERICA", "CANADA", "INDIA", "RUS", "RUSSIA", "BRASIL", "BRAZIL"),
    *("MEXICO", "EUROPE", "CHINA", "AUSTRALIA", "TURKEY", "THAILAND", "VIETNAM", "ARGENTINA"),
)
_PLACE: Final = re.compile(
    rf"(?<!\bNEW)(?:\s+(?:CARS )?(?:OF )?| ?\()(?:{'|'.join(_PLACES)})\.?\)?$", re.IGNORECASE
)
"""Where a branch of it is, after its name."""
_ORDINARY: Final = re.compile(
    r"(?:\b(?:TRAILERS?|TRUCKS?|CARTS?|CARGO|BOX|MARINE|SERVICE|DESIGNS?|CHASSIS|MOTORS?|PRO R66|"
    r"CHOPPERS?|DETECTION|AND|OF|THE|\d+)|&)$",
    re.IGNORECASE,
)
"""How the rest ends where the place belongs to the name: Trailers USA, 12832429 Canada."""
_SHORTEST: Final = 3
_SMALL: Final = frozenset({"AND", "OF", "THE", "DE", "DO", "DA", "FOR"})
_WORD: Final = re.compile(r"[A-ZÀ-Þ][A-ZÀ-Þ']*")


@cache
def said(name: str) -> str:
    """Return a make or company as a person would write it.

    >>> said("TRAIL KING INDUSTRIES, INC.")
    'Trail King Industries'
    >>> said("Honda Cars India"), said("Trailers USA")
    ('Honda', 'Trailers USA')
    """
    bare = " ".join(name.replace("�", "").split()).strip(" ,;/")
    if bare in _aliases():
        return _aliases()[bare]
    short = bare
    while True:
        shorter = _shorter(short)
        if shorter in {short, ""}:
            break
        short = shorter
        if short in _aliases():
            break
    if short in _aliases():
        return _aliases()[short]
    if short == short.upper():
        short = _WORD.sub(_capitals, short)
    return short[:1].upper() + short[1:] if short.islower() else short


_REST: Final = 2
_JOINED: Final = re.compile(r"(?:WELDING|MOTORS?|AUTO|USA|GG|ES|4U)$")
"""What follows a name in one word with it: Beta is no half of Betamotor."""


def of(make: str, company: str) -> str:
    """Return a make as `said`, its last word whole where a list has cut it, initials large.

    >>> of("UNIV", "ZHEJIANG UNIVERSAL MACHINERY CO., LTD"), of("Beta", "BETAMOTOR S.P.A.")
    ('Universal', 'Beta')
    >>> of("ELMS", "ELECTRIC LAST MILE SOLUTIONS, INC.")
    'ELMS'
    """
    words = [word.strip(".,;") for word in company.upper().replace("&", "AND").split()]
    if make in _aliases():
        return said(make)
    short = said(make)
    if _is_initials(short.upper(), words):
        return short.upper()
    whole = _whole(short, words)
    return short if whole == short else said(whole)


def _whole(make: str, words: list[str]) -> str:
    *before, last = make.upper().replace("&", "AND").strip(".").split() or [""]
    count = len(before)
    if last not in words and (before or len(last) >= _SHORTEST):
        for n, word in enumerate(words[count:], count):
            rest = word.removeprefix(last)
            cut = rest != word and len(rest) >= _REST and rest.isalpha()
            if cut and words[n - count : n] == before and not _JOINED.match(rest):
                return " ".join([*make.split()[:-1], word.capitalize()])
    return make


def _is_initials(word: str, words: list[str]) -> bool:
    """Whether each letter of ``word`` begins a word, in their order, and the first begins the first."""
    if not word.isalpha() or word in words or len(word) <= _SHORTEST:
        return False
    initials = iter(each[:1] for each in words)
    return word[0] == words[0][:1] and all(letter in initials for letter in word)


def _shorter(name: str) -> str:
    """Return a name without the last word that says what company it is, or where."""
    shorter = _LEGAL.sub("", name).strip(" ,;/&")
    if shorter != name and "." not in shorter.split(" ")[-1].removesuffix("."):
        shorter = shorter.removesuffix(".")  # of an abbreviation; initials keep theirs
    if shorter == name:
        bare = _ACTIVITY.sub("", name)
        shorter = bare if len(bare) >= _SHORTEST else name
    if shorter == name:
        bare = _PLACE.sub("", name)
        shorter = name if _ORDINARY.search(bare) else bare
    return shorter


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
