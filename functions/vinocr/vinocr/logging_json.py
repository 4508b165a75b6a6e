"""Logs as JSON lines on standard error: one line per event, without image, URL query or secret.

Callers pass only what may be logged; no function here takes a request.
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
    now = dt.datetime.now(dt.timezone.utc).isoformat(timespec="milliseconds")
    line = {"time": now, "event": name}
    line |= {key: value for key, value in facts.items() if value is not None}
    sys.stderr.write(json.dumps(line, default=str) + "\n")
    sys.stderr.flush()


def where(error: BaseException) -> str:
    """Return an error's type and place, without its message, which may quote the caller's data."""
    frames = traceback.extract_tb(error.__traceback__)
    place = " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in reversed(frames))
    return f"{type(error).__name__} at {place}"


class JsonHandler(logging.Handler):
    """Writes uvicorn's log records in the same form, exceptions without their messages."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        error = where(record.exc_info[1]) if record.exc_info and record.exc_info[1] else None
        event("server", level=record.levelname.lower(), text=record.getMessage(), error=error)


def setup() -> None:
    """Send warnings and errors of every logger through `JsonHandler`, and nowhere else."""
    logging.basicConfig(level=logging.WARNING, handlers=[JsonHandler()], force=True)
    # That a request is malformed is logged with its client, as `malformed_request`.
    logging.getLogger("uvicorn.error").addFilter(
        lambda record: record.msg != "Invalid HTTP request received."
    )
