"""``python -m vinocr``: start VinOCR."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from vinocr import settings
from vinocr.api.reloaded_file import SettingsError

_OPTIONS = (
    "accounts", "host", "port", "workers", "threads", "rate", "url-allow", "faults", "tls-cert", "tls-key",
)  # fmt: skip


def _parser(say: Callable[[str], str]) -> argparse.ArgumentParser:
    class Formatter(argparse.RawDescriptionHelpFormatter):
        def add_usage(
            self, usage: str | None, actions: Any, groups: Any, prefix: str | None = None
        ) -> None:
            super().add_usage(usage, actions, groups, say("usage: ") if prefix is None else prefix)

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            self.print_usage(sys.stderr)
            self.exit(2, f"vinocr: {say(message)}\n")

    rows = settings.defaults()
    table = "\n".join(
        f"  {name:24} " + (say(f"{say(about)} (default {default})") if default else say(about))
        for name, default, about in rows
    )
    above = say("Settings come from the environment; an option goes before its variable:")
    parser = Parser(
        prog="vinocr",
        description=say("VinOCR: an API 3.0 server that reads vehicle identification numbers."),
        epilog=f"{above}\n{table}",
        formatter_class=Formatter,
        add_help=False,
    )
    add = parser.add_argument_group(say("options")).add_argument
    add("-h", "--help", action="help", help=say("show this help message and exit"))
    abouts = {name: say(about) for name, _, about in rows}
    for option in _OPTIONS:
        variable = settings.PREFIX + option.upper().replace("-", "_")
        add(f"--{option}", metavar="…", help=abouts[variable])
    checks = say("check the settings; print nothing if they are right")
    add("--check", action="store_true", help=checks)
    lines = say("with --check: the result as a JSON object; what a server prints is JSON anyway")
    add("--json", action="store_true", help=lines)
    add("--until-stdin-closes", action="store_true", help=say("stop when standard input ends"))
    return parser


def main(argv: list[str] | None = None, say: Callable[[str], str] = str) -> int:
    """Start the server; return 0 after a clean stop, 2 for a wrong setting.

    :param say: returns a sentence in the reader's language.
    """
    options = vars(_parser(say).parse_args(argv))
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
