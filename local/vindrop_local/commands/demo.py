"""``vindrop demo``: the main job on the sample photos, watched."""

from __future__ import annotations

import hashlib
import logging
import signal
import sys
import threading
import time
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, cast

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from vindrop.domain.records import DeadLetter, Reading
from vindrop.domain.vin import Verdict
from vindrop_local import show
from vindrop_local.commands.options import STATE, Json, State
from vindrop_local.commands.up import say_next_link
from vindrop_local.errors import UserError
from vindrop_local.samples import Sample, samples
from vindrop_local.stack import PRICE, SURE, Place, Stack
from vindrop_local.terminal import console, json_text, shown
from vindrop_local.vinocr_process import Calls

LIMIT_SECONDS: Final = 600.0
_POLL: Final = 0.25
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
    """Key → the VIN that is in the photo; empty where there is none."""
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
    def wrong_verified(self) -> list[str]:
        """The readings that no check would have stopped, each with the truth."""
        return [
            f"{r.upload.key}: {r.vin}, not {self.truth.get(r.upload.key) or 'a VIN'}"
            for r in self.readings
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
            "exact": self.exact,
            "readable": self.readable,
            "wrong": len(self.readings) - self.exact,
            "wrong_verified": self.wrong_verified,
            "seconds": round(self.seconds, 1),
            **self._cascade(),
            "ok": self.ok,
        }

    def _cascade(self) -> dict[str, Any]:
        if self.second_calls is None:
            return {}
        return {
            "second_calls": self.second_calls.received,
            "second_billed_calls": self.second_calls.billed,
            "second_cost": round(self.second_calls.billed * PRICE, 2),
        }


