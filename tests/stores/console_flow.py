"""A ledger with a console, results in the same store, and uploads that end as a test wants."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.library.conftest import a_dead_letter, a_reading
from vindrop.core.delivery import Delivery
from vindrop.core.destination import Destination, Kind
from vindrop.core.ledger import Claim
from vindrop.core.review import StoredConsole
from vindrop.core.review_desk import ReviewDesk
from vindrop.core.store_errors import StoreError
from vindrop.destinations import open_destination
from vindrop.domain.failures import Failure
from vindrop.domain.records import End, Reading, Record
from vindrop.domain.upload import Upload
from vindrop.domain.vin import Verdict
from vindrop.stores import open_console, open_ledger

VINS = ("LSGPC52H9GF125161", "1M8GDM9AXKP042788", "WVWZZZ1KZAW123456", "LBV2B25G2E5069977")


class Gate:
    """A destination that can be away."""

    def __init__(self, behind: Destination) -> None:
        self._behind: Any = behind
        self.away = False
        self.taken: list[Record] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)

    @property
    def database(self) -> Any:
        return self._behind.database

    def _open(self) -> None:
        if self.away:
            raise StoreError("the destination is away")

    def put(self, record: Record, *, redelivered: bool = False) -> None:
        self._open()
        self._behind.put(record, redelivered=redelivered)
        self.taken.append(record)

    def withdraw(self, record_id: str) -> None:
        self._open()
        self._behind.withdraw(record_id)

    def retract(self, upload_id: str) -> None:
        self._open()
        self._behind.retract(upload_id)


class ConsoleFlow:
    """Everything on one store, opened by its URL."""

    def __init__(self, url: str, results: str = "", dead_letters: str = "") -> None:
        self.url = url
        self.ledger: Any = open_ledger(url, account="test")
        self.results = Gate(open_destination(results or url))
        same = dead_letters in {"", results or url}
        self.letters = self.results if same else Gate(open_destination(dead_letters))
        self.delivery = Delivery(
            {"results": self.results}, {"results" if same else "letters": self.letters}
        )
        self.console: StoredConsole = open_console(self.ledger, None, 0.5)
        self.desk = ReviewDesk(
            self.console, self.console.review_store, self.delivery, self.ledger.database
        )

    def claim(self, upload: Upload, lease: float = 60.0) -> Claim:
        time.sleep(0.001)  # SQLite's clock tells no shorter times apart: which came first is asked
        claim = self.ledger.claim(upload, lease)
        assert isinstance(claim, Claim), claim
        return claim

    def end(self, record: End) -> str:
        """Bring an upload to its end, and its record to its destination."""
        assert record.upload is not None
        claim = self.claim(record.upload)
        self.finish(claim, record)
        return record.id

    def finish(self, claim: Claim, record: End) -> bool:
        billed = record.vinocr.billed if isinstance(record, Reading) else record.billed
        kept = self.ledger.keep(record.id, claim, record, attempts=1, billed=billed, lease=60)
        if kept is None:
            return False
        self.delivery.deliver(record, frozenset(), lambda _: None, redriven=kept.was_dead)
        return bool(self.ledger.delivered(record.id, record, kept))

    def park(self, upload: Upload, code: str = "InternalError") -> str:
        claim = self.claim(upload)
        failure = Failure(code, "try again", "r-9")
        self.ledger.schedule_retry(
            upload.id, claim, failure, seconds=600, attempts=1, billed=0, retries=1
        )
        return upload.id

    def rows(self, kind: Kind) -> dict[str, End]:
        return {each.id: each for each in self.results.records(kind)}

    def reviewed_columns(self, upload_id: str, table: str = "readings") -> dict[str, Any]:
        """Return what the results' table holds beside the machine's word."""
        names = ("reviewed_vin", "reviewed_by", "reviewed_at", "review", "review_sequence")
        if self.ledger.database is None:
            item = self.ledger.tables.get(table, upload_id)
            return {} if item is None else {name: item.get(name) for name in names}
        found = self.ledger.database.execute(
            f"SELECT {', '.join(names)} FROM vindrop_{table} WHERE id = :id", id=upload_id
        )
        return dict(zip(names, found.rows[0], strict=True)) if found.rows else {}


def doubtful(upload: Upload, vin: str = VINS[0]) -> Reading:
    return replace(a_reading(upload, vin), verdict=Verdict.DOUBTFUL)


def mixed(flow: ConsoleFlow, make: Callable[[int], Upload], number: int = 24) -> dict[str, str]:
    """Bring uploads to all kinds of ends, in order; return id → kind."""
    kinds: dict[str, str] = {}
    for n in range(number):
        upload = make(n)
        if n % 6 == 5:
            kinds[
                flow.end(
                    a_dead_letter(
                        upload, ("FailedOperation.OcrFailed", "Vindrop.NotAnImage")[n % 12 == 11]
                    )
                )
            ] = "dead"
        elif n % 6 == 4:
            kinds[flow.park(upload)] = "parked"
        elif n % 6 == 3:
            kinds[flow.end(doubtful(upload, VINS[n % 4]))] = "doubtful"
        else:
            reading = a_reading(upload, VINS[n % 4])
            maker = ("Volkswagen", "BMW", "Ford", "SAIC")[n % 4]
            kinds[flow.end(replace(reading, maker=maker))] = "verified"
    return kinds


NOW = dt.datetime.now(dt.timezone.utc)
