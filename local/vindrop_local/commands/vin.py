"""``vindrop vin``: what a VIN says of itself, from the command line."""

from __future__ import annotations

import dataclasses
import io
import itertools
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, TextIO

import typer

from vindrop.domain import vehicle as facts
from vindrop.domain import vin as vins
from vindrop.domain.vehicle import Pattern, Vehicle
from vindrop.domain.vin import NotAVinError, Vin
from vindrop_local import vin_page
from vindrop_local.alternatives import Alternative, alternatives, suggestion
from vindrop_local.commands.options import Json
from vindrop_local.errors import UserError
from vindrop_local.progress import Progress
from vindrop_local.terminal import json_text

_CHUNK: Final = 1000
_UTF_16: Final = ("\\xff\\xfe", "\\xfe\\xff")
"""How its mark begins, read as UTF-8."""
_INSTEAD: Final = 5
_FIELDS: Final = tuple(
    field.name for field in dataclasses.fields(Vehicle) if field.name != "suggested"
)


@dataclass(frozen=True, slots=True)
class Explained:
    """One VIN, judged."""

    line: int
    """Where it was given, counted from 1: the line, or the argument."""
    text: str
    """As it was given; a byte that is no UTF-8 as ``\\xff``."""
    vin: Vin | None
    reason: str | None
    """Why it is no VIN."""
    vehicle: Vehicle | None
    """None where the extra `vehicle` is not installed, or where it is no VIN."""
    instead: tuple[tuple[Alternative, Pattern | None], ...]
    """What may have been meant, with whether its maker registered such a pattern."""


def vin(
    numbers: Annotated[
        list[str] | None, typer.Argument(help="VINs. None: one a line from standard input.")
    ] = None,
    *,
    file: Annotated[
        Path | None, typer.Option("--file", help="File with one VIN a line; - is standard input.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Explain VINs: maker, model, year, check digit, verdict, and what a wrong one may have been.

    One VIN is explained in full, many take a line each. Exit status 1: one of them is no VIN.
    Model, body, trim and plant need the extra `vehicle`: pip install 'vindrop[vehicle]'.
    """
    if numbers and file is not None:
        raise UserError("name VINs or a file with --file, not both")
    refused = False
    if numbers and len(numbers) == 1 and not as_json:
        (found,) = _explain([(1, numbers[0])])
        vin_page.page(found)
        refused = found.vin is None
    else:
        given = enumerate(numbers, start=1) if numbers else _lines(file)
        total = len(numbers) if numbers else _line_count(file)
        with Progress("explaining", total, shown=not sys.stdout.isatty()) as progress:
            for chunk in _chunks(given):
                explained = _explain(chunk)
                refused = refused or any(each.vin is None for each in explained)
                say = _json if as_json else vin_page.line
                sys.stdout.write("".join(say(each) + "\n" for each in explained))
                progress.advance(len(chunk))
    if refused:
        raise typer.Exit(1)


def _line_count(file: Path | None) -> int | None:
    """Return how many lines a file has; None for what can be read only once."""
    if file is None or not file.is_file():
        return None
    with file.open("rb") as source:
        return sum(1 for _ in source)


def _lines(file: Path | None) -> Iterator[tuple[int, str]]:
    """Yield the lines that hold something, with their numbers."""
    try:
        with _opened(file) as source:
            for number, line in enumerate(source, start=1):
                if number == 1 and line.startswith(_UTF_16):
                    raise UserError(f"{file or 'standard input'} is UTF-16: save it as UTF-8")
                if line.strip():
                    yield number, line.strip()
    except OSError as error:
        raise UserError(f"cannot read {file or 'standard input'}: {error.strerror}") from None


def _opened(file: Path | None) -> TextIO:
    """Open a file or standard input as UTF-8, in whatever locale; wrong bytes stay in their line."""
    if file is not None and str(file) != "-":
        source: Any = file.open("rb")
    elif sys.stdin is None:
        raise UserError("standard input is closed: name a VIN, or a file with --file")
    elif file is None and sys.stdin.isatty():
        raise UserError("name a VIN: vindrop vin 1HGCM82633A004352")
    else:
        source = sys.stdin.buffer
    return io.TextIOWrapper(source, encoding="utf-8-sig", errors="backslashreplace")


def _chunks(lines: Iterable[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    lines = iter(lines)
    while chunk := list(itertools.islice(lines, _CHUNK)):
        yield chunk


def _explain(given: list[tuple[int, str]]) -> list[Explained]:
    """Return each VIN with its facts; vehicles are asked for all at once."""
    judged = [_judge(text) for _, text in given]
    instead = [
        alternatives(vins.normalize(text)[0])
        if read is None or read.check_digit == "invalid"
        else []
        for (_, text), (read, _) in zip(given, judged, strict=True)
    ]
    asked = [read.value for read, _ in judged if read is not None]
    asked += [other.vin for others in instead for other in others]
    known = dict(zip(asked, _vehicles(asked), strict=True))
    return [
        Explained(
            line=line,
            text=text,
            vin=read,
            reason=reason,
            vehicle=known[read.value] if read else None,
            instead=_ranked(read, others, known),
        )
        for (line, text), (read, reason), others in zip(given, judged, instead, strict=True)
    ]


def _judge(text: str) -> tuple[Vin | None, str | None]:
    try:
        return vins.parse(text), None
    except NotAVinError as error:
        return None, str(error)


def _vehicles(asked: list[str]) -> list[Vehicle] | list[None]:
    return facts.vehicles(asked) if facts.available() else [None] * len(asked)


def _ranked(
    read: Vin | None, others: list[Alternative], known: dict[str, Vehicle | None]
) -> tuple[tuple[Alternative, Pattern | None], ...]:
    """Return the alternatives, those of a registered pattern first."""
    of = {other: getattr(known[other.vin], "pattern", None) for other in others}
    own = known[read.value] if read else None
    if read and own and own.suggested and own.suggested not in {other.vin for other in others}:
        of[suggestion(read.value, own.suggested)] = Pattern.KNOWN
    return tuple(sorted(of.items(), key=lambda each: each[1] is not Pattern.KNOWN)[:_INSTEAD])


def _json(each: Explained) -> str:
    read = each.vin
    said: dict[str, Any] = {
        "line": each.line,
        "vin": read.value if read else None,
        "as_read": each.text,
        "verdict": read.verdict.value if read else None,
        "why": vin_page.why(read) if read else None,
        "check_digit": read.check_digit if read else None,
        "expected_check_digit": vins.check_digit(read.value) if read else None,
        "maker": read.maker if read else None,
        "manufacturer": read.manufacturer if read else None,
        "country": read.country if read else None,
        "region": read.region if read else None,
        "model_year": read.model_year if read else None,
        "vehicle": _flat(each.vehicle) if each.vehicle else None,
        "instead": [
            {"vin": other.vin, "change": other.change, "pattern": pattern}
            for other, pattern in each.instead
        ],
        "reason": each.reason,
    }
    # Where letters such as ë cannot be written, their escapes must be JSON's.
    return json_text(said) if "utf" in sys.stdout.encoding.lower() else json.dumps(said)


def _flat(vehicle: Vehicle) -> dict[str, Any]:
    """Return its fields: `dataclasses.asdict` copies what is in them, at ten times the time."""
    return {name: getattr(vehicle, name) for name in _FIELDS}
