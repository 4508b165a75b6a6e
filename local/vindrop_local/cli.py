"""The ``vindrop`` command."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from vindrop.core.store_errors import StoreError, StoreSettingError
from vindrop.settings import SettingsError
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
    stats,
    up,
    vin,
)
from vindrop_local.errors import UserError
from vindrop_local.show import console

app = typer.Typer(
    help="Drop a photo of a vehicle's VIN into a bucket, get the VIN in your database or queue.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (
    demo.demo,
    up.up,
    event.event,
    invoke.invoke,
    recognize.recognize,
    listing.readings,
    schema.schema,
    settings.settings,
    stats.stats,
    backfill.backfill,
    doctor.doctor,
    vin.vin,
):
    app.command()(command)
app.add_typer(dead_letters.app, name="dead-letters")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def vinocr(context: typer.Context) -> None:
    """Run VinOCR itself: a server that speaks the API and reads photos. `vindrop vinocr -h` for all."""
    from vinocr.__main__ import main as serve

    raise typer.Exit(serve(list(context.args)))


@app.callback(invoke_without_command=True)
def _version(
    *, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    if version:
        from vindrop import __version__

        sys.stdout.write(f"vindrop {__version__}\n")
        raise typer.Exit


def main() -> None:
    """Run the command; whatever the user can mend is one sentence and exit status 2."""
    try:
        app()
    except (UserError, SettingsError, StoreSettingError, StoreError) as error:
        console(error=True).print(f"vindrop: {error}", style="red", markup=False, soft_wrap=True)
        sys.exit(2)
    except BrokenPipeError:
        sys.exit(141)  # the reader of our output has gone: `vindrop readings | head`
    except KeyboardInterrupt:
        sys.exit(130)
