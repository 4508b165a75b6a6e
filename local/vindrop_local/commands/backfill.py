"""``vindrop backfill``: photos that were in a bucket before the function was."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Annotated, Any

import typer
from rich.console import Console

from vindrop.clouds import own_region
from vindrop.clouds.listing import PlaceError, parse_place
from vindrop.core.app import App
from vindrop.core.backfill import Backfill, BlockedError, NoCatalogueError, Survey
from vindrop.core.outcome import Outcome
from vindrop.domain.failures import FailureError
from vindrop.settings import load
from vindrop.stores.rate_limiter.local import LocalRateLimiter
from vindrop.telemetry import quiet_libraries, set_level
from vindrop.wiring import build, from_environment
from vindrop_local import show
from vindrop_local.commands.options import Json
from vindrop_local.errors import UserError
from vindrop_local.language import said
from vindrop_local.progress import Progress
from vindrop_local.terminal import console

YOUNG = 300.0
_NOWHERE = {"VINDROP_RESULTS": "file:///dev/null", "VINDROP_DEAD_LETTERS": "file:///dev/null"}
"""Destinations of a dry run, which delivers nothing: it asks bucket and ledger alone."""


def backfill(
    source: Annotated[
        str,
        typer.Argument(
            metavar="PLACE", help="cos://name-appid/prefix, s3://name/prefix or oss://name/prefix"
        ),
    ],
    *,
    region: Annotated[
        str,
        typer.Option(
            help="Region of the bucket. Default: the one that the platform's variable names."
        ),
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only count, and reckon the price.")
    ] = False,
    rate: Annotated[
        float | None,
        typer.Option(min=0.001, help="Calls per second at most. Default: VINDROP_RATE."),
    ] = None,
    young: Annotated[
        float,
        typer.Option(
            min=0,
            help="Seconds: objects changed later than that ago are left to their own events. "
            "0 where no function is told of them.",
        ),
    ] = YOUNG,
    as_json: Json = False,
) -> None:
    """Read every photo under PLACE that was not read yet; killed, it goes on where it stopped.

    Settings and keys come from the environment, as those of the functions do. --dry-run needs the
    ledger (VINDROP_LEDGER) and keys for the bucket, no destination and no keys for VinOCR.
    """
    set_level("error")
    try:
        cloud, bucket, prefix = parse_place(source)
        region = region or own_region(os.environ, cloud)
        if not region:
            raise UserError(f"name the region of {source} with --region, such as ap-guangzhou")
        app = _app(dry_run=dry_run)
        run = Backfill(
            app,
            lambda: app.storage.of(cloud).pages(bucket, region, prefix),
            before=time.time() - young,
            rate=rate,
            rate_limiter=LocalRateLimiter(rate) if rate else None,
        )
        _carry_out(run, app, dry_run=dry_run, as_json=as_json, rate=rate or app.settings.rate)
    except (PlaceError, NoCatalogueError) as error:
        raise UserError(str(error)) from None
    except FailureError as error:
        raise UserError(error.failure.message) from None
    except BlockedError as error:
        raise UserError(
            f"the account is blocked ({error}): mend that and run this again, it goes on where it "
            "stopped"
        ) from None


def _app(*, dry_run: bool) -> App:
    quiet_libraries()
    app = build(load({**os.environ, **_NOWHERE})) if dry_run else from_environment()
    set_level("error")
    return app


def _carry_out(run: Backfill, app: App, *, dry_run: bool, as_json: bool, rate: float) -> None:
    out = console(error=as_json)
    with out.status("listing …") as status:
        survey = run.count(lambda found: status.update(f"listing … {found.listed:,} objects"))
    # Where every recognizer is asked: nobody knows before how often the first one is sure.
    each = sum(engine.settings.price_per_call for engine in app.engines)
    price_of_one = each if app.engines else app.settings.price_per_call
    _say(out, survey, price_of_one, rate, several=len(app.engines) > 1)
    done: dict[str, int] = {}
    # Not dry: the same list is read again, since it may be longer than memory.
    if not dry_run:
        done = dict(_read(run, out, survey.left))
        out.print(
            f"{done.get('reading', 0):,} readings, {done.get('dead_letter', 0):,} dead letters"
        )
        counts = app.ledger.counts()
        waiting = sum(n for state, n in counts.items() if state not in {"delivered", "dead"})
        if waiting:
            out.print(f"{waiting:,} still wait in the ledger: the sweep goes on with them")
    if as_json:
        line = {name: getattr(survey, name) for name in Survey.__slots__}
        price = survey.left * price_of_one
        sys.stdout.write(json.dumps({**line, "price": round(price, 4), "ended": done}) + "\n")


def _say(out: Console, survey: Survey, price: float, rate: float, *, several: bool = False) -> None:
    rows: list[tuple[str, object]] = [
        ("objects", f"{survey.listed:,}"),
        ("known to the ledger", f"{survey.known:,}"),
        ("to be read", f"{survey.left:,}"),
    ]
    if survey.ignored:
        rows.insert(1, ("ignored by the settings", f"{survey.ignored:,}"))
    if survey.young:
        rows.insert(-1, ("left to their own events (--young)", f"{survey.young:,}"))
    if price:
        calls = (
            "price at most, if every recognizer is asked" if several else "price, at one call each"
        )
        rows.append((calls, f"{survey.left * price:,.2f}"))
    rows.append((f"time, at {rate:g} a second", _duration(survey.left / rate)))
    out.print(show.totals_table(rows))


def _duration(seconds: float) -> str:
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return said(f"{hours} h {minutes} min" if hours else f"{minutes} min {left} s")


def _read(run: Backfill, out: Console, total: int) -> dict[str, Any]:
    with Progress("reading", total, out=out) as progress:

        def on_end(_: Outcome) -> None:
            progress.advance()

        return dict(run.run(on_end))
