"""The parts of the app that only the console needs, opened when one of its pages is asked for."""

from __future__ import annotations

from vindrop.core.console import Console
from vindrop.core.review import Reviewer
from vindrop.http.console.asked import Asked


def console(asked: Asked) -> Console:
    """Return what lists uploads and counts them.

    :raises ConsoleUnavailableError: there is no ledger to look into.
    """
    return asked.open_app().console()[0]


def reviewer(asked: Asked) -> Reviewer:
    """Return what takes decisions.

    :raises ConsoleUnavailableError: there is no ledger that could keep them.
    """
    return asked.open_app().console()[1]
