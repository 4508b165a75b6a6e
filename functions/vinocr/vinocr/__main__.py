"""``python -m vinocr``: start VinOCR."""

from __future__ import annotations

import argparse
import sys

from vinocr import settings
from vinocr.api.reloaded_file import SettingsError

_OPTIONS = (
    "accounts", "host", "port", "workers", "threads", "rate", "url-allow", "faults", "tls-cert", "tls-key",
)  # fmt: skip


def _parser() -> argparse.ArgumentParser:
    rows = settings.defaults()
    table = "\n".join(
        f"  {name:24} {about}" + (f" (default {default})" if default else "")
        for name, default, about in rows
    )
    parser = argparse.ArgumentParser(
        prog="vinocr",
        description="VinOCR: an API 3.0 server that reads vehicle identification numbers.",
        epilog="Settings come from the environment; an option goes before its variable:\n" + table,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    abouts = {name: about for name, _, about in rows}
    for option in _OPTIONS:
        variable = settings.PREFIX + option.upper().replace("-", "_")
        add(f"--{option}", metavar="…", help=abouts[variable])
    add("--check", action="store_true", help="check the settings; print nothing if they are right")
    add("--until-stdin-closes", action="store_true", help="stop when standard input ends")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Start the server; return 0 after a clean stop, 2 for a wrong setting."""
    options = vars(_parser().parse_args(argv))
    check, until = options.pop("check"), options.pop("until_stdin_closes")
    try:
        chosen = settings.load(**options)
        from vinocr.serve import http_server  # after the settings: a wrong one is told at once

        if check:
            http_server.assemble(chosen)
            return 0
        return http_server.run(chosen, until_stdin_closes=until)
    except SettingsError as error:
        sys.stderr.write(f"vinocr: {error}\n")
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
