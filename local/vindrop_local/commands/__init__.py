"""The commands, one file each."""

from __future__ import annotations

import typer

from vindrop_local.commands import demo, event, invoke, listing, recognize, settings, up


def register(app: typer.Typer) -> None:
    """Add every command to ``app``."""
    app.command("demo")(demo.demo)
    app.command("up")(up.up)
    app.command("event")(event.event)
    app.command("invoke")(invoke.invoke)
    app.command("recognize")(recognize.recognize)
    app.command("readings")(listing.readings)
    app.command("dead-letters")(listing.dead_letters)
    app.command("settings")(settings.settings)
