"""How long the console's pages take with a million uploads: every kind of page, and the 95th percentile.

    python -m bench.console --uploads 1000000 --stores sqlite postgresql

The uploads are written straight into the ledger's table, as an earlier version would have left them
(without the console's indexes), spread evenly over ``--days``; a tenth are dead letters, 4 in 100
are doubtful, 1 in 100 waits. Then the console is opened, its upkeep makes the indexes (timed), and
each page is asked for ``--times`` times with other values each time, through the same interface as
the pages and the command line. ``--keep FOLDER`` keeps what was filled for the next time. The servers are those of the tests, on this machine.

The bar: every page's 95th percentile within 200 ms (issue 17). ``first`` is the first time a page
was asked for, with nothing of it in memory yet. A search that reads to the end of its time answers
with what it has, and its next page goes on from there.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime as dt
import itertools
import json
import os
import random
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from vindrop.core.console import Filter
from vindrop.core.review import StoredConsole
from vindrop.core.store_errors import StoreError
from vindrop.domain import records, vin
from vindrop.domain.error_codes import Disposition
from vindrop.domain.records import DeadLetter, VinOCRCall
from vindrop.domain.upload import Upload
from vindrop.domain.vin import Verdict
from vindrop.stores import open_console, open_ledger
from vindrop.stores.ledger.sql import SQLLedger
from vindrop.stores.ledger.sql_console import SQLConsole
from vindrop.stores.ledger.sql_schema import (
    INDEXES,
    UPLOADS,
    outcome_values,
    place_values,
)
from vindrop.stores.sql import Database, percent_style
from vindrop.telemetry import log_to_standard_error

BAR_MS: Final = 200.0
BATCH: Final = 5_000
CODES: Final = (
    *("FailedOperation.OcrFailed",) * 5,
    *("FailedOperation.ImageBlur",) * 2,
    "FailedOperation.DetectFailed",
    "Vindrop.NotAnImage",
    "Vindrop.ObjectMissing",
)
HEADS: Final = ("LSGPC52H", "LBV2B25G", "LFV3A24K", "WVWZZZ1K", "1HGCM826", "JTDKN3DU", "WDB20304")
BUCKETS: Final = (*("photos-1250000000",) * 20, "archive-1250000000")
COLUMNS: Final = [
    "id",
    "state",
    "due_at",
    "owner",
    "attempts",
    "billed",
    "place",
    "upload",
    "record",
    "failure_code",
    "failure_message",
    "redriven",
    "retries",
    "maybe_billed",
    "bucket",
    "object_key",
    "photo",
    "reference",
    "outcome",
    "vin",
    "maker",
    "queue",
    "took",
    "ended_at",
    "reviews",
    "first_seen",
    "last_seen",
]


class Maker:
    """Makes rows, always the same ones."""

    def __init__(self, uploads: int, days: int) -> None:
        self._random = random.Random(17)
        self._uploads = uploads
        self._seconds = days * 86400.0
        self._end = time.time()
        self.vins: list[str] = []
        """Some of those that are there."""

    def rows(self) -> Iterator[tuple[object, ...]]:
        """Yield all rows, oldest first."""
        for number in range(self._uploads):
            at = self._end - self._seconds * (1 - number / self._uploads)
            yield self._row(number, at)

    def _vin(self) -> str:
        dice = self._random
        tail = "".join(dice.choices(vin.ALPHABET, k=3)) + f"{dice.randrange(10**6):06d}"
        return dice.choice(HEADS) + tail

    def _row(self, number: int, at: float) -> tuple[object, ...]:
        dice = self._random
        moment = dt.datetime.fromtimestamp(at, dt.timezone.utc)
        upload = Upload(
            cloud="tencent",
            bucket=dice.choice(BUCKETS),
            region="ap-guangzhou",
            key=f"dealer-{number % 300:03d}/{moment:%Y/%m/%d}/IMG_{number:07d}.jpg",
            version=str(number),
            size=1_000_000 + number,
            uploaded_at=moment,
        )
        kind = dice.random()
        took = 0.8 + dice.expovariate(1)
        values: dict[str, Any] = {
            "id": upload.id,
            "state": "delivered",
            "due_at": None,
            "owner": "o",
            "attempts": 1,
            "billed": 1,
            "place": upload.object_id,
            "upload": upload.to_json(),
            "record": None,
            "failure_code": None,
            "failure_message": None,
            "redriven": 0,
            "retries": 0,
            "maybe_billed": 0,
            "outcome": None,
            "vin": None,
            "maker": None,
            "queue": None,
            "took": None,
            "ended_at": at + took,
            "reviews": 0,
            "first_seen": at,
            "last_seen": at + took,
            **place_values(upload),
            "reference": f"ST{number:07d}" if number % 4 == 0 else None,
        }
        if kind < 0.01:
            values |= {"state": "parked", "due_at": self._end + 600, "ended_at": None}
            values |= {"failure_code": "InternalError", "failure_message": "try again"}
            values |= {"outcome": "InternalError"}
        elif kind < 0.11:
            self._dead(values, upload, moment)
        else:
            self._read(values, upload, moment, took, doubtful=kind < 0.15)
        return tuple(values[name] for name in COLUMNS)

    def _dead(self, values: dict[str, Any], upload: Upload, moment: dt.datetime) -> None:
        letter = DeadLetter(
            code=self._random.choice(CODES),
            message="no VIN was found on the photo",
            disposition=Disposition.DEAD_LETTER,
            request_id="0b7c1e52-7a44-4b0e-9a7e-6a8c2f1d3e90",
            attempts=1,
            billed=0,
            first_seen=moment,
            last_seen=moment,
            upload=upload,
        )
        found = outcome_values(letter)
        found.pop("reference")
        values |= {"state": "dead", "billed": 0, **found, "record": _json(letter)}

    def _read(
        self,
        values: dict[str, Any],
        upload: Upload,
        moment: dt.datetime,
        took: float,
        *,
        doubtful: bool,
    ) -> None:
        text = self._vin()
        if len(self.vins) < 5_000 or self._random.random() < 0.01:
            self.vins.append(text)
        call = VinOCRCall(
            request_id="0b7c1e52-7a44-4b0e-9a7e-6a8c2f1d3e90",
            endpoint="ocr.tencentcloudapi.com",
            seconds=round(took, 3),
            billed=1,
        )
        reading = dataclasses.replace(
            records.reading_of(_PARSED.get(text[:8]) or _parsed(text), upload, call, attempts=1),
            vin=text,
            as_read=text,
            verdict=Verdict.DOUBTFUL if doubtful else Verdict.VERIFIED,
            read_at=moment + dt.timedelta(seconds=took),
        )
        found = outcome_values(reading)
        found.pop("reference")
        values |= {**found, "took": took, "record": _json(reading)}


_PARSED: dict[str, vin.Vin] = {}
_EVENTS: dict[type, str] = {}


def _parsed(text: str) -> vin.Vin:
    return _PARSED.setdefault(text[:8], vin.parse(text))


def _json(record: records.End) -> str:
    """Return the event: made once per kind by the library, then with this upload's own words."""
    kind = type(record)
    if kind not in _EVENTS:
        _EVENTS[kind] = records.to_json(record)
    event = json.loads(_EVENTS[kind])
    upload = record.upload
    assert upload is not None
    event |= {"id": record.id, "subject": upload.key}
    event["data"]["upload"] = json.loads(upload.to_json())
    if isinstance(record, DeadLetter):
        event["data"]["code"] = record.code
    else:
        event["data"] |= {"vin": record.vin, "as_read": record.vin, "verdict": record.verdict.value}
    return json.dumps(event, separators=(",", ":"))


