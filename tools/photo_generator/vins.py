"""VINs as real makers build them, in the shares in which countries build vehicles.

`countries.tsv` has the shares with their source, `heads.tsv` beginnings that were registered with
NHTSA (made by `tools.manufacturers.heads`), `forms.tsv` how makers elsewhere build their numbers.
Serial numbers are dice: no VIN here was taken from a vehicle, though a random number may exist
somewhere.
"""

from __future__ import annotations

import csv
import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from photo_generator.dice import chance, pick
from vindrop.domain import vin as rules
from vindrop.domain.regions import country, region

YEAR_CODES: Final = "3456789ABCDEFGHJKLMNPRST"
"""Model years 2003 to 2026: the vehicles on the road."""
H_IN_CHINA: Final = 0.01
"""Share of codes with H among those of China: they are young."""

_HERE: Final = Path(__file__).parent
_LETTERS: Final = "ABCDEFGHJKLMNPRSTUVWXYZ"
_DIGITS: Final = "0123456789"
_CLASSES: Final = {"#": _DIGITS, "&": _LETTERS, "*": rules.ALPHABET, "^": YEAR_CODES}
_HEAD: Final = 10
"""Characters of a beginning: positions 1 to 8, 10 and 11."""
_VPIC: Final = "vpic"
_CHECK: Final = "="
_PIECE: Final = re.compile(r"(\[[^\]]*\]|\([^)]*\)|.)(?:\{(\d+)\})?")


@dataclass(frozen=True)
class Form:
    """How a maker builds its numbers."""

    text: str
    """As in `forms.tsv`."""
    weight: float


def random_vin(rng: np.random.Generator, within: str | None = None) -> str:
    """Return a well-formed VIN whose check digit is right wherever law asks for one.

    :param within: only makers of this world region, as `vindrop.domain.regions.region` names it.
    :raises ValueError: no maker of that region is known.
    """
    names, shares = _countries(within)
    name = names[int(rng.choice(len(names), p=shares))]
    forms = _forms().get(name)
    if forms is None:
        return _of_head(rng, pick(rng, heads()[name]))
    weights = np.array([form.weight for form in forms])
    form = forms[int(rng.choice(len(forms), p=weights / weights.sum()))]
    return _of_head(rng, pick(rng, heads()[name])) if form.text == _VPIC else drawn(rng, form.text)


def check_region(within: str | None) -> None:
    """Check that VINs of a world region can be drawn.

    :raises ValueError: none can.
    """
    _countries(within)


def drawn(rng: np.random.Generator, form: str) -> str:
    """Return a VIN of a form, as `forms.tsv` describes them.

    :raises ValueError: the form does not make 17 characters of a VIN.
    """
    vin = "".join(_piece(rng, piece) for piece in _pieces(form))
    bare = vin.replace(_CHECK, "0")
    if not rules.is_well_formed(bare) or _CHECK in vin[: rules.CHECK_POSITION]:
        raise ValueError(f"the form {form} makes {vin}, which is no VIN")
    return checked(bare) if _CHECK in vin else bare


def checked(vin: str) -> str:
    """Return the VIN with its check digit put right."""
    at = rules.CHECK_POSITION
    return vin[:at] + rules.check_digit(vin) + vin[at + 1 :]


def _of_head(rng: np.random.Generator, head: str) -> str:
    """Return a VIN with a registered beginning; a letter leads some serial numbers."""
    digits = "".join(pick(rng, _DIGITS) for _ in range(6))
    if chance(rng, 0.1):
        digits = pick(rng, _LETTERS) + digits[1:]
    return checked(f"{head[: rules.CHECK_POSITION]}0{head[rules.CHECK_POSITION :]}{digits}")


def _piece(rng: np.random.Generator, piece: str) -> str:
    if piece[0] == "(":
        return drawn_part(rng, pick(rng, piece[1:-1].split("|")))
    if piece[0] == "[":
        return pick(rng, _listed(piece[1:-1]))
    return pick(rng, _CLASSES[piece]) if piece in _CLASSES else piece


def drawn_part(rng: np.random.Generator, part: str) -> str:
    """Return what one of several alternatives makes."""
    return "".join(_piece(rng, piece) for piece in _pieces(part))


@functools.cache
def _pieces(form: str) -> tuple[str, ...]:
    return tuple(
        piece for piece, times in _PIECE.findall(form) for _ in range(int(times) if times else 1)
    )


@functools.cache
def _listed(inner: str) -> str:
    """Return the characters of ``A-D7``, without those that no VIN holds."""
    spans = re.sub(
        r"(.)-(.)",
        lambda m: "".join(chr(c) for c in range(ord(m[1]), ord(m[2]) + 1)),
        inner,
    )
    return "".join(c for c in spans if c in rules.ALPHABET)


@functools.cache
def _countries(within: str | None) -> tuple[list[str], list[float]]:
    weights = _homes()
    if within is not None:
        weights = {name: w for name, w in weights.items() if _region_of(name) == within}
    if not weights:
        regions = sorted({_region_of(name) or "" for name in _forms().keys() | _homes()})
        raise ValueError(f"no makers of {within!r} are known; choose from {', '.join(regions)}")
    total = sum(weights.values())
    return list(weights), [weight / total for weight in weights.values()]


@functools.cache
def _homes() -> dict[str, float]:
    return {row["country"]: float(row["thousands"]) for row in _rows("countries.tsv")}


def _region_of(name: str) -> str | None:
    forms = _forms().get(name)
    first = heads()[name][0] if forms is None else next(f.text for f in forms if f.text != _VPIC)
    return region(first)


@functools.cache
def _forms() -> dict[str, Sequence[Form]]:
    found: dict[str, list[Form]] = {}
    for row in _rows("forms.tsv"):
        found.setdefault(row["country"], []).append(Form(row["form"], float(row["weight"])))
    for forms in found.values():
        young = [form for form in forms if form.text[0] == "H"]
        total = sum(form.weight for form in forms if form.text[0] != "H")
        for form in young:
            forms[forms.index(form)] = Form(form.text, total * H_IN_CHINA / len(young))
    return {name: tuple(forms) for name, forms in found.items()}


@functools.cache
def heads() -> dict[str, tuple[str, ...]]:
    """Return country → beginnings of VINs: positions 1 to 8, 10 and 11."""
    found: dict[str, list[str]] = {}
    for line in (_HERE / "heads.tsv").read_text(encoding="ascii").splitlines():
        if line.startswith("#"):
            continue
        code, rest = line.split("\t")
        found.setdefault(country(code) or "", []).extend(code + end for end in rest.split(" "))
    return {name: tuple(some) for name, some in found.items()}


def _rows(name: str) -> Iterator[dict[str, str]]:
    lines = [
        line
        for line in (_HERE / name).read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("# ")
    ]
    return iter(list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)))
