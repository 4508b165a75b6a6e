"""How people see a VIN explained: its characters, the check digit step by step, the verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from vindrop.domain import check_digit, manufacturers, placeholders
from vindrop.domain import vin as vins
from vindrop.domain.vehicle import Pattern, Vehicle
from vindrop.domain.vin import Verdict, Vin
from vindrop_local import show
from vindrop_local.language import chosen, colon, comma, said
from vindrop_local.terminal import console, shown

if TYPE_CHECKING:
    from vindrop_local.commands.vin import Explained

_VERDICTS: Final = {
    Verdict.VERIFIED: "the check digit holds",
    Verdict.PLAUSIBLE: "well-formed; the law of its maker's country asks for no check digit",
}
_PATTERNS: Final = {
    Pattern.KNOWN: "its maker registered such vehicles",
    Pattern.UNKNOWN: "its maker registered no such pattern: misread, newer than the data, or made up as a sample is",
    Pattern.NOT_COVERED: "not in the United States' register: nothing is claimed",
}


def why(
    read: Vin, say: Callable[[str], str] = str, marks: Sequence[str] = (": ", ", ", "; ")
) -> str:
    """Return why the verdict is what it is: of a doubtful VIN, each reason with its characters.

    :param say: returns a sentence in the reader's language.
    :param marks: what stands after a name, between two of a list, and between two reasons.
    """
    if read.verdict is not Verdict.DOUBTFUL:
        return say(_VERDICTS[read.verdict])
    doubts = []
    if vins.normalize(read.as_read)[1]:
        slips = vins.corrections(read.as_read)
        typed = [say(f"typed {typed} at position {at}, read as {of}") for at, typed, of in slips]
        what = say("characters were corrected")
        doubts.append(marks[0].join(filter(None, (what, marks[1].join(typed)))))
    if read.check_digit == "invalid":
        found, right = read.value[vins.CHECK_POSITION], vins.check_digit(read.value)
        doubts.append(say(f"the check digit is wrong: {found} is there, {right} is right"))
    if other := placeholders.why_doubtful(read.value, manufacturers.find(read.value)):
        doubts.append(say(other))
    return marks[2].join((*doubts, say("have a person look")))


def line(each: Explained) -> str:
    """Return one line for one of many: in a pipe English, since programs read it."""
    read, say = each.vin, said if console().is_terminal else str
    if read is None:
        between = colon() if say is said else ": "
        return shown(f"{each.text}  {say('no VIN')}{between}{say(each.reason or '')}")
    model = each.vehicle.model if each.vehicle else None
    year = read.model_year or (each.vehicle.year if each.vehicle else None)
    known = (read.maker, model, str(year) if year else None, _whence(each, say))
    what = " · ".join(part for part in known if part)
    verdict = say(read.verdict.value)
    return f"{read.value}  {verdict}{' ' * (9 - cell_len(verdict))}  {what}"


def _whence(each: Explained, say: Callable[[str], str]) -> str | None:
    """Return where the factory is, where that is known; else the country of the maker's code.

    A code (ISO 3780) is given to a maker of a country, whose factory may be in another.
    """
    if each.vehicle and each.vehicle.plant:
        place, between, country = each.vehicle.plant.rpartition(", ")
        return say(f"made in {place}{between}{say(country)}")
    country = each.vin.country or "" if each.vin else ""
    return say(f"maker registered in {say(country)}") if country else None


def page(each: Explained) -> None:
    """Print everything that is known of one VIN."""
    out = console()
    read = each.vin
    if read is None:
        out.print(
            Text.assemble((shown(each.text), "bold"), "  ", (said("no VIN"), "red")), soft_wrap=True
        )
        out.print(each.reason, markup=False, soft_wrap=True)
    else:
        verdict = (said(read.verdict.value), show.COLOURS[read.verdict])
        marks = (colon(), comma(), "; " if chosen() == "en" else "；")
        head = Text.assemble(
            (read.value, "bold"), "  ", verdict, "  ", (why(read, said, marks), "dim")
        )
        out.print(head, soft_wrap=True)
        out.print()
        out.print(_characters(read, each.vehicle))
        out.print()
        out.print(_check_digit(read.value))
        out.print(_sum(read), markup=False, soft_wrap=True)
        out.print()
        out.print(_facts(read, each.vehicle))
    if each.instead:
        out.print("\nWhat may have been meant (one slip away, and the check digit holds):")
        for other, pattern in each.instead:
            built = vins.maker(other.vin) or said("no known maker")
            known = f"{comma()}{said(_PATTERNS[pattern])}" if pattern is Pattern.KNOWN else ""
            about = f"({built}{known})" if chosen() == "en" else f"（{built}{known}）"
            slip = f"  {other.vin}  {said(other.change)}  {about}"
            out.print(slip, markup=False, soft_wrap=True)


def _characters(read: Vin, vehicle: Vehicle | None) -> Table:
    """Return the parts of a VIN with what they mean."""
    value = read.value
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("position", "characters", "meaning"):
        table.add_column(column)
    law = check_digit.law(value[:2])
    built = manufacturers.find(value)
    maker = f"{built.brand} ({built.name})" if built and built.name else read.maker
    maker = maker or said("unknown")
    small = said("; a 9 at 3: named together with 12 to 14") if value[2] == "9" else ""
    country = said(f"maker registered in {said(read.country)}" if read.country else "no country")
    model = vehicle.model if vehicle and vehicle.model else said("the maker's own code")
    year = str(read.model_year) if read.model_year else said("not told")
    defined = law.model_year if law and law.model_year else said("no law defines it")
    required = law.check_digit if law and law.check_digit else said("no law requires it")
    for position, characters, meaning in (
        ("1–3", value[:3], f"{said('maker')}{colon()}{maker}{comma()}{country}{small}"),
        ("4–8", value[3:8], said(f"model, body, engine …: {model}")),
        (
            "9",
            value[8],
            said(f"check digit ({required}); the others give {vins.check_digit(value)}"),
        ),
        ("10", value[9], said(f"model year: {year} ({defined})")),
        ("11", value[10], said(f"plant: {vehicle.plant if vehicle and vehicle.plant else '–'}")),
        ("12–17", value[11:], said("serial number")),
    ):
        table.add_row(position, Text(characters, style="bold"), Text(meaning))
    return table


def _check_digit(value: str) -> Table:
    """Return the sum step by step, 49 CFR 565.15(c)."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_header=False)
    table.add_column(style="dim")
    for _ in value:
        table.add_column(justify="right")
    values = [vins.VALUES[character] for character in value]
    products = [value * weight for value, weight in zip(values, vins.WEIGHTS, strict=True)]
    table.add_row("character", *value)
    table.add_row("value", *map(str, values))
    table.add_row("× weight", *map(str, vins.WEIGHTS))
    table.add_row("= product", *map(str, products))
    return table


