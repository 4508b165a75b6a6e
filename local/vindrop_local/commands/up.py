"""``vindrop up``: everything on this machine, until Ctrl-C."""

from __future__ import annotations

import signal
import sys
import threading
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from vindrop.domain.records import Record, to_json
from vindrop_local import show
from vindrop_local.commands.options import STATE, Json, State, a_folder, a_path
from vindrop_local.errors import UserError
from vindrop_local.follower import Follower
from vindrop_local.outages import Circuits, Outages, accounts, recognizers
from vindrop_local.recognizer_settings import of_cascade
from vindrop_local.stack import Place, Stack
from vindrop_local.terminal import console, json_shown, shown

_POLL = 0.3
_Bucket = Annotated[
    Path,
    typer.Option(
        "--bucket",
        metavar="<path>",
        parser=a_path,
        help="Folder that is the bucket; made if missing.",
    ),
]


def up(
    *,
    bucket: _Bucket = Path("bucket"),
    state: State = STATE,
    rate: Annotated[
        int, typer.Option(help="Calls per second: what VinOCR allows and the functions keep to.")
    ] = 10,
    http_port: Annotated[
        int, typer.Option("--http-port", min=0, max=65535, help="Port of the page; 0: a free one.")
    ] = 0,
    open_it: Annotated[
        bool, typer.Option("--open", help="Open the console in a browser, signed in.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Keep everything running: whatever is copied into the folder is read. Ctrl-C ends it.

    With VINDROP_RECOGNIZERS set, the functions ask those recognizers (docs/cascade.md).
    """
    _check(state, bucket, rate)
    out = console(error=as_json)
    ended = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda _signal, _frame: ended.set())
    cascade = of_cascade()
    outages = Outages([each.name for each in recognizers(cascade)])
    stack = Stack(
        Place(state, bucket),
        vinocr={"VINOCR_RATE": str(rate)},
        settings={"VINDROP_RATE": str(rate), **cascade},
        http_port=http_port,
        on_log=outages,
    )
    with out.status("starting the bucket, VinOCR and the functions …"):
        stack.start()
    try:
        out.print(
            f"Open {stack.console_link()} for the console, signed in (once),\n"
            f"or {stack.page_url} to send photos (POST /v1/vin there for the API),\n"
            f"copy photos into {shown(bucket)}, or put them to the bucket "
            f"{stack.bucket.name} at {stack.bucket_url}\n"
            f"(COS SDK: CosConfig(IP=…, Port=…, Scheme='http'); keys in {shown(state / 'account.json')}). "
            "Ctrl-C ends it.\n",
            soft_wrap=True,
        )
        if open_it:
            webbrowser.open(stack.console_link())
        follower = Follower(stack.place.database)
        told = Circuits(stack.ledger.open_circuits, accounts(cascade)), outages
        _follow(stack, follower, ended, out, told, as_json=as_json)
    finally:
        out.print("finishing what is under way …")
        stack.stop()
        for record in follower.new():
            _say(record, as_json=as_json)


def _check(state: Path, bucket: Path, rate: float) -> None:
    """Refuse what cannot be meant, by the option's name: further in only settings have names."""
    if not rate > 0:
        raise UserError(f"--rate is {rate:g}: it takes a number above 0")
    a_folder(state, "--state")
    a_folder(bucket, "--bucket")


def _follow(
    stack: Stack,
    follower: Follower,
    ended: threading.Event,
    out: Console,
    watched: Sequence[Circuits | Outages],
    *,
    as_json: bool,
) -> None:
    """Say what happens until ``ended``."""
    while not ended.wait(_POLL):
        for record in follower.new():
            _say(record, as_json=as_json)
        for each in watched:
            for line, style in each.changes():
                out.print(shown(line), style=style, soft_wrap=True)
        say_next_link(stack, out)


def say_next_link(stack: Stack, out: Console) -> None:
    """Print another link once the last one has been used."""
    if stack.links.used.is_set():
        stack.links.used.clear()
        out.print(f"Opened. The next link: {stack.console_link()}", soft_wrap=True)


def _say(record: Record, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json_shown(to_json(record)) + "\n")
        sys.stdout.flush()
    else:
        console().print(show.record_line(record))
