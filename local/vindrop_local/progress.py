"""How far a command has come: rate and time left, where somebody looks, once it takes a moment."""

from __future__ import annotations

import contextlib
import time
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task, TaskID, TextColumn
from rich.progress import Progress as Bar
from rich.text import Text

from vindrop_local.language import said
from vindrop_local.terminal import Foreign, console

AFTER: Final = 1.0
"""Seconds before a bar is drawn: what ends sooner needs none."""


class _Counted(ProgressColumn):
    """What is done, and of how many."""

    def render(self, task: Task) -> Text:
        """Draw the cell."""
        total = "" if task.total is None else f"/{task.total:,.0f}"
        return Foreign(f"{task.completed:,.0f}{total}")


class _Rate(ProgressColumn):
    """How many a second, since the beginning."""

    def render(self, task: Task) -> Text:
        """Draw the cell."""
        rate = _rate(task)
        digits = 1 if rate < 100 else 0
        return Text(said(f"{rate:,.{digits}f} a second") if rate else "", style="dim")


class _Left(ProgressColumn):
    """How long it still takes at that rate."""

    def render(self, task: Task) -> Text:
        """Draw the cell."""
        rate = _rate(task)
        if task.total is None or not rate:
            return Text("")
        minutes, seconds = divmod(round(max(task.total - task.completed, 0) / rate), 60)
        hours, minutes = divmod(minutes, 60)
        return Text(said(f"{hours}:{minutes:02}:{seconds:02} left"), style="cyan")


def _rate(task: Task) -> float:
    seconds = task.fields["seconds"]() if task.completed else 0.0
    return float(task.completed / seconds) if seconds else 0.0


class Progress(contextlib.AbstractContextManager["Progress"]):
    """``with Progress("reading", total=37) as progress: … progress.advance()``."""

    def __init__(
        self, what: str, total: int | None = None, *, out: Console | None = None, shown: bool = True
    ) -> None:
        """Prepare; nothing is drawn before `AFTER` seconds.

        :param what: goes before the bar.
        :param total: None: not known, so that no time left can be told.
        :param out: what the bar is drawn on; the command's other lines must go there, too, if it is
            a terminal. Default: standard error.
        :param shown: False: the output itself scrolls by.
        """
        self._out = out or console(error=True)
        self._shown = shown and self._out.is_terminal
        self._began = time.monotonic()
        self._bar: Bar | None = None
        self._task = TaskID(0)
        self.what, self.total, self.done = what, total, 0

    def __exit__(self, *_: object) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()

    def advance(self, number: int = 1) -> None:
        """Note that some more are done."""
        self.reached(self.done + number)

    def reached(self, done: int, total: int | None = None) -> None:
        """Note how many are done, and of how many if that has become known."""
        self.done, self.total = done, self.total if total is None else total
        if not self._shown:
            return
        if self._bar is None and self._seconds() >= AFTER:
            self._draw()
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=self.total)

    def _seconds(self) -> float:
        return time.monotonic() - self._began

    def _draw(self) -> None:
        bar = Bar(
            TextColumn("{task.description}"), BarColumn(), _Counted(), _Rate(), _Left(),
            console=self._out, transient=True, redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip
        self._task = bar.add_task(said(self.what), total=self.total, seconds=self._seconds)
        bar.start()
        self._bar = bar
