"""Where functions' lines go unless the caller takes them: one file each, two of 5 MB at most."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

from vindrop_local.platform.spec import LogLine

_BYTES: Final = 5 * 1024 * 1024


class LogFiles:
    """Writes lines to ``<folder>/<function>.log``, each after its time and request id."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, RotatingFileHandler] = {}

    def __call__(self, line: LogLine) -> None:
        """Write a line. Any thread may call: the handlers have locks."""
        handler = self._files.get(line.function)
        if handler is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            handler = RotatingFileHandler(
                self._folder / f"{line.function}.log",
                maxBytes=_BYTES,
                backupCount=1,
                encoding="utf-8",
                delay=True,
            )
            handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(message)s"))
            handler = self._files.setdefault(line.function, handler)
        name = line.request_id or "-"
        handler.handle(logging.LogRecord(name, logging.INFO, "", 0, line.text, None, None))

    def close(self) -> None:
        """Close the files."""
        for handler in self._files.values():
            handler.close()
        self._files.clear()
