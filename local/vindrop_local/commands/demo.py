"""``vindrop demo``."""

from __future__ import annotations

import json
import sys

import typer

from vindrop_local import demo as the_demo
from vindrop_local.commands.options import STATE, Json, State
from vindrop_local.show import console


def demo(*, state: State = STATE / "demo", as_json: Json = False) -> None:
    """Watch the main job: sample photos land in a bucket, their VINs appear in a database."""
    out = console(error=as_json)
    report = the_demo.run(state, out)
    if as_json:
        sys.stdout.write(json.dumps(report.as_json(), ensure_ascii=False) + "\n")
    else:
        the_demo.present(report, out)
    if not report.ok:
        raise typer.Exit(1)