def fill(database: Database, maker: Maker) -> None:
    """Write all rows into a table without the console's indexes, as an earlier version leaves it."""
    kind = database.dialect.name
    for name in [each for each in INDEXES if each not in {"waiting", "place"}]:
        on = f" ON {UPLOADS}" if kind == "mysql" else ""
        database.execute(f"DROP INDEX {UPLOADS}_{name}{on}")
    rows, names = maker.rows(), ", ".join(COLUMNS)
    if kind == "postgresql":
        connection = database._connect_patiently()  # type: ignore[attr-defined]  # noqa: SLF001
        with connection, connection.cursor() as cursor:
            with cursor.copy(f"COPY {UPLOADS} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            cursor.execute(f"VACUUM ANALYZE {UPLOADS}")  # what autovacuum does in its own time
        return
    statement = (
        f"INSERT INTO {UPLOADS} ({names}) VALUES ({', '.join(f':{name}' for name in COLUMNS)})"
    )
    connection = database._connection()  # type: ignore[attr-defined]  # noqa: SLF001
    while some := list(itertools.islice(rows, BATCH)):
        with database.relaxed(), database.transaction():
            given = [dict(zip(COLUMNS, row, strict=True)) for row in some]
            if kind == "sqlite":
                connection.executemany(statement, given)
            else:
                with connection.cursor() as cursor:
                    cursor.executemany(percent_style(statement), given)


def pages(
    console: StoredConsole, maker: Maker, dice: random.Random
) -> dict[str, Callable[[], Any]]:
    """Return page → what asks for it, with other values each time."""
    now = dt.datetime.now(dt.timezone.utc)
    span = maker._seconds  # noqa: SLF001

    def vins() -> str:
        return dice.choice(maker.vins)

    def day() -> dict[str, Any]:
        since = now - dt.timedelta(seconds=dice.random() * span)
        return {"since": since, "until": since + dt.timedelta(days=1)}

    def deep() -> Any:
        cursor, chosen = "", Filter(**day())
        for _ in range(4):
            page = console.uploads(chosen, cursor)
            cursor = page.next or ""
        return page

    def one() -> Any:
        return console.upload(dice.choice(ids))

    ids = [each.id for each in console.uploads(limit=200).entries]
    number = maker._uploads  # noqa: SLF001
    return {
        "uploads: the newest": console.uploads,
        "uploads: of a day, four pages (per page)": deep,
        "uploads: a whole VIN": lambda: console.uploads(Filter(vin=vins())),
        "uploads: the last six of a VIN": lambda: console.uploads(Filter(vin=vins()[-6:])),
        "uploads: the first eleven of a VIN": lambda: console.uploads(Filter(vin=vins()[:11])),
        "uploads: the first three of a VIN": lambda: console.uploads(Filter(vin=vins()[:3])),
        "uploads: the middle of a VIN": lambda: console.uploads(Filter(vin=vins()[6:13])),
        "uploads: a VIN that is not there": lambda: console.uploads(Filter(vin="ZZZZZZ")),
        "uploads: a photo's name": lambda: console.uploads(
            Filter(photo=f"IMG_{dice.randrange(number):07d}")
        ),
        "uploads: a folder": lambda: console.uploads(
            Filter(photo=f"dealer-{dice.randrange(300):03d}/")
        ),
        "uploads: a reference": lambda: console.uploads(
            Filter(reference=f"ST{dice.randrange(number // 10):06d}")
        ),
        "uploads: doubtful": lambda: console.uploads(Filter(verdict="doubtful")),
        "uploads: a rare code": lambda: console.uploads(Filter(code="Vindrop.NotAnImage")),
        "uploads: a family of codes": lambda: console.uploads(Filter(code="FailedOperation")),
        "uploads: a maker": lambda: console.uploads(Filter(maker="BMW Brilliance")),
        "uploads: a bucket": lambda: console.uploads(Filter(bucket="archive-1250000000")),
        "uploads: a bucket that is not there": lambda: console.uploads(Filter(bucket="no")),
        "uploads: waiting": lambda: console.uploads(Filter(state="waiting")),
        "uploads: doubtful in a folder of a day": lambda: console.uploads(
            Filter(verdict="doubtful", photo=f"dealer-{dice.randrange(300):03d}/", **day())
        ),
        "uploads: dead in a bucket, a folder": lambda: console.uploads(
            Filter(state="dead", bucket="archive-1250000000", photo="dealer-1")
        ),
        "one upload": one,
        "review queue: the first page": console.review_queue,
        "review queue: of a folder": lambda: console.review_queue(
            Filter(photo=f"dealer-{dice.randrange(300):03d}/")
        ),
        "review queue: a code": lambda: console.review_queue(
            Filter(code="FailedOperation.ImageBlur")
        ),
        "overview: 30 days": lambda: console.overview(30),
        "overview: 90 days": lambda: console.overview(90),
    }


def measure(ask: Callable[[], Any], times: int, per: int = 1) -> dict[str, float]:
    """Return milliseconds of the first time, the median and the 95th percentile of the others."""
    taken: list[float] = []
    for _ in range(times + 1):
        began = time.perf_counter()
        ask()
        taken.append((time.perf_counter() - began) * 1000 / per)
    later = sorted(taken[1:])
    return {
        "first_ms": round(taken[0], 1),
        "median_ms": round(statistics.median(later), 1),
        "p95_ms": round(later[max(round(len(later) * 0.95) - 1, 0)], 1),
        "max_ms": round(later[-1], 1),
    }


def run(url: str, note: Path | None, options: argparse.Namespace) -> dict[str, Any]:
    """Fill one store, bring it up to date, ask for every page.

    :param note: of a store that is kept: what was filled in, once it is.
    """
    ledger = open_ledger(url, account="bench")
    assert isinstance(ledger, SQLLedger)
    maker = Maker(options.uploads, options.days)
    began = time.perf_counter()
    if note is not None and note.exists():
        maker.vins = json.loads(note.read_text())
    else:
        fill(ledger.database, maker)
        if note is not None:
            note.write_text(json.dumps(maker.vins))
    filled = time.perf_counter() - began
    console = open_console(ledger, None, 0.01)
    assert isinstance(console, SQLConsole)
    began = time.perf_counter()
    while not console.tidy(60):
        pass
    tidied = time.perf_counter() - began
    rounds = 0
    began = time.perf_counter()
    while not console.overview(90).up_to_date:
        rounds += 1
    counted = time.perf_counter() - began
    found = {}
    for name, ask in pages(console, maker, random.Random(4)).items():
        found[name] = measure(ask, options.times, 4 if "four pages" in name else 1)
        print(f"{found[name]['p95_ms']:8.1f} ms  {name}", file=sys.stderr, flush=True)
    export = _export(console, options.export)
    sizes = _sizes(ledger.database)
    worst = max(each["p95_ms"] for each in found.values())
    return {
        "fill_seconds": round(filled, 1),
        "indexes_seconds": round(tidied, 1),
        "first_overview": {"pages": rounds + 1, "seconds": round(counted, 1)},
        "pages": found,
        "export": export,
        "megabytes": sizes,
        "worst_p95_ms": worst,
        "within_bar": worst <= BAR_MS,
    }


def _export(console: StoredConsole, most: int) -> dict[str, float]:
    """Return how fast and in how much memory entries are yielded."""
    tracemalloc.start()
    began, count, early = time.perf_counter(), 0, 0
    for _ in console.export():
        count += 1
        if count == 2_000:
            early = tracemalloc.get_traced_memory()[1]
        if count >= most:
            break
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    seconds = time.perf_counter() - began
    return {
        "entries": count,
        "per_second": round(count / seconds),
        "peak_mb_after_2000": round(early / 1e6, 1),
        "peak_mb": round(peak / 1e6, 1),
    }


def _sizes(database: Database) -> dict[str, float]:
    """Return table or index of the ledger → its size, where the database tells it."""
    asked = {
        "sqlite": "SELECT name, SUM(pgsize) / 1e6 FROM dbstat WHERE name LIKE 'vindrop%' GROUP BY name",
        "postgresql": "SELECT relname, pg_table_size(oid) / 1e6 FROM pg_class "
        "WHERE relname LIKE 'vindrop%'",
    }.get(database.dialect.name)
    try:
        rows = database.execute(asked).rows if asked else []
    except StoreError:  # a SQLite without the table of its pages
        return {}
    return {str(name): round(float(size), 1) for name, size in rows if size > 1}


@contextlib.contextmanager
def store(kind: str, folder: Path, *, kept: bool) -> Iterator[str]:
    """Yield the URL of an empty store, or of one that is kept in ``folder``."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/bench.db"
        return
    if kept and kind == "postgresql":
        from bench.rig.postgres import Postgres

        with Postgres(folder / kind) as server:
            yield server.url
        return
    from tests.stores.fixtures import Servers, fresh_store

    servers = Servers()
    try:
        yield fresh_store(servers, kind, folder)
    finally:
        servers.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uploads", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--export", type=int, default=20_000)
    parser.add_argument("--stores", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument(
        "--keep",
        type=Path,
        help="a folder that keeps the filled stores (not MySQL's) for next time",
    )
    parser.add_argument("--json", action="store_true", help="print only the figures")
    options = parser.parse_args()
    log_to_standard_error()
    report: dict[str, Any] = {
        "uploads": options.uploads,
        "days": options.days,
        "load": os.getloadavg()[0],
    }
    for kind in options.stores:
        print(f"{kind}:", file=sys.stderr, flush=True)
        kept = options.keep is not None and kind != "mysql"
        with tempfile.TemporaryDirectory() as temporary:
            folder = options.keep.resolve() if kept else Path(temporary)
            folder.mkdir(parents=True, exist_ok=True)
            note = folder / f"{kind}-{options.uploads}.json" if kept else None
            with store(kind, folder, kept=kept) as url:
                report[kind] = run(url, note, options)
    print(json.dumps(report, indent=None if options.json else 2))
    return 0 if all(report[kind]["within_bar"] for kind in options.stores) else 1


if __name__ == "__main__":
    sys.exit(main())
