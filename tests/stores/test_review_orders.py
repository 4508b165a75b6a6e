"""Reviews, redrives, late workers and outages in any order: the destinations end as the ledger does."""

from __future__ import annotations

import contextlib
import datetime as dt
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from tests.library.conftest import a_dead_letter, a_reading, an_upload
from tests.stores.console_flow import VINS, ConsoleFlow, doubtful
from vindrop.core import redrive as redriving
from vindrop.core.ledger import Claim
from vindrop.core.review import Decision
from vindrop.core.store_errors import StoreError
from vindrop.domain.records import DeadLetter, End, Reading

PLACES: Final[dict[str, tuple[str, str, str]]] = {
    "one database": ("sqlite:///{}/a.db", "", ""),
    "databases apart": ("sqlite:///{}/a.db", "sqlite:///{}/b.db", "sqlite:///{}/c.db"),
    "one file": ("sqlite:///{}/a.db", "file:///{}/b.jsonl", ""),
    "files apart": ("sqlite:///{}/a.db", "file:///{}/b.jsonl", "file:///{}/c.jsonl"),
}
LAST: Final = 12
"""More reviews than a run decides."""


class Day:
    """One upload, and what happens to it."""

    def __init__(self, flow: ConsoleFlow, chance: random.Random) -> None:
        self.flow, self.upload = flow, an_upload()
        self.frozen: Claim | None = flow.claim(self.upload, lease=-1.0)
        ends: list[End] = [a_dead_letter(self.upload), doubtful(self.upload)]
        self.name = flow.end(chance.choice(ends))
        self.happened: list[str] = []
        self.acts: dict[str, Callable[[], Any]] = {
            "vin": lambda: self._decide(vin=VINS[0]),
            "another vin": lambda: self._decide(vin=VINS[1]),
            "none": lambda: self._decide(reason="no_vin"),
            "undo": self._undo,
            "away": lambda: self._reach(away=True),
            "back": lambda: self._reach(away=False),
            "redrive": self._redrive,
            "read": lambda: self._work(a_reading(self.upload, VINS[1])),
            "fail": lambda: self._work(
                replace(
                    a_dead_letter(self.upload),
                    code="FailedOperation.ImageBlur",
                    redriven=self.entry.redriven,
                    last_seen=dt.datetime.now(dt.timezone.utc),
                )
            ),
            "late": self._late,
            "sweep": self.sweep,
        }

    @property
    def entry(self) -> Any:
        life = self.flow.console.upload(self.name)
        assert life is not None
        return life.entry

    def do(self, act: str) -> None:
        self.happened.append(act)
        with contextlib.suppress(StoreError):  # a worker whose destination is away
            self.acts[act]()

    def _decide(self, **said: Any) -> None:
        self.flow.desk.decide(
            Decision(upload_id=self.name, reviewer="ann", after=self.entry.sequence, **said)
        )

    def _undo(self) -> None:
        if self.entry.review:
            self.flow.desk.undo(self.name, "ann", self.entry.sequence)

    def _reach(self, *, away: bool) -> None:
        self.flow.results.away = self.flow.letters.away = away

    def _redrive(self) -> None:
        if isinstance(self.entry.record, DeadLetter):
            list(redriving.redrive([self.entry.record], self.flow.ledger))

    def _work(self, record: Reading | DeadLetter) -> None:
        if self.flow.results.away:
            return
        claim = self.flow.ledger.claim(self.upload, 60)
        if isinstance(claim, Claim):
            self.flow.finish(claim, record)

    def _late(self) -> None:
        if self.frozen is not None and not self.flow.results.away:
            self.flow.finish(self.frozen, a_reading(self.upload, VINS[2]))
            self.frozen = None

    def sweep(self) -> None:
        for sequence in range(1, LAST):
            self.flow.console.review_store.postpone(self.name, sequence, -1.0)
        self.flow.desk.deliver_due()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("seed", range(0, 60, 20))
def test_the_destinations_end_as_the_ledger_does(place: str, seed: int, tmp_path: Path) -> None:
    for number in range(seed, seed + 20):
        chance = random.Random(number)
        folder = tmp_path / str(number)
        folder.mkdir()
        day = Day(ConsoleFlow(*(url.format(folder) for url in PLACES[place])), chance)
        if number % 2:  # chance alone seldom leaves a review and its undo waiting
            for act in ("away", "vin", "undo", "back"):
                day.do(act)
        for _ in range(chance.randint(3, LAST - 4)):
            day.do(chance.choice(list(day.acts)))
        day.do("back")
        for _ in range(LAST):
            day.sweep()
        ended, story = day.entry, f"{number}: {day.happened}"
        readings = {each.id: each for each in day.flow.results.records("readings")}
        letters = {each.id: each for each in day.flow.letters.records("dead_letters")}
        assert day.flow.console.review_store.due(10) == [], story
        if ended.state == "delivered":
            found = readings.get(day.name)
            assert isinstance(found, Reading), story
            assert (found.vin, found.verdict) == (ended.record.vin, ended.record.verdict), story
            assert letters == {}, story
        elif ended.state == "dead":
            assert readings == {}, story
            assert [each.code for each in letters.values()] == [ended.record.code], story
