"""``vindrop demo``: the main job on the sample photos, watched."""

from __future__ import annotations

import hashlib
import logging
import shlex
import signal
import sys
import threading
import time
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final, cast

import typer
from rich.console import Console

from vindrop.domain.in_force import in_force
from vindrop.domain.records import DeadLetter, Reading
from vindrop_local.bucket.keys import key_of
from vindrop_local.commands.options import STATE, Json, State, a_folder, a_path
from vindrop_local.commands.up import say_next_link
from vindrop_local.demo_report import Report, present
from vindrop_local.errors import UserError
from vindrop_local.progress import Progress
from vindrop_local.rows import NoVin, row_of
from vindrop_local.samples import TRUTH, Sample, own, samples
from vindrop_local.stack import PRICE, SURE, Place, Stack
from vindrop_local.terminal import console, json_text, program, shown

LIMIT_SECONDS: Final = 600.0
PER_PHOTO: Final = 10.0
"""Seconds that each photo may take beside that."""
_POLL: Final = 0.25
_NAMED: Final = 3
"""Names in a truth that are told one by one."""


def demo(
    *,
    photos: Annotated[
        Path | None,
        typer.Option(
            "--photos",
            metavar="DIR",
            parser=a_path,
            help="Your own photos instead of the samples: those in this folder, in every format that "
            "`vindrop recognize` takes. They are copied, and stay as they are. With a truth.csv (columns "
            "file and vin) beside them, readings are held against it.",
        ),
    ] = None,
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
    """Watch the main job: sample photos land in a bucket, their VINs appear in a database.

    Bucket, functions and VinOCR run on this machine: no photo leaves it, and no call costs anything.
    """
    out = console(error=as_json)
    again = f"{program()} demo --open" + (" --cascade" if cascade else "")
    again += f" --photos {shlex.quote(str(photos))}" if photos is not None else ""
    if not (state.parent == STATE or state == STATE / "demo" / "cascade"):
        again += f" --state {shlex.quote(str(state))}"

    def shown_then(stack: Stack, report: Report) -> None:
        if as_json:
            sys.stdout.write(json_text(report.as_json()) + "\n")
            sys.stdout.flush()
        else:
            present(report, out, _how_to_decide(place))
        if open_it:
            _open(stack, out)
        elif not as_json:
            to = "finish what waits for a person" if report.waiting else "see them in a browser"
            out.print(f"\nTo {to}: {shown(again)}", soft_wrap=True)

    port = 0 if open_it else None
    place = a_folder(_place(state, photos, cascade=cascade), "--state")
    report = run(place, out, then=shown_then, http_port=port, cascade=cascade, photos=photos)
    if not report.ok or report.not_uploaded:
        raise typer.Exit(1)


def _place(state: Path, photos: Path | None, *, cascade: bool) -> Path:
    """Return where a demo keeps what it knows: apart for each folder of photos."""
    if photos is not None:
        whole = str(photos.resolve()).encode("utf-8", "surrogateescape")
        state = state / "photos" / hashlib.sha256(whole).hexdigest()[:12]
    return state / "cascade" if cascade else state


def _how_to_decide(place: Path) -> str:
    """Return the command by which a person decides an upload; ``{}`` stands for its identity."""
    ours = f"sqlite:///{place / 'vindrop.db'}".replace("{", "{{").replace("}", "}}")
    named = shlex.quote(ours)
    found = place == STATE / "demo" and not (STATE / "vindrop.db").exists()
    where = "" if found else f" --ledger {named} --from {named}"
    return f"{program()} review decide {{}} VIN{where}"


def _wanted(state: Path, photos: Path | None, console: Console) -> list[Sample]:
    """Return the photos, and say what becomes of the user's own."""
    if photos is None:
        with console.status("drawing the one photo that is too large for the repository …"):
            return samples(state / "made")
    found = own(photos)
    for path, why in found.left_out.items():
        console.print(f"{shown(path.name)} is left out: {why}", soft_wrap=True)
    console.print(
        f"1 photo of {shown(photos)} is copied into a bucket on this machine: it does not leave it, "
        "no call costs anything, and your file stays as it is."
        if len(found.photos) == 1
        else f"{len(found.photos)} photos of {shown(photos)} are copied into a bucket on this machine: "
        "none leaves it, no call costs anything, and your files stay as they are.",
        soft_wrap=True,
    )
    named = sum(each.vin is not None for each in found.photos)
    with_vin = sum(bool(each.vin) for each in found.photos)
    if named:
        told = (
            f"{TRUTH} names {named} of them, {with_vin} with a VIN: readings are held against it."
        )
    elif found.has_truth:
        told = f"{TRUTH} names none of them, so whether a VIN is right is for you to see."
    else:
        told = f"There is no {TRUTH} beside them, so whether a VIN is right is for you to see."
    console.print(told, soft_wrap=True)
    for name in found.not_there[:_NAMED]:
        console.print(f"{TRUTH} names {shown(name)}, which is none of them", soft_wrap=True)
    if len(found.not_there) > _NAMED:
        more = len(found.not_there) - _NAMED
        console.print(f"… and {more} more that are none of them", soft_wrap=True)
    return found.photos


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
    photos: Path | None = None,
) -> Report:
    """Bring everything up, upload the photos, watch, and judge the outcome.

    :param then: called with the outcome while everything is still up.
    :param http_port: where the console answers; None: it is not served.
    :param cascade: with two recognizers.
    :param photos: folder of the user's own; None: the samples.
    :raises UserError: something that the user can mend.
    """
    started = time.monotonic()
    wanted = _wanted(state, photos, console)
    with console.status("starting the bucket, VinOCR and the functions …"):
        stack = Stack(Place(state, state / "bucket"), http_port=http_port, cascade=cascade)
        stack.start()
    try:
        console.print(
            f"bucket {stack.bucket.name} is the folder {shown(stack.place.folder)}\n"
            f"VinOCR  {stack.vinocr.endpoint}   database {shown(state / 'vindrop.db')}\n"
        )
        if stack.second is not None:
            console.print(
                f"cloud   {stack.second.endpoint}   (a second VinOCR of our own stands in for it, with "
                f"a price of {PRICE:g} a call)\n"
                f"own is sure from {SURE:g} in this demo, so that some of its clear photos go to cloud, "
                "too\n"
            )
        sent, not_uploaded = _upload(stack, wanted, console)
        _watch(stack, len(wanted), console)
        readings, denied = _in_force(stack)
        letters = list(stack.results.reviewed("dead_letters"))
        report = Report(
            uploads=sum(stack.ledger.counts().values()),
            sent=sent,
            readings=sorted(readings, key=lambda reading: reading.upload.key),
            dead_letters=[each for each, _ in letters if isinstance(each, DeadLetter)],
            calls=stack.vinocr.calls(),
            second_calls=stack.second.calls() if stack.second else None,
            truth={each.key: each.vin for each in wanted if each.vin is not None},
            own=photos is not None,
            not_uploaded=not_uploaded,
            must_doubt=frozenset(each.key for each in wanted if each.doubtful),
            denied=denied,
            denied_letters=frozenset(
                end.id for end, review in letters if review is not None and review.in_force
            ),
        )
        report.seconds = time.monotonic() - started
        if then is not None:
            then(stack, report)
    finally:
        stack.stop()
    return report


