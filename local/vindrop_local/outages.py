"""What `vindrop up` says while a recognizer cannot be asked: calls that fail, and open circuits."""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from vindrop.core.ledger import OpenCircuit
from vindrop.domain import error_codes
from vindrop_local.platform import LogLine

if TYPE_CHECKING:
    from vindrop.domain.engines import Engine

ONLY: Final = "VinOCR"
"""What the recognizer is called where ``VINDROP_RECOGNIZERS`` names none."""
_TOLD_BY: Final = ("recognizer_asked", "retry_scheduled", "reading", "dead_letter")
"""Events that say whether a recognizer could be asked."""
_NOT_OURS: Final = (error_codes.BROKEN_ANSWER,)
"""Codes of vindrop's that are about the recognizer's answer, not about the bucket or the ledger."""
AGAIN: Final = 60.0
"""Seconds in which the same recognizer is not named twice."""
_GOES_ON: Final = "The others go on, and what they are not sure of waits"


def recognizers(settings: Mapping[str, str]) -> tuple[Engine, ...]:
    """Return those of ``VINDROP_RECOGNIZERS``; none where it is not set."""
    text = settings.get("VINDROP_RECOGNIZERS", "").strip()
    if not text:
        return ()
    from vindrop.domain import engines

    try:
        return engines.parse(text)
    except engines.EngineError:  # the settings say it, in one sentence
        return ()


def accounts(settings: Mapping[str, str]) -> dict[str, str]:
    """Return account → name of the recognizers of ``VINDROP_RECOGNIZERS``, where there are several.

    An account that several of them share belongs to none of them alone.
    """
    found = recognizers(settings)
    if len(found) < 2:
        return {}
    names = [each.account or f"vinocr.{each.name}" for each in found]
    return {
        account: each.name
        for account, each in zip(names, found, strict=True)
        if names.count(account) == 1
    }


class Outages:
    """Recognizers that could not be asked, from what the functions log. Any thread may tell it a line."""

    def __init__(
        self, names: Sequence[str], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin with none.

        :param names: of the recognizers of ``VINDROP_RECOGNIZERS``; empty: there is VinOCR alone.
        """
        self._several = len(names) > 1
        self._only, self._clock = names[0] if names else ONLY, clock
        self._lines: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._away: set[str] = set()
        """Recognizers that were named, and have not answered since."""
        self._named: dict[str, float] = {}
        """Recognizer, or code, → when it was named last."""

    def __call__(self, line: LogLine) -> None:
        """Take a line that a function logged."""
        if not any(f'"{each}"' in line.text for each in _TOLD_BY):
            return
        try:
            found = json.loads(line.text)
        except ValueError:
            return
        if isinstance(found, dict):
            self._lines.put(found)

    def changes(self) -> Iterator[tuple[str, str]]:
        """Yield a line, and its style, for each that is away since the last call, or is back."""
        while True:
            try:
                found = self._lines.get_nowait()
            except queue.Empty:
                return
            yield from self._of(found)

    def _of(self, found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        event, code = found.get("event"), str(found.get("code") or "")
        if (event == "recognizer_asked") != self._several:
            return  # of several, those who were asked tell it by name
        name = str(found.get("recognizer") or "") if self._several else self._only
        rule = error_codes.rule(code) if code else None
        if rule is None or rule.disposition.is_final:
            # What ended without a call says nothing of who would have been asked.
            asked = self._several or found.get("vinocr_request_id")
            if asked and found.get("new", True) and name in self._away:
                self._away.remove(name)
                yield f"{name} answers again", "green"
            return
        if not rule.passing or rule.busy or rule.rate_refusal:
            return
        photo = str(found.get("key") or "")
        if code.startswith("Vindrop.") and code not in _NOT_OURS:
            if self._is_new(code):
                yield f"{photo} waits, and is tried again by itself: {code}", "yellow"
        elif name not in self._away and self._is_new(name):
            self._away.add(name)
            waits = f"{_GOES_ON}. It is" if self._several else f"{photo} waits, and is"
            yield f"{name} cannot be asked: {code}. {waits} tried again by itself", "yellow"

    def _is_new(self, name: str) -> bool:
        """Whether it was not named within `AGAIN`; it is now."""
        now = self._clock()
        if now - self._named.get(name, -AGAIN) < AGAIN:
            return False
        self._named[name] = now
        return True


class Circuits:
    """Circuit breakers, as they open and close."""

    def __init__(
        self,
        ask: Callable[[], dict[str, OpenCircuit]],
        names: Mapping[str, str] | None = None,
    ) -> None:
        """Begin with all of them closed.

        :param names: account → recognizer, where there are several.
        """
        self._ask, self._names = ask, names or {}
        self._open: dict[str, OpenCircuit] = {}

    def changes(self) -> Iterator[tuple[str, str]]:
        """Yield a line, and its style, for each that has opened or closed since the last call."""
        now = self._ask()
        for account, circuit in now.items():
            if account not in self._open:
                yield self._opened(account, circuit), "bold red"
        for account in self._open.keys() - now.keys():
            name = self._names.get(account)
            if name:
                yield f"calls to {name} are made again", "green"
            else:
                yield f"calls are made again ({account})", "green"
        self._open = now

    def _opened(self, account: str, circuit: OpenCircuit) -> str:
        failure, name = circuit.failure, self._names.get(account)
        if name:
            return (
                f"no calls are made to {name}: {failure.code}: {failure.message}. {_GOES_ON}. "
                f"It is tried again by itself, in {circuit.probe_in:.0f} s first"
            )
        return (
            f"no calls are made, and photos wait: {failure.code}: {failure.message} "
            f"({account}). It is tried again by itself, in {circuit.probe_in:.0f} s first"
        )
