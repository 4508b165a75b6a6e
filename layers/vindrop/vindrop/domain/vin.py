"""What a VIN is: alphabet, check digit, look-alikes, maker, model year.

The rules are ISO 3779 (17 characters, no I, O, Q), 49 CFR 565 (North America) and
GB 16735 (China). The one alphabet, check digit and table of look-alikes for the whole
house: the functions judge VinOCR's answers with it, and our own VinOCR reads with it.

Laws, countries and manufacturers stand in `vindrop.domain`, imported when the first VIN is
judged: a refusal never needs them, and a cold start does without.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

LENGTH: Final = 17
ALPHABET: Final = "0123456789ABCDEFGHJKLMNPRSTUVWXYZ"
"""The 33 characters a VIN can hold."""

CHECK_POSITION: Final = 8
"""Index of the check digit (position 9 of 17, counted from 1)."""

MODEL_YEAR_POSITION: Final = 9
"""Index of the model-year code (position 10)."""

WEIGHTS: Final = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
"""Weight of each position in the check digit, 49 CFR 565.15(c)(3)."""

VALUES: Final[dict[str, int]] = {
    **{digit: int(digit) for digit in "0123456789"},
    **dict(zip("ABCDEFGH", range(1, 9), strict=True)),
    **dict(zip("JKLMN", range(1, 6), strict=True)),
    "P": 7,
    "R": 9,
    **dict(zip("STUVWXYZ", range(2, 10), strict=True)),
}
"""Value of each character in the check digit, 49 CFR 565.15(c)(2)."""

LOOKALIKES: Final[dict[str, str]] = {
    # Latin: the three letters a VIN leaves out because they look like digits.
    **dict.fromkeys("I|!İı", "1"),
    **dict.fromkeys("OQØ", "0"),
    # Cyrillic capitals of the same shape.
    **dict(zip("АВСЕНКМРТХУЅЈ", "ABCEHKMPTXYSJ", strict=True)),
    **dict.fromkeys("ІӀ", "1"),
    "О": "0",
    # Greek capitals of the same shape.
    **dict(zip("ΑΒΕΖΗΚΜΝΡΤΥΧ", "ABEZHKMNPTYX", strict=True)),
    "Ι": "1",
    "Ο": "0",
}
"""A character that no VIN holds → the one of the same shape that a VIN can hold."""

_LOWERCASE_LOOKALIKES: Final = {"l": "1", "o": "0", "q": "0"}
_UNSEEN: Final = "\0\x7f\xa0\xad\u200b\u200c\u200d\u200e\u200f\u2060\u3000\ufeff"
_WIDE: Final = {ord(c) + 0xFEE0: c for c in map(chr, range(ord("0"), ord("z") + 1)) if c.isalnum()}
"""Letters and digits as a Chinese or Japanese keyboard writes them: the same, and wider."""
_SEPARATORS: Final[dict[int, str | None]] = {
    **dict.fromkeys(map(ord, f" \t\r\n-–—‐‑‒−－_·・.:：*＊★☆✱{_UNSEEN}")),
    **_WIDE,
}


class Verdict(str, Enum):
    """How sure we are of a VIN that was read."""

    VERIFIED = "verified"
    """The check digit holds."""
    PLAUSIBLE = "plausible"
    """Well-formed; no check digit is required of this maker, and none holds."""
    DOUBTFUL = "doubtful"
    """A required check digit is wrong, characters had to be corrected, or no vehicle carries such
    a number (`vindrop.domain.placeholders`): have a person look."""
    REVIEWED = "reviewed"
    """A person read it, of a photo on which no engine had (`vindrop.domain.review`)."""


class NotAVinError(ValueError):
    """What was read is not a VIN, even after look-alikes are mended. ``str()`` says why."""


@dataclass(frozen=True, slots=True)
class Vin:
    """A well-formed VIN and what it says of itself."""

    value: str
    """17 characters of `ALPHABET`."""
    as_read: str
    """What the reader answered, word for word."""
    verdict: Verdict
    check_digit: Literal["valid", "invalid", "not_required"]
    """``valid``, ``invalid`` (required of this maker, and wrong) or ``not_required``."""
    maker: str | None
    """The brand of the world manufacturer identifier, as a person says it; None if unknown."""
    region: str | None
    """The world region of the first two characters (ISO 3780)."""
    model_year: int | None
    """Only where position 10 is one by law, and where it can be told which of two (30 years apart)."""
    manufacturer: str | None = None
    """The manufacturer as registered, where a register at hand has it."""
    country: str | None = None
    """The country whose maker the first two characters belong to (ISO 3780)."""

    def __str__(self) -> str:
        return self.value


def check_digit(vin: str) -> str:
    """Return the check digit that ``vin`` (17 characters of `ALPHABET`) ought to carry.

    Weighted sum modulo 11, ten written as X (49 CFR 565.15(c)). The character that stands
    at the check digit's own place weighs nothing.

    >>> check_digit("1M8GDM9AXKP042788")
    'X'
    """
    remainder = sum(VALUES[c] * w for c, w in zip(vin, WEIGHTS, strict=True)) % 11
    return "X" if remainder == 10 else str(remainder)


def check_digit_holds(vin: str) -> bool:
    """Whether position 9 of a well-formed VIN is the check digit of the other sixteen."""
    return vin[CHECK_POSITION] == check_digit(vin)


def check_digit_required(vin: str) -> bool:
    """Whether the law of the maker's country asks for a check digit.

    North America (49 CFR 565) and China (GB 16735), so first characters 1 to 5, 7F to 70, H and
    L. Nowhere else: a European VIN may hold anything at position 9, and is never refused for it.
    """
    from vindrop.domain import check_digit as laws

    return laws.required(vin)


def is_well_formed(text: str) -> bool:
    """Whether ``text`` is 17 characters of `ALPHABET`."""
    return len(text) == LENGTH and all(c in VALUES for c in text)


def normalize(text: str) -> tuple[str, bool]:
    """Return ``text`` as a VIN would write it, and whether a character had to be corrected.

    Spaces, dashes and the stars around stamped VINs are no part of a VIN; dropping them, and
    writing capitals for small letters, corrects nothing. A look-alike (I for 1, O for 0, a
    Cyrillic or Greek letter of the same shape) does.
    """
    if not text.strip(ALPHABET):
        return text, False
    bare = text.translate(_SEPARATORS)
    mixed = any(c.isupper() for c in bare)
    out: list[str] = []
    corrected = False
    for c in bare:
        if mixed and c in _LOWERCASE_LOOKALIKES:
            out.append(_LOWERCASE_LOOKALIKES[c])
            corrected = True
            continue
        upper = c.upper() if c not in LOOKALIKES else c
        mended = LOOKALIKES.get(upper, upper)
        corrected = corrected or mended != upper or not c.isascii()
        out.append(mended)
    return "".join(out), corrected


def corrections(text: str) -> list[tuple[int, str, str]]:
    """Return what `normalize` corrected: the position of 17, what stood there, as what it was read.

    >>> corrections("1O8GDM9AXKP042788")
    [(2, 'O', '0')]
    """
    bare, value = text.translate(_SEPARATORS), normalize(text)[0]
    if len(bare) != len(value):  # ß is two capitals
        return []
    pairs = enumerate(zip(bare, value, strict=True), start=1)
    return [
        (at, typed, read)
        for at, (typed, read) in pairs
        if typed.upper() != read or not typed.isascii()
    ]


def parse(text: str, *, today: dt.date | None = None) -> Vin:
    """Judge what a reader answered.

    :param text: the reader's answer, word for word.
    :param today: the date against which a model year is placed in its 30-year cycle.
    :raises NotAVinError: not 17 characters, or a character that no VIN can hold.
    """
    value, corrected = normalize(text)
    if len(value) != LENGTH:
        raise NotAVinError(f"{text!r} has {len(value)} characters where a VIN has {LENGTH}")
    if wrong := sorted(set(value) - VALUES.keys()):
        raise NotAVinError(f"{text!r} holds {', '.join(map(repr, wrong))}, which no VIN can hold")

    from vindrop.domain import manufacturers, placeholders, regions

    holds = check_digit_holds(value)
    required = check_digit_required(value)
    built = manufacturers.find(value)
    if corrected or (required and not holds) or placeholders.why_doubtful(value, built):
        verdict = Verdict.DOUBTFUL
    elif holds:
        verdict = Verdict.VERIFIED
    else:
        verdict = Verdict.PLAUSIBLE
    return Vin(
        value=value,
        as_read=text,
        verdict=verdict,
        check_digit="valid" if holds else "invalid" if required else "not_required",
        maker=built.brand if built else None,
        region=regions.region(value),
        model_year=model_year(value, today=today),
        manufacturer=built.name if built else None,
        country=regions.country(value),
    )


def maker(vin: str) -> str | None:
    """Return the brand of a well-formed VIN's maker as a person says it, or None if unknown."""
    from vindrop.domain import manufacturers

    found = manufacturers.find(vin)
    return found.brand if found else None


def region(vin: str) -> str | None:
    """Return the world region of the first two characters (ISO 3780), or None if unassigned."""
    from vindrop.domain import regions

    return regions.region(vin)


def model_year(vin: str, *, today: dt.date | None = None) -> int | None:
    """Return the model year of position 10 where law defines it and it can be told, or None.

    See `vindrop.domain.model_year`.
    """
    from vindrop.domain import model_year as years

    return years.model_year(vin, today=today)