def _sum(read: Vin) -> str:
    total = sum(
        vins.VALUES[character] * weight
        for character, weight in zip(read.value, vins.WEIGHTS, strict=True)
    )
    digit, found = vins.check_digit(read.value), read.value[vins.CHECK_POSITION]
    ten = ", ten is written X" if digit == "X" else ""
    says = "it holds" if digit == found else f"position 9 is {found}: it does not hold"
    return f"sum {total}, {total} modulo 11 = {total % 11}{ten}; {says}"


def _facts(read: Vin, vehicle: Vehicle | None) -> Table:
    """Return what is known, one fact a line."""
    rows: list[tuple[str, object]] = [
        ("maker", read.maker),
        ("manufacturer", read.manufacturer),
        ("maker's country", said(read.country or "")),
        ("region", said(read.region or "")),
        ("model year", read.model_year),
    ]
    if vehicle is None:
        rows.append(("vehicle", "not asked for: pip install 'vindrop[vehicle]'"))
    else:
        what = f"{said(vehicle.pattern.value)}{colon()}{said(_PATTERNS[vehicle.pattern])}"
        rows.append(("pattern", what))
        named = ("make", "model", "year", "body", "trim", "fuel", "plant", "type")
        facts = ((name, getattr(vehicle, name)) for name in named)
        rows += [(name, value) for name, value in facts if value is not None]
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(said(name), Text(said(str(value or "–"))))
    return table
