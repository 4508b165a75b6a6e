"""The settings of a cascade in the user's environment, handed on to what the command line starts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from vindrop_local.errors import UserError

if TYPE_CHECKING:
    from vindrop.settings import Settings

NAMES: Final = (
    "VINDROP_RECOGNIZERS",
    "VINDROP_RECOGNIZER_KEYS",
    "VINDROP_CASCADE",
    "VINDROP_CASCADE_WAIT",
    "VINDROP_SURE",
    "VINDROP_VINOCR_SECRET_ID",
    "VINDROP_VINOCR_SECRET_KEY",
)
"""What says who is asked, and when an answer is enough."""
_ALONE: Final = NAMES[1:5]
"""Those that nothing heeds without the first."""


def of_cascade(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the cascade's settings, and none where ``VINDROP_RECOGNIZERS`` names no recognizer.

    Keys that are named by their variables (``keys=OWN``) go along.

    :raises UserError: without recognizers, a setting is given that only they heed.
    """
    given = os.environ if environment is None else environment
    text = given.get("VINDROP_RECOGNIZERS", "").strip()
    if not text:
        _check_alone(given)
        return {}
    from vindrop.domain import engines

    found = {name: given[name] for name in NAMES if given.get(name)}
    try:
        named = engines.parse(text)
    except engines.EngineError:  # the settings say it, in one sentence
        return found
    for engine in named:
        for name in (f"{engine.keys}_SECRET_ID", f"{engine.keys}_SECRET_KEY"):
            if engine.keys and given.get(name):
                found[name] = given[name]
    return found


def check(settings: Settings, environment: Mapping[str, str]) -> None:
    """Check that what ``VINDROP_RECOGNIZERS`` names can be asked from here, before anything starts.

    A function's keys may be those of its execution role. On this machine there is none.

    :param environment: where keys are read.
    :raises UserError: a recognizer has no keys, or keys that cannot be.
    :raises StoreSettingError: ``inprocess:`` is named, and its package is not installed.
    """
    if not settings.recognizers:
        return
    from vindrop.domain.failures import FailureError
    from vindrop.recognizers.engines import wires
    from vindrop.recognizers.inprocess import InProcess

    for _, _, client in wires(settings, environment):
        if client is None:
            InProcess()
            continue
        try:
            client.credentials()
        except FailureError as error:
            raise UserError(error.failure.message) from None


def _check_alone(given: Mapping[str, str]) -> None:
    told = {name: given[name] for name in _ALONE if given.get(name)}
    if not told:
        return
    from vindrop import settings

    needed = {"VINDROP_RESULTS": "-", "VINDROP_DEAD_LETTERS": "-", "VINDROP_LEDGER": "none"}
    try:
        settings.load({**needed, **told})
    except settings.SettingsError as error:
        raise UserError(str(error)) from None
