"""The whole way on one machine: a bucket that speaks COS, our VinOCR with faults on demand, SQLite."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from tests import secrets
from vindrop import settings as settings_module
from vindrop.core.app import App
from vindrop.core.destination import Readable
from vindrop.core.invocation import Budget, Invocation
from vindrop.core.outcome import Outcome
from vindrop.destinations import open_destination
from vindrop.domain.records import DeadLetter, Reading
from vindrop.domain.upload import Upload
from vindrop.stores.sql import Database
from vindrop.wiring import build
from vindrop_local.vinocr_process import Calls, VinOCRProcess

BUCKET = "photos-1250000000"
SAMPLES = Path(__file__).resolve().parents[2] / "events" / "photos"


class FaultFile:
    """What VinOCR does wrong, from now on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.set()

    def set(self, *rules: dict[str, Any]) -> None:
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps({"faults": list(rules)}))
        os.utime(fresh, ns=(time.time_ns(), time.time_ns()))
        fresh.replace(self._path)


@dataclass
class World:
    """One test's stores in front of the shared servers."""

    folder: Path
    objects: Path
    storage_endpoint: str
    vinocr: VinOCRProcess
    faults: FaultFile
    number: int = 0

    def app(self, **changes: str) -> App:
        store = f"sqlite:///{self.folder}/vindrop.db"
        given = {
            "VINDROP_RESULTS": store,
            "VINDROP_DEAD_LETTERS": store,
            "VINDROP_LEDGER": store,
            "VINDROP_VINOCR_ENDPOINT": self.vinocr.endpoint,
            **secrets.VINOCR,
            "VINDROP_STORAGE_ENDPOINT": self.storage_endpoint,
            "VINDROP_RATE": "500",
            "VINDROP_RETRY_SECONDS": "0.01",
            **changes,
        }
        return hurried(build(settings_module.load(given), secrets.TENCENT_ROLE | secrets.AWS))

    def upload(
        self, data: bytes | None = None, *, sample: str = "", size: int | None = None
    ) -> Upload:
        """Put an object into the bucket and return it as an event would name it."""
        self.number += 1
        key = f"{self.folder.name}/{self.number}.jpg"
        body = (SAMPLES / sample).read_bytes() if sample else data
        if body is not None:
            path = self.objects / key
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(body)
        return Upload(
            cloud="tencent",
            bucket=BUCKET,
            region="ap-guangzhou",
            key=key,
            version=str(self.number),
            size=len(body) if size is None and body is not None else size,
        )

    def photo(self) -> Upload:
        """A photo with a VIN that our VinOCR reads."""
        return self.upload(sample="plate-04.jpg")

    def calls(self) -> Calls:
        return self.vinocr.calls()

    def readings(self) -> list[Reading]:
        return cast("list[Reading]", self._records("readings"))

    def dead_letters(self) -> list[DeadLetter]:
        return cast("list[DeadLetter]", self._records("dead_letters"))

    def _records(self, kind: Any) -> list[Any]:
        url = f"sqlite:///{self.folder}/vindrop.db"
        return list(cast("Readable", open_destination(url)).records(kind))


def process(app: App, upload: Upload, seconds: float = 60.0) -> Outcome:
    return app.pipeline.process(upload, Budget(seconds))


def a_call(seconds: float = 60.0) -> Invocation:
    return Invocation("local", "request-1", "test", seconds)


def make_due(app: App, *, later: float = 0.0) -> None:
    """Let every retry be due, as if ``later`` seconds had gone by since the last run."""
    cast("Database", app.ledger.database).execute(
        "UPDATE vindrop_uploads SET due_at = 0, first_seen = first_seen - :later, "
        "last_seen = last_seen - :later WHERE due_at IS NOT NULL",
        later=later,
    )


def hurried(app: App) -> App:
    """The same app, which sleeps a moment instead of seconds between the tries of one run.

    After a hundred of them it sleeps as long as it would: it then waits for the end of its time.
    """
    naps = 100

    def nap(seconds: float) -> None:
        nonlocal naps
        naps -= 1
        time.sleep(min(seconds, 0.01) if naps >= 0 else seconds)

    return _sleeping(app, nap)


def impatient(app: App) -> App:
    """The same app, which does not sleep between the tries of one run."""
    return _sleeping(app, lambda _: None)


def _sleeping(app: App, sleep: Callable[[float], None]) -> App:
    for pipeline in (app.pipeline, app.interactive):
        pipeline._sleep = sleep
    return app
