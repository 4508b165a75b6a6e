"""What ``-h`` prints: laid out as the help of the `vindrop` command is."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Callable, Iterable
from typing import Final

from vinocr import settings

Say = Callable[[str], str]
Wrap = Callable[[str, int], list[str]]
GROUPS: Final = {
    "Accounts and address": (
        *("secret_id", "secret_key", "accounts", "host", "port", "tls_cert", "tls_key"),
    ),
    "Reader processes": (
        *("workers", "threads", "queue", "queue_seconds", "read_seconds", "stop_seconds"),
    ),
    "What an image may be, and when a VIN is answered": (
        *("max_base64_mb", "max_pixels", "memory_mb", "threshold", "max_error"),
    ),
    "Rates and connections": (
        *("rate", "ip_rate", "bodies", "body_seconds", "head_seconds"),
        *("connections", "client_connections"),
    ),
    "Photos by ImageUrl": (
        *("url_seconds", "url_redirects", "url_downloads", "url_allow", "url_deny"),
    ),
    "Who may do what, and in which language": (
        *("regions", "language", "operators", "hosts", "proxies"),
    ),
    "For tests": ("offline", "faults"),
}
"""Heading → settings, in the order of a first start."""
EXAMPLES: Final = (
    "VINOCR_SECRET_ID=AKIDtest VINOCR_SECRET_KEY=any-secret {} --port 0",
    "{} --accounts accounts.toml --workers 2 --check",
)
_WIDTH: Final = 80


def text(
    options: Iterable[tuple[str, str]], program: str, say: Say, wrap: Wrap = textwrap.wrap
) -> str:
    """Return the help.

    :param options: of the command line: (how it is written, what it is).
    :param program: how it was started, such as ``python -m vinocr``.
    :param wrap: returns a text in lines of so many cells; where characters take two, not the default.
    """
    about = {name: (default, told) for name, default, told in settings.defaults()}
    usage = say("Usage:")
    lines = [f"{usage}{' ' if usage.isascii() else ''}{program} {say('[OPTIONS]')}", ""]
    lines += _indented(
        say("VinOCR: an API 3.0 server that reads vehicle identification numbers."), wrap
    )
    lines += ["", *_headed("Examples", say)]
    lines += [f"  {each.format(program)}" for each in EXAMPLES]
    lines += ["", *_headed("Options", say), *_rows(options, wrap), ""]
    lines += _indented(
        say("Settings come from the environment; an option goes before its variable:"), wrap, ""
    )
    for heading, names in GROUPS.items():
        rows = []
        for name in names:
            variable = f"{settings.PREFIX}{name}".upper()
            default, told = about[variable]
            shown = say(f"{say(told)} (default {default})") if default else say(told)
            rows.append((variable, shown))
        lines += ["", *_headed(heading, say), *_rows(rows, wrap)]
    return "\n".join(lines) + "\n"


def _cells(name: str) -> int:
    """Return how many places of a terminal a name takes: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in name)


def _headed(heading: str, say: Say) -> list[str]:
    told = say(heading)
    return [f"{told}:" if told.isascii() else f"{told}："]


def _indented(sentence: str, wrap: Wrap, indent: str = "  ") -> list[str]:
    return [f"{indent}{line}" for line in wrap(sentence, _WIDTH - len(indent))]


def _rows(rows: Iterable[tuple[str, str]], wrap: Wrap) -> list[str]:
    """Return names and what they are, in two columns."""
    listed = list(rows)
    column = max(_cells(name) for name, _ in listed) + 2
    found: list[str] = []
    for name, told in listed:
        first, *more = wrap(told, _WIDTH - 2 - column)
        found.append(f"  {name}{' ' * (column - _cells(name))}{first}")
        found += [f"  {'':{column}}{line}" for line in more]
    return found
