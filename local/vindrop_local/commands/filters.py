"""Which uploads: the options that `vindrop uploads`, `review` and `export` share."""

from __future__ import annotations

import datetime as dt
import inspect
import re
from collections.abc import Callable
from typing import Annotated, Any, Final, get_type_hints

import typer

from vindrop.core.console import Filter
from vindrop_local.errors import UserError

_AGO: Final = re.compile(r"(\d{1,6})([mhd])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
_MOMENT: Final = "90m, 12h, 3d, 2026-11-22 or 2026-11-22T10:00"
_OPTIONS: Final[dict[str, str]] = {
    "vin": "A VIN, or a part of it (at least 3 characters).",
    "photo": "How the object key begins, or the photo's name.",
    "bucket": "Only of this bucket.",
    "reference": "How the stock or order number begins.",
    "since": f"First seen since: {_MOMENT} (UTC).",
    "until": f"First seen before: {_MOMENT} (UTC).",
    "verdict": "verified, plausible, doubtful, or reviewed (a person gave the VIN).",
    "code": "An error code, or how codes begin, up to a dot.",
    "maker": "Only of this maker, as readings have it.",
    "state": "claimed, parked, answered, failed, delivered, dead; waiting or ended.",
}
_STATES: Final = frozenset(
    ("", "claimed", "parked", "answered", "failed", "delivered", "dead", "waiting", "ended")
)
_VERDICTS: Final = frozenset(("", "verified", "plausible", "doubtful", "reviewed"))


def filtered(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command that takes ``chosen`` have an option for each part of the filter."""
    hints = get_type_hints(command, include_extras=True)
    own = [
        parameter.replace(annotation=hints[name])
        for name, parameter in inspect.signature(command).parameters.items()
        if name != "chosen"
    ]
    added = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default="",
            annotation=Annotated[str, typer.Option(f"--{name}", help=text)],
        )
        for name, text in _OPTIONS.items()
    ]

    def run(**given: Any) -> None:
        parts = {name: given.pop(name) for name in _OPTIONS}
        command(chosen=chosen(parts), **given)

    positional = [each for each in own if each.kind is not inspect.Parameter.KEYWORD_ONLY]
    named = [each for each in own if each.kind is inspect.Parameter.KEYWORD_ONLY]
    run.__signature__ = inspect.Signature([*positional, *added, *named])  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in (*positional, *added, *named)}
    run.__doc__, run.__name__ = command.__doc__, command.__name__
    return run


def chosen(parts: dict[str, str]) -> Filter:
    """Return the filter that options name.

    :raises UserError: one of them cannot be meant.
    """
    if parts["state"] not in _STATES:
        raise UserError(f"--state {parts['state']}: it takes {', '.join(sorted(_STATES - {''}))}")
    if parts["verdict"] not in _VERDICTS:
        raise UserError(
            f"--verdict {parts['verdict']}: it takes {', '.join(sorted(_VERDICTS - {''}))}"
        )
    moments = {name: moment(parts[name], name) for name in ("since", "until")}
    try:
        return Filter(**{**parts, **moments})  # type: ignore[arg-type]  # the moments are moments
    except ValueError as error:
        raise UserError(f"--vin {parts['vin']}: {error}") from None


def moment(text: str, option: str) -> dt.datetime | None:
    """Return the moment that an option names; None for an empty one.

    :raises UserError: it names none.
    """
    if not text:
        return None
    ago = _AGO.fullmatch(text)
    now = dt.datetime.now(dt.timezone.utc)
    try:
        if ago:
            return now - dt.timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        found = dt.datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise UserError(f"--{option} is {text}: write {_MOMENT}") from None
    return found if found.tzinfo else found.replace(tzinfo=dt.timezone.utc)
