"""Logs as JSON, one line each, that join to the platform's request id and VinOCR's RequestId.

Fields are named one by one; nothing takes a payload, a header or a URL. Sentences from elsewhere
pass `redact`.

Metrics are numbers in those lines. On Lambda a line says so itself (CloudWatch's embedded metric
format), elsewhere its field ``metric`` lists which of its fields they are, for a log service to
add up.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Final, Literal

from vindrop.domain.redaction import redact

Level = Literal["debug", "info", "warning", "error"]
NAMESPACE: Final = "vindrop"
"""Of the metrics in CloudWatch."""
_ORDER: Final = {"debug": 0, "info": 1, "warning": 2, "error": 3}
_bound: ContextVar[dict[str, object] | None] = ContextVar("vindrop_log_fields", default=None)
_measures: ContextVar[dict[str, float] | None] = ContextVar("vindrop_measures", default=None)
_lock = threading.Lock()
_least: Level = "info"
_to_standard_error = False
_teller: Callable[[Mapping[str, object]], None] | None = None


def set_level(level: Level) -> None:
    """Write lines of ``level`` and more severe ones only, and those that carry metrics."""
    global _least  # noqa: PLW0603  # one level for the process, set once at its start
    _least = level


def log_to_standard_error(teller: Callable[[Mapping[str, object]], None] | None = None) -> None:
    """Write lines to standard error: the standard output of a command is its answer.

    :param teller: is handed the fields of each line of the level, redacted, and tells them a person
        who looks: no line is written then, and no metric.
    """
    global _to_standard_error, _teller  # one place for the process, set once at its start
    _to_standard_error, _teller = True, teller


@contextlib.contextmanager
def bind(**fields: object) -> Iterator[None]:
    """Add ``fields`` to every line logged inside the block."""
    token = _bound.set({**(_bound.get() or {}), **fields})
    try:
        yield
    finally:
        _bound.reset(token)


@contextlib.contextmanager
def measuring() -> Iterator[dict[str, float]]:
    """Gather what is counted inside the block."""
    measures: dict[str, float] = {}
    token = _measures.set(measures)
    try:
        yield measures
    finally:
        _measures.reset(token)


def count(name: str) -> None:
    """Count one more ``name``, where somebody gathers; its log line will carry it."""
    measures = _measures.get()
    if measures is not None:
        measures[name] = measures.get(name, 0) + 1


def log(
    event: str,
    *,
    level: Level = "info",
    metrics: Mapping[str, float] | None = None,
    by: str = "",
    **fields: object,
) -> None:
    """Write one line.

    :param event: what happened, as a snake_case name that never varies.
    :param metrics: name → value; a name that ends in ``seconds`` is a time, any other a count.
    :param by: name of the field by whose values the first metric is told apart.
    """
    if _ORDER[level] < _ORDER[_least] and (not metrics or _teller is not None):
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
    if _teller is not None:
        _teller(text)
        return
    if metrics:
        text |= _embedded(text, metrics, by)
    written = json.dumps(text, ensure_ascii=False, default=str)
    with _lock:
        # Half a character from a broken payload must not cost the line.
        stream = sys.stderr if _to_standard_error else sys.stdout
        stream.write(written.encode("utf-8", "backslashreplace").decode() + "\n")
        stream.flush()


def _embedded(
    text: Mapping[str, object], metrics: Mapping[str, float], by: str
) -> dict[str, object]:
    """Return the fields that make a line a metric (CloudWatch embedded metric format, 2023)."""
    function = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
    if not function:
        return {"metric": list(metrics), **metrics}
    first = next(iter(metrics))
    directives = [_directive(["function"], metrics)]
    if text.get(by):
        directives.append(_directive(["function", by], {first: metrics[first]}))
    return {
        "function": function,
        **metrics,
        "_aws": {"Timestamp": round(time.time() * 1000), "CloudWatchMetrics": directives},
    }


def _directive(dimensions: list[str], metrics: Mapping[str, float]) -> dict[str, object]:
    return {
        "Namespace": NAMESPACE,
        "Dimensions": [dimensions],
        "Metrics": [
            {"Name": name, "Unit": "Seconds" if name.endswith("seconds") else "Count"}
            for name in metrics
        ],
    }


class _Redacting(logging.Filter):
    """Cuts secrets out of a record, whoever wrote it."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if record.exc_info and record.exc_info[0] is not None:  # a traceback quotes what it likes
            text = f"{text} ({record.exc_info[0].__name__})"
        record.msg, record.args, record.exc_info, record.exc_text = redact(text), (), None, None
        return True


_filter = _Redacting()


def quiet_libraries() -> None:
    """Let libraries log warnings only, redacted. Called at every invocation: a runtime may add handlers late.

    SCF's runtime gives every logger a handler that prints at level DEBUG, and there urllib3 quotes
    the URLs that it asks for, signature and token included, and Tencent's SDK its signed headers.
    """
    root = logging.getLogger()
    if root.level < logging.WARNING:
        root.setLevel(logging.WARNING)
    for handler in (*root.handlers, logging.lastResort):
        if handler is not None and _filter not in handler.filters:
            handler.addFilter(_filter)
