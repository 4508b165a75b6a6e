"""Named steps of an upload's way through the pipeline, and an observer that is told of each.

The production code has no hooks: `observe` wraps methods of the parts of one `App`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

from vindrop.core.app import App
from vindrop.core.outcome import Outcome
from vindrop.core.rate_limiter import Permit

STEPS: Final = (
    "claimed",
    "photo",
    "permit",
    "called",
    "answered",
    "kept",
    "delivering",
    "delivered",
)
"""In order. ``called``: just before the call; ``delivering``: the destinations have the record and
the ledger does not know it yet; all others: just after."""


def observe(
    app: App, reached: Callable[[str], None], arrived: Callable[[str], None] = lambda _: None
) -> None:
    """Tell ``reached`` of every step, in the thread that comes to it. Changes ``app``'s parts.

    :param arrived: told the name of a recognizer whose answer has come, where there are several.
    """
    here = threading.local()

    def finished(outcome: Outcome) -> None:
        marked = here.__dict__.pop("marked", False)
        if marked and outcome.end in {"reading", "dead_letter"}:
            reached("delivered")

    _wrap(app.ledger, "claim", after=lambda _: reached("claimed"))
    _wrap(app.photographer, "take", after=lambda _: reached("photo"))
    parts = [(each.name, each.rate_limiter, each.recognizer) for each in app.engines]
    for name, limiter, recognizer in parts or [("", app.rate_limiter, app.recognizer)]:
        _observe_recognizer(name, limiter, recognizer, reached, arrived)
    for name in ("keep", "keep_answers"):
        _wrap(app.ledger, name, after=lambda kept: reached("kept") if kept else None)
    _wrap(app.delivery, "deliver", after=lambda _: reached("delivering"))
    _wrap(app.ledger, "delivered", after=lambda _: setattr(here, "marked", True))
    for pipeline in (app.pipeline, app.interactive):
        _wrap(pipeline, "process", after=finished)


def _observe_recognizer(
    name: str,
    limiter: object,
    recognizer: object,
    reached: Callable[[str], None],
    arrived: Callable[[str], None],
) -> None:
    def answered(_: object) -> None:
        if name:
            arrived(name)
        reached("answered")

    _wrap(
        limiter,
        "reserve",
        after=lambda found: reached("permit") if isinstance(found, Permit) else None,
    )
    _wrap(recognizer, "recognize", before=lambda: reached("called"), after=answered)


def _wrap(
    part: object,
    name: str,
    *,
    before: Callable[[], None] = lambda: None,
    after: Callable[[Any], None],
) -> None:
    method = getattr(part, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        before()
        result = method(*args, **kwargs)
        after(result)
        return result

    setattr(part, name, wrapped)
