"""``python -m vinocr``: start VinOCR."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from typing import NoReturn

from vinocr import help_text, settings
from vinocr.api.reloaded_file import SettingsError

_OPTIONS = (
    "accounts", "host", "port", "workers", "threads", "rate", "url-allow", "faults", "tls-cert", "tls-key",
)  # fmt: skip
_FILES = frozenset(("accounts", "faults", "tls-cert", "tls-key"))
_NUMBERS = frozenset(("port", "workers", "threads", "rate"))


def _parser(say: help_text.Say, program: str, wrap: help_text.Wrap) -> argparse.ArgumentParser:
    abouts = {name: about for name, _, about in settings.defaults()}
    shown: list[tuple[str, str]] = []

    class Parser(argparse.ArgumentParser):
        def format_help(self) -> str:
            return help_text.text(shown, program, say, wrap)

        def error(self, message: str) -> NoReturn:
            hint = say(f"`{program} --help` lists all that it takes")
            between = ": " if hint.isascii() else "："
            self.exit(2, f"vinocr: {say(message)}{between}{hint}\n")

    parser = Parser(prog=program, add_help=False)
    for option in _OPTIONS:
        kind = "path" if option in _FILES else "int" if option in _NUMBERS else "str"
        variable = settings.PREFIX + option.upper().replace("-", "_")
        parser.add_argument(f"--{option}")
        shown.append((f"--{option} {say(f'<{kind}>')}", say(abouts[variable])))
    for option, about in (
        ("--check", "check the settings; print nothing if they are right"),
        (
            "--json",
            "with --check: the result as a JSON object; what a server prints is JSON anyway",
        ),
        ("--until-stdin-closes", "stop when standard input ends"),
    ):
        parser.add_argument(option, action="store_true")
        shown.append((option, say(about)))
    parser.add_argument("-h", "--help", action="help")
    shown.append(("-h, --help", say("Show this message and exit.")))
    return parser


def main(
    argv: list[str] | None = None,
    say: help_text.Say = str,
    program: str = "python -m vinocr",
    wrap: help_text.Wrap = textwrap.wrap,
) -> int:
    """Start the server; return 0 after a clean stop, 2 for a wrong setting.

    :param say: returns a sentence in the reader's language.
    :param program: how it was started, as its help shows it.
    :param wrap: see `vinocr.help_text.text`.
    """
    options = vars(_parser(say, program, wrap).parse_args(argv))
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
