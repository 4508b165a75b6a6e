"""``vindrop cost``: what a month costs, item by item, with where each price stands."""

from __future__ import annotations

import json
import os
import sys
from typing import Annotated, Any, Final

import typer
from rich.table import Table

from vindrop_local import prices
from vindrop_local.commands.options import Json
from vindrop_local.errors import UserError
from vindrop_local.language import chosen, colon, said
from vindrop_local.terminal import console, shown

PER_CALL: Final = "VINDROP_PRICE_PER_CALL"
_MONTHS: Final = {"day": 365 / 12, "week": 365 / 7 / 12, "month": 1.0, "year": 1 / 12}
"""Of one of these in a month."""


def cost(
    *,
    photos: Annotated[float, typer.Option(min=0, help="How many.")] = 1000,
    per: Annotated[str, typer.Option(help="day, week, month or year.")] = "month",
    cloud: Annotated[str, typer.Option(help="tencent or aws.")] = "tencent",
    price: Annotated[
        list[str] | None,
        typer.Option(
            "--price",
            metavar="NAME=VALUE",
            help="Your price of a unit, such as vinocr-call=0.02; repeatable. Names are in the output.",
        ),
    ] = None,
    calls_per_photo: Annotated[
        float, typer.Option(min=0, help="Billed calls a photo (`vindrop stats` has yours).")
    ] = 1.0,
    seconds: Annotated[float, typer.Option(min=0, help="That the function runs a photo.")] = 1.0,
    memory: Annotated[int, typer.Option(min=128, help="MB of the function.")] = 512,
    as_json: Json = False,
) -> None:
    """Reckon what a month costs, and what 1,000 photos more cost, on either cloud.

    Price lists change and differ by region: each line names the page of its price. VinOCR's price is
    your contract's: --price vinocr-call=…, or VINDROP_PRICE_PER_CALL. Free tiers are not taken off.
    """
    if cloud not in prices.CLOUDS:
        raise UserError(f"--cloud is {cloud!r}: it takes {' or '.join(prices.CLOUDS)}")
    if per not in _MONTHS:
        raise UserError(f"--per is {per!r}: it takes day, week, month or year")
    known = _known(cloud, price or [])
    options: dict[str, Any] = {
        "calls_per_photo": calls_per_photo,
        "seconds": seconds,
        "memory": memory,
        "known": known,
    }
    monthly = photos * _MONTHS[per]
    lines = prices.bill(cloud, monthly, **options)
    more = _total(prices.bill(cloud, monthly + 1000, **options)) - _total(lines)
    without = [line.price.name for line in lines if line.cost is None]
    report = {
        "cloud": cloud,
        "photos_a_month": round(monthly),
        "currency": prices.CURRENCY,
        "a_month": round(_total(lines), 2),
        # Nothing of it known is no nothing.
        "1000_photos_more": round(more, 4) if more or not without else None,
        "complete": not without,
        "without": without,
    }
    if as_json:
        items = [_as_json(line) for line in lines]
        sys.stdout.write(json.dumps({**report, "items": items}) + "\n")
        return
    _print(lines, report)


def _known(cloud: str, given: list[str]) -> dict[str, prices.Price]:
    own: dict[str, float] = {}
    per_call = os.environ.get(PER_CALL, "").strip()
    for text in [*([f"vinocr-call={per_call}"] if per_call else []), *given]:
        name, _, value = text.partition("=")
        try:
            own[name.strip()] = float(value)
        except ValueError:
            raise UserError(f"--price is {text!r}: it takes NAME=VALUE, a number") from None
        if not 0 <= own[name.strip()] < float("inf"):
            raise UserError(f"--price is {text!r}: no price is less than nothing or without end")
    try:
        return prices.prices(cloud, own)
    except KeyError as error:
        names = ", ".join(prices.prices(cloud, {}))
        raise UserError(f"--price: {cloud} has no price {error}: it has {names}") from None


def _total(lines: list[prices.Line]) -> float:
    return sum(line.cost or 0.0 for line in lines)


def _as_json(line: prices.Line) -> dict[str, Any]:
    one = line.price
    return {
        "item": line.item,
        "units": round(line.units, 4),
        "unit": one.unit,
        "price": one.value,
        "name": one.name,
        "cost": None if line.cost is None else round(line.cost, 4),
        "page": one.page,
        "seen": one.seen or None,
    }


def _print(lines: list[prices.Line], report: dict[str, Any]) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("item", "units", "price", "cost", "name of the price"):
        table.add_column(heading, justify="right" if heading in {"units", "cost"} else "left")
    for line in lines:
        value = line.price.value
        table.add_row(
            line.item,
            f"{line.units:,.2f}".rstrip("0").rstrip("."),
            "not known" if value is None else f"{value:.10f}".rstrip("0").rstrip("."),
            "not counted" if line.cost is None else f"{line.cost:,.2f}",
            line.price.name,
        )
    out = console()
    out.print(table)
    for page in dict.fromkeys(line.price.page for line in lines):
        named = [line.price for line in lines if line.price.page == page]
        read = said(named[0].seen or "not read for this release")
        names = ", ".join(price.name for price in named)
        about = f"{said(page)}（{read}）" if chosen() == "zh" else f"{page} ({read})"
        out.print(shown(f"{names}{colon()}{about}"), style="dim", soft_wrap=True)
    photos, cloud = f"{report['photos_a_month']:,}", report["cloud"]
    month, more = f"{report['a_month']:,.2f}", f"{report['1000_photos_more'] or 0.0:,.2f}"
    currency, without = report["currency"], report["without"]
    if without:
        further = f"at least {more}" if report["1000_photos_more"] else "an unknown sum"
        out.print(
            f"INCOMPLETE: at least {month} {currency} a month for 1 photo on {cloud}, and {further} "
            f"for 1,000 photos more. Not counted, since no price is known: {', '.join(without)}. "
            "Read each on its page, and give it with --price NAME=VALUE. Prices change: look at the pages above"
            if photos == "1"
            else f"INCOMPLETE: at least {month} {currency} a month for {photos} photos on {cloud}, and {further} "
            f"for 1,000 photos more. Not counted, since no price is known: {', '.join(without)}. "
            "Read each on its page, and give it with --price NAME=VALUE. Prices change: look at the pages above",
            style="bold yellow",
            soft_wrap=True,
        )
    else:
        out.print(
            f"{month} {currency} a month for 1 photo on {cloud}; 1,000 photos more: {more}. "
            "Prices change: look at the pages above"
            if photos == "1"
            else f"{month} {currency} a month for {photos} photos on {cloud}; 1,000 photos more: {more}. "
            "Prices change: look at the pages above",
            soft_wrap=True,
        )
