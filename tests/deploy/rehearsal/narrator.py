"""What a rehearsal says: each step in plain words, the command as it is run, and what that printed."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TextIO

from rich.cells import cell_len

from tests.deploy.page import Shell
from vindrop_local.language import chosen, wrapped

WIDTH = 100
LONGEST = 14
"""Lines of a command's output that are shown."""
COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

_NOTICE: Final = re.compile(
    r"^\(node:|^versions published after|^will require node|^To continue receiving updates to AWS"
    r"|^and security updates please|found at: https://a\.co/|^\(Use `node --trace|^\d+ deprecations? found"
)
"""What the AWS SDK inside osls says of every Node.js below 22, and osls of the deployment's file."""
_OF_THE_LOOPBACK: Final = re.compile(r"<moto\.|^layers:$")
"""Objects of the loopback's own that osls prints in place of a layer's address."""
_SIZE: Final = re.compile(r" \(\d+ B\)$")
"""Of a deployed function: its code is in the layers, and the figure tells nothing."""


@dataclass(frozen=True)
class Words:
    """A sentence in both languages."""

    en: str
    zh: str

    def __str__(self) -> str:
        return self.zh if chosen() == "zh" else self.en


NOTICES = Words(
    "Left out here and below: osls's notices of the Node.js version and of deprecations. The page says what "
    "they are.",
    "此处及以下省略 osls 关于 Node.js 版本和弃用的提示；该页面说明了它们的含义。",
)


@dataclass(frozen=True)
class Line:
    """How a line of the page is rehearsed."""

    about: Words
    run: Callable[[str], None] | None = None
    """In place of the shell; None: the shell runs it as it stands."""


class Narrator:
    """Counts the steps and prints them."""

    def __init__(self, shell: Shell, out: TextIO = sys.stdout) -> None:
        self.shell, self._out, self._steps = shell, out, 0
        self._explained = False

    def step(self, about: Words) -> None:
        """Begin a step."""
        self._steps += 1
        self.tell("")
        for number, line in enumerate(wrapped(str(about), WIDTH - 5)):
            self.tell(f"{self._steps:>2}. {line}" if number == 0 else f"    {line}")

    def tell(self, text: str) -> None:
        """Print a line, at once."""
        self._out.write(f"{text}\n")
        self._out.flush()

    def tell_command(self, line: str) -> None:
        """Show a command that is not run here."""
        self.tell(f"    $ {line}")

    def note(self, about: Words) -> None:
        """Say what is so only here."""
        for line in wrapped(str(about), WIDTH - 6):
            self.tell(f"    | {line}")

    def runs(self, line: str, *, quiet: bool = False, **more: str) -> str:
        """Show a command, run it, show what it says; return its standard output.

        :param quiet: nothing of what it says is shown.
        :param more: variables for this line alone.
        """
        self.tell(f"    $ {line}")
        before = len(self.shell.said)
        answer = self.shell(line, more=more)
        if not quiet:
            self.shows(self.shell.said[before:])
        return answer

    def shows(self, text: str) -> None:
        """Print what a command said, its middle left out where that is long."""
        told = COLOURS.sub("", text).expandtabs().split("\n")
        printed = [line.rstrip("\r").rpartition("\r")[2] for line in told if line.strip()]
        noticed = [line for line in printed if not _NOTICE.search(line)]
        lines = [_SIZE.sub("", one) for one in noticed if not _OF_THE_LOOPBACK.search(one)]
        if len(lines) > LONGEST:
            left = len(lines) - LONGEST + 1
            lines = [*lines[: LONGEST // 2], f"… ({left})", *lines[-(LONGEST // 2 - 1) :]]
        for line in lines:
            self.tell(f"      {line.rstrip() if cell_len(line) < 200 else line[:200] + '…'}")
        if len(noticed) < len(printed) and not self._explained:
            self._explained = True
            self.note(NOTICES)

    def page(self, commands: list[str], lines: Mapping[str, Line]) -> None:
        """Go through a page's commands in their order.

        :param lines: how each is rehearsed, by how it begins; the longest beginning counts.
        :raises LookupError: the page has a command that is not among ``lines``, or lacks one.
        """
        known: set[str] = set()
        for command in commands:
            begins = max((one for one in lines if command.startswith(one)), key=len, default=None)
            if begins is None:
                raise LookupError(f"the rehearsal does not know this line of the page: {command}")
            known.add(begins)
            self.step(lines[begins].about)
            (lines[begins].run or self.runs)(command)
        if left := set(lines) - known:
            raise LookupError(f"the page has no such line any more: {sorted(left)}")

    def closing(self, heading: Words, points: list[Words]) -> None:
        """Say at the end what this could not show."""
        self.tell("")
        self.tell(str(heading))
        for point in points:
            for number, line in enumerate(wrapped(str(point), WIDTH - 4)):
                self.tell(textwrap.indent(line, "  - " if number == 0 else "    "))
