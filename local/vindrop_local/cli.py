"""The ``vindrop`` command."""

from __future__ import annotations

import errno
import io
import os
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from vindrop.core.store_errors import StoreError, StoreSettingError
from vindrop.settings import SettingsError
from vindrop_local import env_lines, language
from vindrop_local.commands import (
    backfill,
    bootstrap,
    cost,
    dead_letters,
    demo,
    doctor,
    event,
    export,
    help_pages,
    invoke,
    ledger,
    listing,
    recognize,
    review,
    schema,
    settings,
    stats,
    up,
    uploads,
    vin,
)
from vindrop_local.errors import UserError
from vindrop_local.log_sentences import log_where_people_look
from vindrop_local.terminal import console, shown

app = typer.Typer(
    help="Drop a photo of a vehicle's VIN into a bucket, get the VIN in your database or queue.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
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
    cost.cost,
    backfill.backfill,
    doctor.doctor,
    vin.vin,
    uploads.uploads,
    export.export,
):
    app.command()(command)
app.command("help")(help_pages.show_topic)
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(bootstrap.app, name="bootstrap")
app.add_typer(ledger.app, name="ledger")
app.add_typer(review.app, name="review")


@app.command(
    context_settings={
        "allow_extra_args": True,
        "ignore_unknown_options": True,
        "help_option_names": [],  # the server says itself what it takes
    }
)
def vinocr(context: typer.Context) -> None:
    """Run VinOCR itself: a server that speaks the API and reads photos. `vindrop vinocr -h` for all."""
    from vinocr.__main__ import main as serve

    raise typer.Exit(
        serve(list(context.args), language.help_said, "vindrop vinocr", language.wrapped)
    )


@app.callback(invoke_without_command=True)
def _version(
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    _lang: Annotated[
        str,
        typer.Option("--lang", help="Language: en or zh. Default: VINDROP_LANG, or the locale."),
    ] = "",
    env_file: Annotated[
        Path | None,
        typer.Option(
            "--env-file",
            help="Before the command: settings of a deployed function from a file, as `doctor` reads "
            "it. What it names goes before the environment's own.",
        ),
    ] = None,
) -> None:
    if env_file is not None:
        env_lines.put_into(os.environ, env_file)
    if version:
        from vindrop import __version__

        sys.stdout.write(f"vindrop {__version__}\n")
        raise typer.Exit


def main() -> None:
    """Run the command; docs/cli.md lists the exit statuses.

    Whatever the user can mend is one sentence. Log lines go to standard error, in a terminal as
    sentences: standard output is the answer, JSON lines only where they are asked for.
    """
    for name in ("stdout", "stderr"):  # closed, as by >&-: nobody wants to hear it
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
    log_where_people_look()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # half a character in a key must not end the list
            stream.reconfigure(errors="backslashreplace")
    sys.exit(_run())


_UsageError: Final[type[Exception]] = typer.BadParameter.__mro__[2]
"""What the parser of arguments raises (ClickException): typer carries its own, without a name."""


_NO_ROOM: Final = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG))
"""What writing ends with where the output is a file on a full or broken disk."""


def _say_usage(error: Any) -> int:
    sentence = error.format_message()
    if "\n" in sentence:  # no arguments: the help
        error.show()
    else:
        words = sentence.rstrip(".").replace("Value error, ", "")  # a library's
        what = language.said(words.replace("(Possible options: ", "(spelled much like it: "))
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else "vindrop"
        hint = "`vindrop --help` lists what there is"
        if path != "vindrop":
            hint = f"`{path} --help` lists all that it takes"
        sentence = f"vindrop: {what}{language.colon(after=what)}{language.said(hint)}"
        console(error=True).print(shown(sentence), style="red", soft_wrap=True)
    return int(error.exit_code)


def _run() -> int:
    out = sys.stdout
    try:
        arguments = language.arguments()
        command = typer.main.get_command(app)
        if language.chosen() != "en":
            language.translate_help(command)
            context = command.context_class
            if not hasattr(context.formatter_class, "translates"):
                context.formatter_class = language.formatter(context.formatter_class)
        status = command.main(arguments, prog_name="vindrop", standalone_mode=False)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except _UsageError as error:
        return _say_usage(error)
    except (UserError, SettingsError, StoreSettingError, StoreError) as error:
        told = shown(f"vindrop: {language.said(str(error))}")
        console(error=True).print(told, style="red", soft_wrap=True)
        return 2
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except OSError as error:
        # What is half written, an archive above all, complains once more when it is dropped.
        sys.unraisablehook = lambda _: None
        if error.errno in _NO_ROOM and error.filename is None:
            told = language.said(f"the output cannot be written: {error.strerror}")
            console(error=True).print(shown(f"vindrop: {told}"), style="red", soft_wrap=True)
            os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
            return 2
        if error.errno != errno.EPIPE:
            raise
    except SystemExit:
        if sys.stdout is out:
            raise  # else the parser of arguments has met the closed pipe, and put its own there
    # The reader of our output has gone, as in `vindrop readings | head`; nor can the rest be
    # written when this process ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
    return 141