def demo(
    *,
    state: State = STATE / "demo",
    cascade: Annotated[
        bool, typer.Option("--cascade", help="Two recognizers: only what one doubts goes to both.")
    ] = False,
    open_it: Annotated[
        bool,
        typer.Option("--open", help="Then open the console on it in a browser, until Ctrl-C."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Watch the main job: sample photos land in a bucket, their VINs appear in a database."""
    out = console(error=as_json)

    def shown_then(stack: Stack, report: Report) -> None:
        if as_json:
            sys.stdout.write(json_text(report.as_json()) + "\n")
            sys.stdout.flush()
        else:
            present(report, out)
        if open_it:
            _open(stack, out)
        elif not as_json:
            out.print(
                "\nTo correct what no engine could read: vindrop demo --open"
                + (" --cascade" if cascade else "")
                + (
                    ""
                    if state.parent == STATE or state == STATE / "demo" / "cascade"
                    else f" --state {shown(state)}"
                ),
                soft_wrap=True,
            )

    port = 0 if open_it else None
    place = state / "cascade" if cascade else state
    report = run(place, out, then=shown_then, http_port=port, cascade=cascade)
    if not report.ok:
        raise typer.Exit(1)


def _open(stack: Stack, out: Console) -> None:
    """Open the console on what was done, and keep it there until Ctrl-C."""
    ended = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: ended.set())
    link = stack.console_link()
    out.print(
        f"\nThe console on these photos, signed in (once): {link}\nCtrl-C ends it.", soft_wrap=True
    )
    webbrowser.open(link)
    while not ended.wait(_POLL):
        say_next_link(stack, out)


def run(
    state: Path,
    console: Console,
    *,
    then: Callable[[Stack, Report], None] | None = None,
    http_port: int | None = None,
    cascade: bool = False,
) -> Report:
    """Bring everything up, upload the samples, watch, and judge the outcome.

    :param then: called with the outcome while everything is still up.
    :param http_port: where the console answers; None: it is not served.
    :param cascade: with two recognizers.
    :raises UserError: something that the user can mend.
    """
    started = time.monotonic()
    with console.status("drawing the one photo that is too large for the repository …"):
        wanted = samples(state / "made")
    place = Place(state, state / "bucket")
    with console.status("starting the bucket, VinOCR and the functions …"):
        stack = Stack(place, http_port=http_port, cascade=cascade)
        stack.start()
    try:
        console.print(
            f"bucket {stack.bucket.name} is the folder {shown(place.folder)}\n"
            f"VinOCR  {stack.vinocr.endpoint}   database {shown(state / 'vindrop.db')}\n"
        )
        if stack.second is not None:
            console.print(
                f"cloud   {stack.second.endpoint}   (a second VinOCR of our own stands in for it, with "
                f"a price of {PRICE:g} a call)\n"
                f"own is sure from {SURE:g} in this demo, so that some of its clear photos go to cloud, "
                "too\n"
            )
        sent = _upload(stack, wanted, console)
        _watch(stack, len(wanted), console)
        readings = [r for r in stack.results.records("readings") if isinstance(r, Reading)]
        letters = stack.results.records("dead_letters")
        report = Report(
            uploads=sum(stack.ledger.counts().values()),
            sent=sent,
            readings=sorted(readings, key=lambda reading: reading.upload.key),
            dead_letters=[letter for letter in letters if isinstance(letter, DeadLetter)],
            calls=stack.vinocr.calls(),
            second_calls=stack.second.calls() if stack.second else None,
            truth={sample.key: sample.vin for sample in wanted},
        )
        report.seconds = time.monotonic() - started
        if then is not None:
            then(stack, report)
    finally:
        stack.stop()
    return report


def present(report: Report, console: Console) -> None:
    """Show the report to a person."""
    marks = {
        reading.upload.key: Text("✓", "green") if report.is_right(reading) else Text("✗", "red")
        for reading in report.readings
    }
    figures: list[tuple[str, object]] = [
        ("uploads", report.uploads),
        ("readings", len(report.readings)),
        ("dead letters", len(report.dead_letters)),
        ("calls made by this run", report.calls.received),
        ("calls that would be billed", report.calls.billed),
        ("VINs read exactly", f"{report.exact} of {report.readable}"),
    ]
    if report.second_calls is not None:
        figures[3:5] = [
            ("calls to own, which cost nothing", report.calls.received),
            ("calls to cloud", report.second_calls.received),
            ("… that would be billed", report.second_calls.billed),
            ("… and cost", f"{report.second_calls.billed * PRICE:,.2f}"),
            ("… where cloud alone would cost", f"{len(report.readings) * PRICE:,.2f}"),
        ]
        console.print(show.recognizers_table([*report.readings, *report.dead_letters], PRICES))
        console.print()
    for table in (
        show.readings_table(report.readings, console.width, marks),
        show.dead_letters_table(report.dead_letters),
    ):
        console.print(table)
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


def _upload(stack: Stack, wanted: list[Sample], console: Console) -> int:
    """Put every sample into the bucket through the official COS SDK, unless it is there unchanged."""
    logging.getLogger("qcloud_cos").setLevel(logging.ERROR)
    client = stack.server.client(stack.bucket.name)
    sent = 0
    for sample in wanted:
        data = sample.path.read_bytes()
        if _etag(client, stack.bucket.name, sample.key) == hashlib.md5(data).hexdigest():  # noqa: S324 - COS's ETag
            continue
        client.put_object(Bucket=stack.bucket.name, Key=sample.key, Body=data)
        sent += 1
    console.print(f"{sent} photos uploaded, {len(wanted) - sent} were there already\n")
    return sent


def _etag(client: Any, bucket: str, key: str) -> str:
    from qcloud_cos.cos_exception import CosServiceError

    try:
        head = cast("dict[str, str]", client.head_object(Bucket=bucket, Key=key))
    except CosServiceError as error:
        if error.get_status_code() != 404:
            raise
        return ""
    return head.get("ETag", "").strip('"')


def _watch(stack: Stack, total: int, console: Console) -> None:
    """Show the progress until nothing is under way."""
    deadline = time.monotonic() + LIMIT_SECONDS
    with Progress(
        TextColumn("reading"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=not console.is_terminal,
    ) as progress:
        task = progress.add_task("reading", total=total)
        while True:
            counts = stack.ledger.counts()
            ended = counts.get("delivered", 0) + counts.get("dead", 0)
            progress.update(task, completed=min(ended, total))
            if ended >= total and stack.unfinished() == 0:
                return
            if time.monotonic() > deadline:
                raise UserError(
                    f"{total - ended} photos are still under way after {LIMIT_SECONDS:g} s: "
                    f"the logs are in {stack.place.state / 'logs'}"
                )
            time.sleep(_POLL)
