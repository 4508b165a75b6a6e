"""Logs as JSON, one line each, that join to the platform's request id and VinOCR's RequestId.

Fields are named one by one; nothing takes a payload, a header or a URL. Sentences from elsewhere
pass `redact`.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Final, Literal

from vindrop.redact import redact

Level = Literal["debug", "info", "warning", "error"]
_ORDER: Final = {"debug": 0, "info": 1, "warning": 2, "error": 3}
_bound: ContextVar[dict[str, object] | None] = ContextVar("vindrop_log_fields", default=None)
_least: Level = "info"


def set_level(level: Level) -> None:
    """Write lines of ``level`` and more severe ones only."""
    global _least  # noqa: PLW0603  # one level for the process, set once at its start
    _least = level


@contextlib.contextmanager
def bind(**fields: object) -> Iterator[None]:
    """Add ``fields`` to every line logged inside the block."""
    token = _bound.set({**(_bound.get() or {}), **fields})
    try:
        yield
    finally:
        _bound.reset(token)


def log(event: str, *, level: Level = "info", **fields: object) -> None:
    """Write one line.

    :param event: what happened, as a snake_case name that never varies.
    """
    if _ORDER[level] < _ORDER[_least]:
        return
    line: dict[str, object] = {
        "time": dt.datetime.now(dt.timezone.utc).isoformat(timespec="milliseconds"),
        "level": level,
        "event": event,
        **(_bound.get() or {}),
        **fields,
    }
    text = {
        name: redact(v) if isinstance(v, str) else v for name, v in line.items() if v is not None
    }
    sys.stdout.write(json.dumps(text, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()
