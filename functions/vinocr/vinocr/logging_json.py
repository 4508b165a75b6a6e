"""Logs as JSON lines on standard error: one line per event, no image, URL query or secret.

Callers pass only what may be seen; nothing here is handed a request, so nothing can leak by
being forgotten.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import sys
import traceback
from pathlib import Path
from typing import Any


def event(name: str, **facts: Any) -> None:
    """Write one line: time (UTC), event name, and the facts that are not None."""
    line = {
        "time": dt.datetime.now(dt.timezone.utc).isoformat(timespec="milliseconds"),
        "event": name,
    } | {key: value for key, value in facts.items() if value is not None}
    sys.stderr.write(json.dumps(line, default=str) + "\n")
    sys.stderr.flush()


def where(error: BaseException) -> str:
    """Return an error's type and place, without its message, which may quote the caller's data."""
    frames = traceback.extract_tb(error.__traceback__)
    place = " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in reversed(frames))
    return f"{type(error).__name__} at {place}"


class JsonHandler(logging.Handler):
    """Puts the server library's own log records into the same form, exceptions without messages."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        error = record.exc_info[1] if record.exc_info else None
        event(
            "server",
            level=record.levelname.lower(),
            text=record.getMessage(),
            error=where(error) if error else None,
        )


def setup(level: int = logging.WARNING) -> None:
    """Send the records of uvicorn and of warnings through `JsonHandler`, and nowhere else."""
    root = logging.getLogger()
    root.handlers[:] = [JsonHandler()]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    logging.getLogger("uvicorn.access").propagate = False
