"""What `vindrop demo` found: whether the promises held, and how people see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from vindrop.domain.records import DeadLetter, Reading
from vindrop.domain.vin import Verdict
from vindrop_local import show
from vindrop_local.stack import PRICE
from vindrop_local.terminal import shown
from vindrop_local.vinocr_process import Calls

PRICES: Final = {"cloud": PRICE}
"""Of one billed call, by recognizer; one that is not named costs nothing."""


@dataclass(slots=True)
class Report:
    """What the demo found."""

    uploads: int
    sent: int
    """Photos put into the bucket by this run."""
    readings: list[Reading]
    dead_letters: list[DeadLetter]
    calls: Calls
    truth: dict[str, str]
    """Key → the VIN that is in the photo; empty where there is none. Without a key: nobody knows."""
    own: bool = False
    """Whether the photos are the user's own."""
    seconds: float = 0.0
    second_calls: Calls | None = None
    """Of the recognizer that stands in for the cloud's, where there are two."""

    def is_right(self, reading: Reading) -> bool:
        """Whether a reading is the VIN in its photo."""
        return self.truth.get(reading.upload.key) == reading.vin

    @property
    def exact(self) -> int:
        """Readings that are right."""
        return sum(map(self.is_right, self.readings))

    @property
    def readable(self) -> int:
        """Photos that hold a VIN."""
        return sum(map(bool, self.truth.values()))

    @property
    def judged(self) -> list[Reading]:
        """Readings of photos whose VIN is known."""
        return [each for each in self.readings if each.upload.key in self.truth]

    @property
    def wrong_verified(self) -> list[str]:
        """The readings that no check would have stopped, each with the truth."""
        return [
            f"{r.upload.key}: {r.vin}, not {self.truth.get(r.upload.key) or 'a VIN'}"
            for r in self.judged
            if r.verdict is Verdict.VERIFIED and not self.is_right(r)
        ]

    @property
    def accounted(self) -> bool:
        """Nothing lost and nothing doubled."""
        return self.uploads == len(self.readings) + len(self.dead_letters)

    @property
    def ok(self) -> bool:
        """Whether the promises held."""
        return self.accounted and not self.wrong_verified

    def as_json(self) -> dict[str, Any]:
        """Return the figures for ``--json``."""
        return {
            "uploads": self.uploads,
            "sent": self.sent,
            "readings": len(self.readings),
            "dead_letters": len(self.dead_letters),
            "calls": self.calls.received,
            "billed_calls": self.calls.billed,
            "exact": self.exact if self.truth else None,
            "readable": self.readable if self.truth else None,
            "wrong": len(self.judged) - self.exact if self.truth else None,
            "wrong_verified": self.wrong_verified,
            "seconds": round(self.seconds, 1),
            **self._cascade(),
            **({"photos": self._photos()} if self.own else {}),
            "ok": self.ok,
        }

    def _photos(self) -> list[dict[str, Any]]:
        """Return what became of each photo of the user's own."""
        read = [
            {"photo": each.upload.key, "vin": each.vin, "verdict": each.verdict.value, "code": None}
            for each in self.readings
        ]
        unread = [
            {
                "photo": each.upload.key if each.upload else None,
                "vin": None,
                "verdict": None,
                "code": each.code,
            }
            for each in self.dead_letters
        ]
        return [*read, *unread]

    def _cascade(self) -> dict[str, Any]:
        if self.second_calls is None:
            return {}
        return {
            "second_calls": self.second_calls.received,
            "second_billed_calls": self.second_calls.billed,
            "second_cost": round(self.second_calls.billed * PRICE, 2),
        }


def present(report: Report, console: Console) -> None:
    """Show the report to a person."""
    marks = {
        reading.upload.key: Text("✓", "green") if report.is_right(reading) else Text("✗", "red")
        for reading in report.judged
    }
    figures: list[tuple[str, object]] = [
        ("uploads", report.uploads),
        ("readings", len(report.readings)),
        ("dead letters", len(report.dead_letters)),
        ("calls made by this run", report.calls.received),
        ("calls that would be billed", report.calls.billed),
    ]
    if report.truth:
        figures.append(("VINs read exactly", f"{report.exact} of {report.readable}"))
    if report.second_calls is not None:
        figures[3:5] = [
            ("calls to own, which cost nothing", report.calls.received),
            ("calls to cloud", report.second_calls.received),
            ("… that would be billed", report.second_calls.billed),
            ("… and cost", f"{report.second_calls.billed * PRICE:,.2f}"),
            ("… where cloud alone would cost", f"{len(report.readings) * PRICE:,.2f}"),
        ]
        ended: list[Reading | DeadLetter] = [*report.readings, *report.dead_letters]
        console.print(show.recognizers_table(ended, PRICES, console.width))
        console.print()
    if report.readings:
        console.print(show.readings_table(report.readings, console.width, marks or None))
        console.print()
    if report.dead_letters:
        console.print(show.dead_letters_table(report.dead_letters))
        console.print()
    console.print(show.totals_table(figures))
    if report.sent == 0:
        console.print(
            "\nEvery photo was in the bucket already: "
            + (
                "no new calls were made."
                if report.calls.received == 0
                else f"{report.calls.received} calls finished what an earlier run had begun."
            )
        )
    if not report.accounted:
        console.print(
            "uploads are not readings + dead letters: something was lost or doubled",
            style="bold red",
        )
    for line in report.wrong_verified:
        console.print(f"a wrong VIN is marked verified: {shown(line)}", style="bold red")