def _in_force(stack: Stack) -> tuple[list[Reading], tuple[NoVin, ...]]:
    """Return the readings with the VINs in force, and the rows of those whose VIN a person denies.

    The denied ones are among the readings, too, as the machine read them.
    """
    readings, denied = [], []
    for end, review in stack.results.reviewed("readings"):
        counts = in_force(end, review)
        row = row_of(end, counts)
        if isinstance(row, NoVin):
            denied.append(row)
        one = counts if isinstance(counts, Reading) else end
        if isinstance(one, Reading):
            readings.append(one)
    return readings, tuple(denied)


def _upload(stack: Stack, wanted: list[Sample], console: Console) -> tuple[int, dict[str, str]]:
    """Put every photo into the bucket through the official COS SDK, unless it is there unchanged.

    Return how many were put there, and key → why of those that could not be: these are taken out
    of ``wanted``.
    """
    logging.getLogger("qcloud_cos").setLevel(logging.ERROR)
    client = stack.server.client(stack.bucket.name)
    sent, failed = 0, {}
    with Progress("uploading", len(wanted), out=console) as progress:
        for sample in wanted:
            try:
                sent += _put(client, stack.bucket.name, sample)
            except _NotUploadedError as error:
                failed[sample.key] = str(error)
            progress.advance()
    for key, why in failed.items():
        console.print(f"{shown(key)} is not uploaded: {shown(why)}", style="red", soft_wrap=True)
    wanted[:] = [each for each in wanted if each.key not in failed]
    there = len(wanted) - sent
    console.print(
        f"1 photo uploaded, {there} were there already\n"
        if sent == 1
        else f"{sent} photos uploaded, {there} were there already\n"
    )
    return sent, failed


class _NotUploadedError(Exception):
    """``str()`` says why a photo could not be put into the bucket."""


def _put(client: Any, bucket: str, sample: Sample) -> bool:
    """Put a photo into the bucket; return whether it was not there unchanged.

    :raises _NotUploadedError: it cannot be read, or can be no object.
    """
    from qcloud_cos.cos_exception import CosClientError, CosServiceError

    if key_of(sample.key) is None:
        raise _NotUploadedError(
            "a bucket takes names in UTF-8 only, and none of its own: rename it"
        )
    try:
        data = sample.path.read_bytes()
        if _etag(client, bucket, sample.key) == hashlib.md5(data).hexdigest():  # noqa: S324 - COS's ETag
            return False
        client.put_object(Bucket=bucket, Key=sample.key, Body=data)
    except OSError as error:
        raise _NotUploadedError(f"it cannot be read: {error.strerror}") from None
    except (CosClientError, CosServiceError) as error:
        told = error.get_error_msg() if isinstance(error, CosServiceError) else str(error)
        raise _NotUploadedError(f"the bucket does not take it: {told}") from None
    return True


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
    limit = LIMIT_SECONDS + PER_PHOTO * total
    deadline = time.monotonic() + limit
    with Progress("reading", total, out=console) as progress:
        while True:
            counts = stack.ledger.counts()
            ended = counts.get("delivered", 0) + counts.get("dead", 0)
            progress.reached(min(ended, total))
            if ended >= total and stack.unfinished() == 0:
                return
            if time.monotonic() > deadline:
                logs = stack.place.state / "logs"
                raise UserError(
                    f"1 photo is still under way after {limit:g} s: the logs are in {logs}"
                    if total - ended == 1
                    else f"{total - ended} photos are still under way after {limit:g} s: "
                    f"the logs are in {logs}"
                )
            time.sleep(_POLL)
