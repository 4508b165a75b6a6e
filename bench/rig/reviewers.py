"""People who decide while everything goes wrong: processes that are killed, and races on purpose.

    python -m bench.rig.reviewers STORE RESULTS SEED LOG STOP

Each decides uploads that have ended, confirms, says why there is no VIN, corrects and undoes what it
or another had decided, and tries to redrive what was decided. What the ledger told it is written to
LOG, one line of JSON each, synced: that must never be lost.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final, TextIO

from bench.rig.photos import vin_of
from bench.rig.world import ROOT
from vindrop.core.console import Filter
from vindrop.core.delivery import Delivery
from vindrop.core.review import Decided, Decision, RefusedDecisionError
from vindrop.core.review_desk import ReviewDesk
from vindrop.core.store_errors import StoreError
from vindrop.destinations import name_of, open_destination
from vindrop.domain.records import DeadLetter
from vindrop.domain.review import Review
from vindrop.stores import open_console, open_ledger

PEOPLE: Final = 3


def work(store: str, results: str, seed: int, log: Path, stop: Path) -> None:
    """Decide until the file ``stop`` is there."""
    dice = random.Random(seed)
    ledger = open_ledger(store, account="vinocr")
    console = open_console(ledger, None, 0)
    destination = {name_of(results): open_destination(results)}
    desk = ReviewDesk(
        console, console.review_store, Delivery(destination, destination), ledger.database
    )
    sys.stdout.write("ready\n")  # only who works is worth killing
    sys.stdout.flush()
    with log.open("a") as lines:
        while not stop.exists():
            time.sleep(dice.uniform(0, 0.05))
            try:
                entries = console.uploads(Filter(state="ended"), limit=200).entries
                if not entries:
                    continue
                # A few uploads, so that people meet at the same one.
                entry = entries[dice.randrange(min(len(entries), 40))]
                if entry.review is not None and isinstance(entry.record, DeadLetter):
                    found = ledger.redrive(entry.record, after=0)
                    if found == "redriven" and _in_force(console.reviews(entry.id)):
                        _write(lines, {"upload": entry.id, "redriven": "over a review"})
                outcome = _decide(desk, dice, entry, f"person {seed}")
            except (StoreError, RefusedDecisionError):
                continue
            if isinstance(outcome, Decided):
                review = outcome.review
                told = {
                    "upload": entry.id,
                    "sequence": review.sequence,
                    "reviewer": review.reviewer,
                }
                _write(lines, told)


def _write(lines: TextIO, line: dict[str, Any]) -> None:
    lines.write(json.dumps(line) + "\n")
    lines.flush()
    os.fsync(lines.fileno())


def _in_force(history: tuple[Review, ...]) -> bool:
    return bool(history) and history[-1].in_force


def _decide(desk: ReviewDesk, dice: random.Random, entry: Any, who: str) -> Any:
    if entry.review is not None and dice.random() < 0.4:
        return desk.undo(entry.id, who, entry.sequence)
    none = dice.random() < 0.2
    return desk.decide(
        Decision(
            upload_id=entry.id,
            vin="" if none else vin_of(int(entry.upload.key[:6])),
            reason="no_vin" if none else None,
            reviewer=who,
            after=entry.sequence,
            wrong_check_digit=True,
        )
    )


class Reviewers:
    """Several such processes; one of them dies now and then, and another takes its place."""

    def __init__(self, store: str, results: str, folder: Path, seed: int) -> None:
        self._arguments = (store, results)
        self._stop, self.log = folder / "reviewers-stop", folder / "reviewers.log"
        self.log.touch()
        self._dice = random.Random(seed)
        self.kills = 0
        self._people = [self._start(seed * 100 + n) for n in range(PEOPLE)]
        self._killer = threading.Thread(target=self._kill, daemon=True)
        self._killer.start()

    def _start(self, seed: int) -> subprocess.Popen[bytes]:
        where = (*self._arguments, str(seed), str(self.log), str(self._stop))
        return subprocess.Popen(
            [sys.executable, "-m", "bench.rig.reviewers", *where],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )

    def _kill(self) -> None:
        """Kill one after the other, each some time after it has begun to work, however slow the machine."""
        number = 1000
        while not self._stop.exists():
            at, number = self._dice.randrange(PEOPLE), number + 1
            person = self._people[at]
            assert person.stdout is not None
            person.stdout.readline()
            time.sleep(self._dice.uniform(0.5, 3.0))
            person.kill()
            person.wait()
            person.stdout.close()
            self.kills += 1
            self._people[at] = self._start(number)

    def stop(self) -> None:
        """Let them finish what they are at."""
        self._stop.touch()
        self._killer.join(30)
        for person in self._people:
            person.wait(60)
            if person.stdout is not None:
                person.stdout.close()


def balance(store: str, results: str, log: Path) -> dict[str, int]:
    """Hold the ledger's reviews against what people were told, and against the destination."""
    ledger = open_ledger(store, account="vinocr")
    console = open_console(ledger, None, 0)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    told = [line for line in lines if "sequence" in line]
    lost = doubled = undelivered = twice_in_force = reviews = 0
    shown = _at_destination(results)
    wrong = 0
    kept: dict[tuple[str, int], str] = {}
    for entry in console.export():
        history = console.reviews(entry.id)
        reviews += len(history)
        undelivered += len(console.review_store.pending(entry.id))
        doubled += [each.sequence for each in history] != list(range(1, len(history) + 1))
        last = history[-1] if history and history[-1].in_force else None
        twice_in_force += entry.review != last
        if shown is not None and history:
            wrong += shown.get(entry.id) != (last.vin if last else None)
        kept |= {(entry.id, each.sequence): each.reviewer for each in history}
    for line in told:
        lost += kept.get((line["upload"], line["sequence"])) != line["reviewer"]
    doubled += sum(
        count - 1 for count in Counter((x["upload"], x["sequence"]) for x in told).values()
    )
    return {
        "reviews": reviews,
        "reviews_told": len(told),
        "redriven_over_a_review": len(lines) - len(told),
        "reviews_lost": lost,
        "reviews_doubled": doubled,
        "reviews_not_in_force": twice_in_force,
        "reviews_undelivered": undelivered,
        "reviews_wrong_at_destination": wrong,
    }


def _at_destination(results: str) -> dict[str, str | None] | None:
    """Return upload → the reviewed VIN in the destination's table; None: it has no table."""
    database = open_destination(results).database
    if database is None:
        return None
    found: dict[str, str | None] = {}
    for table in ("vindrop_dead_letters", "vindrop_readings"):
        rows = database.execute(  # type: ignore[attr-defined]  # the one SQL destination
            f"SELECT id, reviewed_vin FROM {table} WHERE review_sequence > 0"
        ).rows
        found |= {str(row[0]): row[1] for row in rows}
    return found


if __name__ == "__main__":
    work(sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]), Path(sys.argv[5]))
