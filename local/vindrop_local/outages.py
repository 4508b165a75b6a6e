"""What `vindrop up` says while a recognizer cannot be asked: calls that fail, and open circuits."""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from vindrop.core.ledger import OpenCircuit
from vindrop.domain import error_codes
from vindrop_local.platform import LogLine

AGAIN: Final = 60.0
"""Seconds in which the same recognizer is not named twice."""
_GOES_ON: Final = "The others go on, and what they are not sure of waits"


def accounts(settings: Mapping[str, str]) -> dict[str, str]:
    """Return account → name of the recognizers of ``VINDROP_RECOGNIZERS``, where there are several.

    An account that several of them share belongs to none of them alone.
    """
    text = settings.get("VINDROP_RECOGNIZERS", "").strip()
    if not text:
        return {}
    from vindrop.domain import engines

    try:
        found = engines.parse(text)
    except engines.EngineError:  # the settings say it, in one sentence
        return {}
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

    def __init__(self, *, several: bool, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with none.

        :param several: whether there are other recognizers that go on.
        """
        self._several, self._clock = several, clock
        self._lines: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._away: set[str] = set()
        """Recognizers that were named, and have not answered since."""
        self._named: dict[str, float] = {}
        """Recognizer → when it was named last; an empty name: the only one."""

    def __call__(self, line: LogLine) -> None:
        """Take a line that a function logged."""
        if '"recognizer_asked"' not in line.text and '"retry_scheduled"' not in line.text:
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
        code, name = str(found.get("code") or ""), str(found.get("recognizer") or "")
        if (found.get("event") == "recognizer_asked") != self._several:
            return  # of several, those who were asked tell it by name
        rule = error_codes.rule(code) if code else None
        if rule is None or rule.disposition.is_final:
            if name in self._away:
                self._away.remove(name)
                yield f"{name} answers again", "green"
            return
        now = self._clock()
        passes = rule.passing and not rule.busy and not rule.rate_refusal
        if not passes or name in self._away or now - self._named.get(name, -AGAIN) < AGAIN:
            return
        self._named[name] = now
        if not self._several:
            yield f"a photo waits, and is tried again by itself: {code}", "yellow"
            return
        self._away.add(name)
        yield f"{name} cannot be asked: {code}. {_GOES_ON}. It is tried again by itself", "yellow"


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
