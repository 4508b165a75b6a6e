"""Text-rich things without a VIN that lie on a table: letters, receipts, parcel labels, serials."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from photo_generator.dice import between, chance, pick
from photo_generator.faces import DOTTED, PRINTED, SMALL_PRINT, STAMPED, Face
from photo_generator.label import code39
from photo_generator.sheet import Colour, Sheet, fitting_height, text_width
from vindrop.domain import vin as rules

_WORDS: Final = tuple(
    """
    the of and to in for is on that by this with you it not
    or be are from at as your all have new more an was we will
    home can us about if page my has search free but our one other do
    no information time they site he up may what which their news out use any
    there see only so his when contact here business who web also now help get
    view online first am been would how were services some these click its like service
    than find price date back top people list name just over state year day into
    email two health world next used go work last most products music buy data make
    them should product system post her city policy number such please available copyright support message
    after best software then good video well where info rights public books high school through
    each links she review years order very privacy
    """.split()  # noqa: SIM905 - a list of 150 quoted words is no easier to read
)
_FORBIDDEN: Final = "IOQ"
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_IBAN_LENGTHS: Final = {"DE": 22, "FR": 27, "GB": 22, "NL": 18, "AT": 20, "ES": 24, "PL": 28}


def digits(rng: np.random.Generator, count: int) -> str:
    """Return ``count`` random digits."""
    return "".join(str(d) for d in rng.integers(0, 10, count))


def iban(rng: np.random.Generator) -> str:
    """Return something written like an IBAN (its check digits are dice), in groups of four."""
    country = pick(rng, tuple(_IBAN_LENGTHS))
    bare = country + digits(rng, _IBAN_LENGTHS[country] - 2)
    return " ".join(bare[i : i + 4] for i in range(0, len(bare), 4))


def serial(rng: np.random.Generator) -> str:
    """Return a serial number that no one who knows VINs would take for one.

    Seventeen characters with letters that VINs leave out, or a wrong number of characters.
    Mending the look-alikes does not lead to a check digit that holds.
    """
    length = pick(rng, (17, 17, 17, 12, 14, 15, 16, 18, 19, 20))
    while True:
        text = "".join(
            pick(rng, _LETTERS) if chance(rng, 0.4) else digits(rng, 1) for _ in range(length)
        )
        if length != rules.LENGTH:
            return text
        places = rng.choice(length, 4, replace=False)
        text = "".join(pick(rng, _FORBIDDEN) if i in places else c for i, c in enumerate(text))
        mended, _ = rules.normalize(text)
        if not rules.check_digit_holds(mended) and rules.maker(mended) is None:
            return text


def sentence(rng: np.random.Generator, words: int) -> str:
    """Return ``words`` common words with a capital and a full stop."""
    text = " ".join(pick(rng, _WORDS) for _ in range(words))
    return text[0].upper() + text[1:] + "."


def document(rng: np.random.Generator, width: float) -> Sheet:
    """A letter, invoice or form."""
    cap = width * between(rng, 0.011, 0.019)
    face = pick(rng, PRINTED[:10])
    sheet = Sheet.blank((round(width), round(width * between(rng, 0.9, 1.41))), (240, 239, 233), 2)
    ink: Colour = pick(rng, ((25, 25, 28), (40, 42, 60), (60, 60, 62)))
    left, y = width * 0.08, width * 0.07
    sheet.write((left, y), pick(rng, _TITLES), PRINTED[1], cap * 2.2, ink)
    y += cap * 5
    while y < sheet.colour.height - cap * 4:
        draw = rng.random()
        if draw < 0.16:
            y = _table(sheet, rng, (left, y), cap, ink)
        else:
            text = (
                pick(rng, _FIELDS)(rng) if draw < 0.5 else sentence(rng, int(rng.integers(5, 11)))
            )
            room = width - 2 * left
            if text_width(text, face, cap) > room:
                text = text[: int(len(text) * room / text_width(text, face, cap))]
            sheet.write((left, y), text, face, cap, ink)
        y += cap * pick(rng, (1.9, 1.9, 1.9, 3.2))
    return _aimed(sheet, cap)


_TITLES: Final = ("INVOICE", "Rechnung", "PURCHASE ORDER", "Delivery Note", "FACTURE", "Statement")
_FIELDS: Final[tuple[Callable[[np.random.Generator], str], ...]] = (
    lambda rng: f"IBAN {iban(rng)}",
    lambda rng: f"Order No. {pick(rng, ('ORD', 'PO', 'SO'))}-{digits(rng, 12)}",
    lambda rng: (
        f"Invoice {digits(rng, 4)}-{digits(rng, 8)}  Date {digits(rng, 2)}.11.20{digits(rng, 2)}"
    ),
    lambda rng: f"Tracking 1Z{digits(rng, 3)}W{digits(rng, 12)}",
    lambda rng: (
        f"Tax ID {pick(rng, ('DE', 'FR', 'IT'))}{digits(rng, 11)}   Tel. +49 {digits(rng, 10)}"
    ),
    lambda rng: f"Serial {serial(rng)}",
    lambda rng: f"Card {digits(rng, 4)} {digits(rng, 4)} {digits(rng, 4)} {digits(rng, 4)}",
)


def _table(
    sheet: Sheet, rng: np.random.Generator, at: tuple[float, float], cap: float, ink: Colour
) -> float:
    y = at[1]
    right = sheet.colour.width - at[0]
    sheet.draw().line((at[0], y, right, y), fill=ink, width=max(1, round(cap * 0.1)))
    for _ in range(int(rng.integers(2, 6))):
        y += cap * 0.9
        sheet.write((at[0], y), digits(rng, 7), SMALL_PRINT, cap, ink)
        sheet.write((at[0] + cap * 9, y), sentence(rng, 3)[:22], SMALL_PRINT, cap, ink)
        sheet.write(
            (right - cap * 7, y), f"{rng.integers(1, 999)}.{digits(rng, 2)}", SMALL_PRINT, cap, ink
        )
        y += cap * 1.2
    return y


def parcel_label(rng: np.random.Generator, width: float) -> Sheet:
    """A parcel's label: addresses, a bar code of a number that is no VIN, order numbers."""
    cap = width * between(rng, 0.022, 0.034)
    # As carriers number parcels; none has a VIN's seventeen characters.
    number = pick(
        rng,
        (
            f"JJD{digits(rng, 18)}",
            f"{pick(rng, ('RR', 'CQ'))}{digits(rng, 9)}{pick(rng, ('DE', 'CN', 'GB'))}",
            f"00{digits(rng, 18)}",
        ),
    )
    bars = code39(number, width * 0.82, width * 0.16)
    sheet = Sheet.blank(
        (round(max(width, bars.width + 4 * cap)), round(width * 0.8)), (243, 243, 240), 3
    )
    ink = (18, 18, 18)
    rows = [
        f"FROM  {pick(rng, _WORDS).title()} {pick(rng, _WORDS).title()} GmbH",
        f"{pick(rng, _WORDS).title()} Street {rng.integers(1, 300)}   {digits(rng, 5)} "
        f"{pick(rng, _WORDS).upper()}",
        f"ORDER {digits(rng, 3)}-{digits(rng, 7)}-{digits(rng, 7)}",
        f"WEIGHT {rng.integers(1, 30)}.{digits(rng, 1)} KG   REF {serial(rng)}",
    ]
    y = cap * 2
    for row in rows:
        sheet.write((cap * 2, y), row, pick(rng, PRINTED[:4]), cap, ink)
        y += cap * 2
    sheet.colour.paste(
        ink, (round(cap * 2), round(y), round(cap * 2) + bars.width, round(y) + bars.height), bars
    )
    y += bars.height + cap
    sheet.write((cap * 2, y), number, PRINTED[3], cap * 1.2, ink)
    return _aimed(sheet, cap)


