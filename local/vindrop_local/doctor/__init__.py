"""Looks at an installation from where it is called, and says of each part whether it would work.

It changes nothing: no table is made, no permit is taken, no photo is paid for.
The checks run in the order in which one depends on another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from vindrop import settings as settings_module
from vindrop.settings import Settings, SettingsError
from vindrop_local.doctor import buckets, stores, vinocr
from vindrop_local.doctor.finding import Finding, ok, unsure, wrong

__all__ = ["Finding", "examine"]


def examine(environment: Mapping[str, str], *, deployed: bool = False) -> Iterator[Finding]:
    """Yield what each check finds, as soon as it does.

    :param environment: settings and keys, as the function has them.
    :param deployed: they are another machine's, so keys of the role that it has cannot be here.
    """
    try:
        settings = settings_module.load(environment)
    except SettingsError as error:
        yield from _not_set(environment) or [wrong("settings", str(error))]
        if not any(name.startswith("VINDROP_") for name in environment):
            yield unsure(
                "a laptop",
                "`vindrop up` and `vindrop demo` need no settings; doctor looks at a deployment: name "
                "its settings with --env-file FILE",
            )
        yield unsure(
            "next",
            "give the function's own settings, as its deployment set them, with --env-file FILE: "
            "`vindrop help operations` says how to get that file from each cloud",
        )
        yield from _what_is_there(environment, deployed=deployed)
        return
    yield from _settings(settings)
    yield from vinocr.examine(settings, environment, deployed=deployed)
    yield from buckets.examine(settings, environment)
    yield from stores.examine(settings, environment)


def _not_set(environment: Mapping[str, str]) -> list[Finding]:
    """Return all that is missing, so that nobody mends one only to hear of the next."""
    return [
        wrong(
            "settings",
            f"{settings_module.variable(name)} is not set. {settings_module.description(field)}",
        )
        for name, field in settings_module.fields().items()
        if field.required and not environment.get(settings_module.variable(name))
    ]


_UNKNOWN: Final = "sqlite:///not-set"
"""Stands for the URL of a store that is not set: it is not looked at."""


def _what_is_there(environment: Mapping[str, str], *, deployed: bool) -> Iterator[Finding]:
    """Yield what is found of the parts whose settings are there, where others are missing."""
    missing = {
        settings_module.variable(name): _UNKNOWN
        for name, field in settings_module.fields().items()
        if field.required and not environment.get(settings_module.variable(name), "").strip()
    }
    try:
        settings = settings_module.load({**environment, **missing})
    except SettingsError:
        return  # a setting is wrong: whatever follows would only stumble over the same
    if settings.recognizers or any(name.startswith("VINDROP_VINOCR_") for name in environment):
        yield from vinocr.examine(settings, environment, deployed=deployed)
    yield from buckets.examine(settings, environment)
    yield from stores.examine(settings, environment, left_out=_UNKNOWN)


def _settings(settings: Settings) -> Iterator[Finding]:
    yield ok("settings", "all are known and of the right form")
    if settings.ledger == "none":
        yield wrong(
            "ledger",
            "VINDROP_LEDGER is none: events delivered twice are paid for twice; set it to a database",
        )
    if not settings.allowed_buckets:
        yield unsure(
            "allowed buckets",
            "VINDROP_ALLOWED_BUCKETS is empty, so photos of every bucket are read whose events arrive",
        )
    if not settings.api_keys:
        yield unsure("HTTP", "VINDROP_API_KEYS is empty: HTTP callers from outside are refused")
