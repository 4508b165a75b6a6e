"""W3C trace context: taken from whatever brought an upload, passed on to VinOCR and the record.

A trace is never begun here: without one in the trigger, the ids of upload, platform and VinOCR
join the logs as they are.
"""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Final

from vindrop.telemetry import bind

# Texts, which `re` compiles when they are first needed: not while a function starts.
_W3C: Final = r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
_XRAY_ROOT: Final = r"(?i)(?:^|;)\s*Root=1-([0-9a-f]{8})-([0-9a-f]{24})(?=;|$)"
_XRAY_PARENT: Final = r"(?i)(?:^|;)\s*Parent=([0-9a-f]{16})(?=;|$)"
_current: ContextVar[str | None] = ContextVar("vindrop_traceparent", default=None)


def traceparent(value: object) -> str | None:
    """Return ``value`` as a traceparent (https://www.w3.org/TR/trace-context/), or None: it is none.

    X-Ray's header (``Root=1-…;Parent=…;Sampled=1``) is written as the same trace in W3C's words.
    """
    if not isinstance(value, str) or len(value) > 256:
        return None
    text = value.strip().lower()
    if re.fullmatch(_W3C, text):
        return text
    root, parent = re.search(_XRAY_ROOT, text), re.search(_XRAY_PARENT, text)
    if root is None or parent is None:
        return None
    flags = "01" if "sampled=1" in text else "00"
    return traceparent(f"00-{root[1]}{root[2]}-{parent[1]}-{flags}")


def first(*values: object) -> str | None:
    """Return the first of ``values`` that is a trace context."""
    return next((found for found in map(traceparent, values) if found), None)


@contextlib.contextmanager
def follow(parent: str | None) -> Iterator[None]:
    """Work inside the trace ``parent`` (a traceparent), as a span of its own; None changes nothing."""
    if parent is None:
        yield
        return
    _, trace_id, _, flags = parent.split("-")
    token = _current.set(f"00-{trace_id}-{secrets.token_hex(8)}-{flags}")
    try:
        with bind(trace_id=trace_id):
            yield
    finally:
        _current.reset(token)


def current() -> str | None:
    """Return the traceparent that goes out with what is done here."""
    return _current.get()


def current_id() -> str | None:
    """Return the trace's id: 32 hexadecimal digits, what VinOCR gets as X-TC-TraceId."""
    found = _current.get()
    return found.split("-")[1] if found else None