def serial_plate(rng: np.random.Generator, width: float) -> Sheet:
    """The type plate of some other machine, with a serial number where a VIN would stand."""
    ground, ink = pick(rng, (((170, 172, 170), (20, 22, 26)), ((32, 33, 36), (205, 206, 204))))
    text = serial(rng)
    face: Face = pick(rng, PRINTED + STAMPED + DOTTED)
    cap = fitting_height(text, face, width * 0.8)
    cap = min(cap, width * 0.07)
    sheet = Sheet.blank((round(width), round(cap * 9)), ground, cap * 0.4)
    left = width * 0.08
    title = pick(rng, ("ELECTRIC MOTOR", "AIR COMPRESSOR", "WATER PUMP", "BATTERY MODULE"))
    sheet.write((left, cap), title, PRINTED[1], cap * 0.9, ink)
    sheet.write((left, cap * 2.6), f"{rng.integers(1, 40)} kW   {rng.integers(200, 690)} V   50 Hz",
                SMALL_PRINT, cap * 0.6, ink)  # fmt: skip
    sheet.write((left, cap * 4.0), "SERIAL NO.", SMALL_PRINT, cap * 0.5, ink)
    if face in STAMPED:
        sheet.strike((left, cap * 5), text, face, cap)
    sheet.write((left, cap * 5), text, face, cap, ink)
    sheet.write(
        (left, cap * 7), f"IP54  CE  {rng.integers(2001, 2026)}", SMALL_PRINT, cap * 0.6, ink
    )
    return _aimed(sheet, cap)


def _aimed(sheet: Sheet, cap: float) -> Sheet:
    """Let the camera take the whole sheet for its subject."""
    w, h = sheet.colour.size
    sheet.vin((0.0, 0.0, float(w), float(h)), cap)
    return sheet
