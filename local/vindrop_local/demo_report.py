"""What `vindrop demo` found: whether the promises held, and how people see it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from vindrop.core.outcome import queue_of
from vindrop.domain import vin as vins
from vindrop.domain.records import DeadLetter, Reading
from vindrop.domain.vin import Verdict
from vindrop_local import show, vin_page
from vindrop_local.language import chosen, colon, comma, said
from vindrop_local.rows import NoVin
from vindrop_local.stack import PRICE
from vindrop_local.terminal import shown
from vindrop_local.vinocr_process import Calls

PRICES: Final = {"cloud": PRICE}
"""Of one billed call, by recognizer; one that is not named costs nothing."""
_EXPLAINED: Final = 3
"""Doubtful readings that are told with their reason: the console has the others."""


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
    must_doubt: Collection[str] = ()
    """Keys of photos whose VIN has to be doubtful, though it is read as it stands there."""
    denied: tuple[NoVin, ...] = ()
    """Of these of `readings` a person says that there is no VIN."""
    denied_letters: Collection[str] = ()
    """Identities of dead letters of which a person says so."""
    not_uploaded: Mapping[str, str] = field(default_factory=dict)
    """Photo → why it could not be put into the bucket."""

    def is_right(self, reading: Reading) -> bool:
        """Whether the machine read the VIN in its photo, whatever a person said of it since."""
        return self.truth.get(reading.upload.key) == _by_machine(reading)

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
        return [
            each for each in self.readings if each.upload.key in self.truth and _by_machine(each)
        ]

    @property
    def rows(self) -> list[Reading | NoVin]:
        """The readings as a table shows them: where a person says that there is no VIN, that."""
        no_vin = {each.upload.id: each for each in self.denied}
        return [no_vin.get(each.upload.id, each) for each in self.readings]

    @property
    def doubtful(self) -> list[Reading]:
        """Readings that wait for a person."""
        rows = (each for each in self.rows if isinstance(each, Reading))
        return [each for each in rows if each.verdict is Verdict.DOUBTFUL]

    @property
    def decided(self) -> int:
        """Uploads that a person has decided."""
        said_vin = sum(each.verdict is Verdict.REVIEWED for each in self.readings)
        return said_vin + len(self.denied) + len(self.denied_letters)

    @property
    def waiting(self) -> int:
        """Uploads that wait for a person."""
        unread = [each for each in self.dead_letters if each.id not in self.denied_letters]
        ends: list[Reading | DeadLetter] = [*self.doubtful, *unread]
        return sum(queue_of(each) is not None for each in ends)

    @property
    def wrong_verified(self) -> list[str]:
        """The readings that no check would have stopped, each with the truth."""
        return [
            f"{r.upload.key}: {r.vin}, not {self.truth.get(r.upload.key) or 'a VIN'}"
            for r in self.judged
            if r.verdict is Verdict.VERIFIED and not self.is_right(r)
        ]

    @property
    def not_doubted(self) -> list[str]:
        """Photos whose VIN has to be doubtful and is not, unless a person has decided."""
        seen = {each.upload.key for each in self.doubtful}
        seen |= {each.upload.key for each in self.denied}
        seen |= {each.upload.key for each in self.readings if each.verdict is Verdict.REVIEWED}
        return sorted(set(self.must_doubt) - seen)

    @property
    def accounted(self) -> bool:
        """Nothing lost and nothing doubled."""
        return self.uploads == len(self.readings) + len(self.dead_letters)

    @property
    def ok(self) -> bool:
        """Whether the promises held."""
        return self.accounted and not self.wrong_verified and not self.not_doubted

    def as_json(self) -> dict[str, Any]:
        """Return the figures for ``--json``."""
        return {
            "uploads": self.uploads,
            "sent": self.sent,
            "readings": len(self.readings),
            "doubtful": len(self.doubtful),
            "dead_letters": len(self.dead_letters),
            "decided": self.decided,
            "waiting": self.waiting,
            "calls": self.calls.received,
            "billed_calls": self.calls.billed,
            "exact": self.exact if self.truth else None,
            "readable": self.readable if self.truth else None,
            "wrong": len(self.judged) - self.exact if self.truth else None,
            "wrong_verified": self.wrong_verified,
            "not_doubted": self.not_doubted,
            "seconds": round(self.seconds, 1),
            **self._cascade(),
            **(
                {"photos": self._photos(), "not_uploaded": self._not_uploaded()} if self.own else {}
            ),
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

    def _not_uploaded(self) -> list[dict[str, str]]:
        return [{"photo": name, "why": why} for name, why in self.not_uploaded.items()]

    def _cascade(self) -> dict[str, Any]:
        if self.second_calls is None:
            return {}
        return {
            "second_calls": self.second_calls.received,
            "second_billed_calls": self.second_calls.billed,
            "second_cost": round(self.second_calls.billed * PRICE, 2),
        }


def _by_machine(reading: Reading) -> str | None:
    """Return the VIN that was read; None where only a person gave one."""
    return reading.reviewed.machine_vin if reading.reviewed is not None else reading.vin


def present(report: Report, console: Console, how_to_decide: str = "") -> None:
    """Show the report to a person.

    :param how_to_decide: the command for it, with ``{}`` for the identity; empty: only the page is told.
    """
    marks = {
        reading.upload.key: Text("✓", "green") if report.is_right(reading) else Text("✗", "red")
        for reading in report.judged
        if reading.vin
        == _by_machine(reading)  # a mark is of what the machine read, not of a person
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
    figures.insert(2, ("… of these doubtful", len(report.doubtful)))
    if report.decided:
        figures.insert(4, ("decided by a person", report.decided))
    if report.readings:
        console.print(show.readings_table(report.rows, console.width, marks or None))
        console.print()
    if report.dead_letters:
        console.print(show.dead_letters_table(report.dead_letters))
        console.print()
    console.print(show.totals_table(figures))
    _present_doubtful(report.doubtful, console, how_to_decide)
    _present_checks(report, console)


def _present_doubtful(doubtful: list[Reading], console: Console, how_to_decide: str) -> None:
    """Say of the first ones why, and how a person finishes them."""
    for each in doubtful[:_EXPLAINED]:
        console.print(
            f"\n{shown(each.upload.key)} is doubtful: {_why(each)}",
            soft_wrap=True,
        )
        if how_to_decide:
            command = shown(how_to_decide.format(each.id[:12]))
            console.print(
                f"A person finishes it: on the console's page Review, or by {command}",
                soft_wrap=True,
            )
    if len(doubtful) > _EXPLAINED:
        console.print(f"… and {len(doubtful) - _EXPLAINED} doubtful ones more", soft_wrap=True)


def _why(reading: Reading) -> str:
    read = vins.parse(reading.as_read or reading.vin)
    if read.verdict is Verdict.DOUBTFUL:
        marks = (colon(), comma(), "; " if chosen() == "en" else "；")
        return vin_page.why(read, said, marks)
    return said("no recognizer was sure enough; have a person look")


def _present_checks(report: Report, console: Console) -> None:
    """Say that nothing was paid again, and which promise broke."""
    if report.sent == 0:
        console.print(
            "\nEvery photo was in the bucket already: "
            + (
                "no new calls were made."
                if report.calls.received == 0
                else f"calls made for what was still under way, or was redriven: {report.calls.received}."
            )
        )
    if not report.accounted:
        console.print(
            "uploads are not readings + dead letters: something was lost or doubled",
            style="bold red",
        )
    for key in report.not_doubted:
        console.print(f"a VIN that is mistyped is not doubtful: {shown(key)}", style="bold red")
    for line in report.wrong_verified:
        console.print(f"a wrong VIN is marked verified: {shown(line)}", style="bold red")
