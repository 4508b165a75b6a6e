"""What libraries log: no more than warnings, and no secret in them.

SCF's runtime gives every logger a handler that prints at level DEBUG, and there urllib3 quotes the
URLs that it asks for, signature and token included, and Tencent's SDK its signed headers. On any
platform a warning may quote a URL, too.
"""

from __future__ import annotations

import logging

from vindrop.redact import redact


class _Redacting(logging.Filter):
    """Cuts secrets out of a record, whoever wrote it."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if record.exc_info and record.exc_info[0] is not None:  # a traceback quotes what it likes
            text = f"{text} ({record.exc_info[0].__name__})"
        record.msg, record.args, record.exc_info, record.exc_text = redact(text), (), None, None
        return True


_filter = _Redacting()


def hush() -> None:
    """Hold back what libraries log. Called at every invocation: a runtime may add handlers late."""
    root = logging.getLogger()
    if root.level < logging.WARNING:
        root.setLevel(logging.WARNING)
    for handler in (*root.handlers, logging.lastResort):
        if handler is not None and _filter not in handler.filters:
            handler.addFilter(_filter)
