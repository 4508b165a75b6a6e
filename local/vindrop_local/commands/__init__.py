"""The commands, one file each."""

from __future__ import annotations

import typer

from vindrop_local.commands import (
    backfill,
    dead_letters,
    demo,
    doctor,
    event,
    invoke,
    listing,
    recognize,
    schema,
    settings,
    up,
    vin,
)


def register(app: typer.Typer) -> None:
    """Add every command to ``app``."""
    app.command("demo")(demo.demo)
    app.command("up")(up.up)
    app.command("event")(event.event)
    app.command("invoke")(invoke.invoke)
    app.command("recognize")(recognize.recognize)
    app.command("readings")(listing.readings)
    app.add_typer(dead_letters.app, name="dead-letters")
    app.command("schema")(schema.schema)
    app.command("settings")(settings.settings)
    app.command("backfill")(backfill.backfill)
    app.command("doctor")(doctor.doctor)
    app.command("vin")(vin.vin)
