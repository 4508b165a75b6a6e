"""Where the listing commands look: a URL given, the settings', the local stack's."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, cast

import typer

from vindrop.core.console import ConsoleUnavailableError
from vindrop.core.delivery import Delivery
from vindrop.core.destination import Destination, Kind, Readable
from vindrop.core.ledger import Ledger
from vindrop.core.review import Reviewer, StoredConsole
from vindrop.core.review_desk import ReviewDesk
from vindrop.core.store_errors import StoreSettingError
from vindrop.destinations import name_of, open_destination
from vindrop.domain import in_force as rules
from vindrop.domain.records import End, Record
from vindrop.stores import open_console, open_ledger
from vindrop_local.commands.options import STATE
from vindrop_local.errors import UserError
from vindrop_local.foreign import LEDGER, RECORDS, file_of, refuse_foreign
from vindrop_local.terminal import console as console_of

PRICE: Final = "VINDROP_PRICE_PER_CALL"
_LOCAL: Final = (STATE / "vindrop.db", STATE / "demo" / "vindrop.db")
From = Annotated[
    str,
    typer.Option(
        "--from",
        help="URL of the destination. Default: VINDROP_RESULTS or VINDROP_DEAD_LETTERS, else the "
        "local stack's, else the demo's.",
    ),
]
LedgerURL = Annotated[
    str,
    typer.Option(
        "--ledger",
        help="URL of the ledger. Default: VINDROP_LEDGER; else, in the folder where you are, that of "
        "`vindrop up` (.vindrop/vindrop.db), else that of `vindrop demo` (.vindrop/demo/vindrop.db).",
    ),
]


def destinations(source: str, variable: str) -> list[Destination]:
    """Open ``source``, or what ``variable`` names, or the local stack's database."""
    return list(_named(source, variable).values())


def _named(source: str, variable: str) -> dict[str, Destination]:
    urls = [source] if source else os.environ.get(variable, "").replace(",", " ").split()
    for url in urls:
        there(url)
        refuse_foreign(url, RECORDS)
    if not urls:
        _tell_local()
    setting = "--from" if source else variable
    return {name_of(url): open_destination(url, None, setting) for url in urls or [_local()]}


def records(found: list[Destination], kind: Kind) -> Iterator[End] | None:
    """Yield the records of the first destination that can be read back, or return None."""
    for destination in found:
        if hasattr(destination, "records"):
            return cast("Readable", destination).records(kind)
    return None


def in_force(found: list[Destination], kind: Kind) -> Iterator[tuple[End, Record]] | None:
    """Yield each record of the first destination that can be read back, and what counts of it.

    The second is the record with the VIN that a person gave, or the review that says there is none
    (`vindrop.domain.in_force`). None: none of them can be read back.
    """
    for destination in found:
        if hasattr(destination, "reviewed"):
            pairs = cast("Readable", destination).reviewed(kind)
            return ((end, rules.in_force(end, review)) for end, review in pairs)
    return None


def ledger(url: str) -> Ledger | None:
    """Open the ledger; None where there is none to open."""
    found = url or os.environ.get("VINDROP_LEDGER", "")
    if not found and not os.environ.get("VINDROP_DEAD_LETTERS"):
        found = _local()
    if not found or found == "none":
        return None
    there(found)
    refuse_foreign(found, LEDGER)
    try:
        return open_ledger(found, account="vinocr")
    except StoreSettingError as error:
        if not url:
            raise
        raise UserError(str(error).replace("VINDROP_LEDGER", "--ledger", 1)) from None


def console(url: str) -> StoredConsole:
    """Open the console of the ledger.

    :raises UserError: there is none.
    """
    opened = ledger(url)
    if opened is None:
        raise UserError(
            "this needs a ledger: name one with --ledger, or set VINDROP_LEDGER as the functions have it"
        )
    try:
        return open_console(opened, None, price())
    except ConsoleUnavailableError as error:
        raise UserError(str(error)) from None


def price() -> float:
    """Return the price of a billed call; 0: not known.

    :raises UserError: the setting is no number.
    """
    text = os.environ.get(PRICE, "").strip()
    try:
        return float(text or 0)
    except ValueError:
        raise UserError(f"{PRICE} is {text!r}: it takes a number") from None


def reviewer(url: str, source: str) -> tuple[StoredConsole, Reviewer]:
    """Open the console and who takes decisions there.

    They are delivered here where it is known whereto: to the destinations of the settings or of
    ``source``, or with the local stack's ledger to the local stack's. Else the sweep delivers them.

    :raises UserError: only one of the two destinations is known.
    """
    opened = console(url)
    elsewhere = url or os.environ.get("VINDROP_LEDGER")
    known = source or os.environ.get("VINDROP_RESULTS") or not elsewhere
    if elsewhere and known and not (source or os.environ.get("VINDROP_DEAD_LETTERS")):
        raise UserError(
            "VINDROP_RESULTS is set, VINDROP_DEAD_LETTERS is not: set both as the functions have them, "
            "or name the one destination of both with --from"
        )
    delivery = (
        Delivery(_named(source, "VINDROP_RESULTS"), _named(source, "VINDROP_DEAD_LETTERS"))
        if known
        else None
    )
    database = opened.database
    return opened, ReviewDesk(opened, opened.review_store, delivery, database)


def refuse_elsewhere(opened: StoredConsole, upload_id: str, source: str) -> None:
    """Refuse to deliver a decision into another deployment's database.

    It would say that it arrived, and the reading that it corrects would stand as it is elsewhere.

    :raises UserError: the ledger has delivered the upload, and ``source`` has no record of it.
    """
    life = opened.upload(upload_id) if source else None
    if life is None or life.entry.state not in {"delivered", "dead"}:
        return
    for destination in _named(source, "VINDROP_RESULTS").values():
        if hasattr(destination, "holds") and not destination.holds(upload_id):
            raise UserError(
                "--from names a database that has no record of this upload: name the one that this "
                "ledger's readings and dead letters go to"
            )


def there(url: str) -> None:
    """Make sure that a file which is only looked into exists: opening it would make it.

    :raises UserError: it does not.
    """
    path = file_of(url)
    if path is not None and not path.is_file():
        raise UserError(
            f"there is no file {path}: nothing was written there yet, or --from (--ledger) or the "
            "setting names another file than the functions write"
        )


def has_local() -> bool:
    """Whether the local stack or the demo has kept anything in the folder where we are."""
    return any(database.is_file() for database in _LOCAL)


def _local() -> str:
    return f"sqlite:///{local_file().resolve()}"


@functools.cache
def _tell_local() -> None:
    """Say once to a person whose records these are: at night the settings may not have been read."""
    out = console_of(error=True)
    if out.is_terminal:
        where = f"from {local_file()} in this folder: no setting names another"
        out.print(where, style="dim", soft_wrap=True)


def local_file() -> Path:
    """Return the database of the local stack, else the demo's.

    :raises UserError: there is neither in the folder where we are.
    """
    for database in _LOCAL:
        if database.is_file():
            return database
    raise UserError(
        "nothing has been read here yet: run `vindrop demo` or `vindrop up`, or name a destination "
        "with --from"
    )
