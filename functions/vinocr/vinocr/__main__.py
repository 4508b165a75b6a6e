"""``python -m vinocr``: start VinOCR."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import textwrap
from collections.abc import Callable
from typing import Any, NoReturn

from vinocr import settings
from vinocr.api.reloaded_file import SettingsError

_GROUPS = {
    "Where it listens": ("host", "port", "tls-cert", "tls-key"),
    "Who may call": ("accounts", "rate", "url-allow"),
    "Readers": ("workers", "threads"),
    "For tests": ("faults",),
}
"""Heading of the help → options that a setting has, too."""
_EXAMPLES = (
    ("{prog} --accounts accounts.json --port 9000", "serve the accounts of a file"),
    ("{prog} --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem", "serve a network, by TLS"),
    ("{prog} --accounts accounts.json --check", "is everything set right?"),
    ("vindrop --lang zh vinocr -h", "this help in Chinese"),
)
_NAME_WIDTH = 28


def _parser(
    say: Callable[[str], str], prog: str, wrap: Callable[[str, int], list[str]]
) -> argparse.ArgumentParser:
    width = shutil.get_terminal_size().columns - 2

    class Formatter(argparse.RawDescriptionHelpFormatter):
        def __init__(self, prog: str) -> None:
            super().__init__(prog, max_help_position=_NAME_WIDTH, width=width)

        def add_usage(
            self, usage: str | None, actions: Any, groups: Any, prefix: str | None = None
        ) -> None:
            super().add_usage(usage, actions, groups, say("Usage: ") if prefix is None else prefix)

        def _split_lines(self, text: str, width: int) -> list[str]:
            return wrap(text, width)

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            self.exit(
                2, f"vinocr: {say(message)}{say('; `vindrop vinocr -h` lists what it takes')}\n"
            )

    parser = Parser(
        prog=prog,
        usage=f"%(prog)s {say('[OPTIONS]')}",
        description=say("VinOCR: an API 3.0 server that reads vehicle identification numbers."),
        epilog=f"{_examples(say, prog)}\n\n{_settings(say, width, wrap)}",
        formatter_class=Formatter,
        add_help=False,
    )
    abouts = {name: say(about) for name, _, about in settings.defaults()}
    for heading, options in _GROUPS.items():
        group = parser.add_argument_group(say(heading))
        for option in options:
            variable = settings.PREFIX + option.upper().replace("-", "_")
            group.add_argument(f"--{option}", metavar="…", help=abouts[variable])
    add = parser.add_argument_group(say("Options")).add_argument
    checks = say("check the settings; print nothing if they are right")
    add("--check", action="store_true", help=checks)
    lines = say("with --check: the result as a JSON object; what a server prints is JSON anyway")
    add("--json", action="store_true", help=lines)
    add("--until-stdin-closes", action="store_true", help=say("stop when standard input ends"))
    add("-h", "--help", action="help", help=say("Show this message and exit."))
    return parser


def _examples(say: Callable[[str], str], prog: str) -> str:
    lines = (f"  {line.format(prog=prog)}\n      {say(about)}" for line, about in _EXAMPLES)
    return say("Examples:") + "\n" + "\n".join(lines)


def _settings(say: Callable[[str], str], width: int, wrap: Callable[[str, int], list[str]]) -> str:
    """Return the table of settings, broken at the width of the terminal."""
    above = say("Settings come from the environment; an option goes before its variable:")
    table = [above]
    for name, default, about in settings.defaults():
        text = say(f"{say(about)} (default {default})") if default else say(about)
        lines = wrap(text, max(width - _NAME_WIDTH, 20)) or [""]
        if len(name) > _NAME_WIDTH - 4:
            table.append(f"  {name}")
            lines.insert(0, "")
        else:
            table.append(f"  {name:{_NAME_WIDTH - 2}}{lines[0]}")
        table += [f"{'':{_NAME_WIDTH}}{line}" for line in lines[1:]]
    return "\n".join(table)


def main(
    argv: list[str] | None = None,
    say: Callable[[str], str] = str,
    prog: str = "python -m vinocr",
    wrap: Callable[[str, int], list[str]] = textwrap.wrap,
) -> int:
    """Start the server; return 0 after a clean stop, 2 for a wrong setting.

    :param say: returns a sentence in the reader's language.
    :param prog: how it was called, for the help.
    :param wrap: breaks a text into lines of so many columns.
    """
    options = vars(_parser(say, prog, wrap).parse_args(argv))
    check, until = options.pop("check"), options.pop("until_stdin_closes")
    as_json = options.pop("json")
    try:
        chosen = settings.load(**options)
        from vinocr.serve import http_server  # after the settings: a wrong one is told at once

        if check:
            http_server.assemble(chosen)
            if as_json:
                sys.stdout.write(json.dumps({"settings": "right"}) + "\n")
            return 0
        return http_server.run(chosen, until_stdin_closes=until)
    except SettingsError as error:
        sys.stderr.write(f"vinocr: {say(str(error))}\n")
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
