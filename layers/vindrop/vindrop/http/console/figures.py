"""The overview's figures: as plots drawn in the page, and as JSON for programs."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import json
import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

from vindrop.core.console import Day, Overview
from vindrop.core.ledger import OpenCircuit
from vindrop.core.rate_limiter import Rate
from vindrop.core.store_errors import StoreError
from vindrop.domain import engines as named
from vindrop.domain.recognition import TENCENT
from vindrop.http.console import parts, plots, templates
from vindrop.http.console.asked import Asked
from vindrop.http.response import Response

VERDICTS: Final = ("verified", "reviewed", "plausible", "doubtful")
_MOST_CODES: Final = 8


def get(asked: Asked) -> Response:
    """Answer with the figures as JSON."""
    found = parts.console(asked).overview(asked.number("days", 30, 366))
    data = as_data(found, guards(asked, found))
    return Response(200, json.dumps(data, ensure_ascii=False), {"Content-Type": "application/json"})


def events(asked: Asked) -> Response:
    """Answer that nothing is sent by itself here: a function's answer ends. The page polls instead.

    On a laptop the server before the function answers this address (`vindrop_local.front`).
    """
    del asked
    return Response(204)


@dataclasses.dataclass(frozen=True, slots=True)
class Guard:
    """What stands before one recognizer's calls, as it is now."""

    name: str
    """Empty where there is only one recognizer."""
    circuit: OpenCircuit | None
    rate: Rate | None

    @property
    def unlimited(self) -> bool:
        """Whether no rate is set and none was named."""
        return self.rate is not None and math.isinf(self.rate.per_second)

    def as_data(self) -> dict[str, Any]:
        """Return it, ready for JSON: no rate at all is null there."""
        rate = None
        if self.rate is not None:
            per_second = None if self.unlimited else self.rate.per_second
            rate = {"per_second": per_second, "ahead": self.rate.ahead}
        return {
            "name": self.name,
            "circuit": "open" if self.circuit else "closed",
            "circuit_code": self.circuit.failure.code if self.circuit else None,
            "rate": rate,
        }


def guards(asked: Asked, overview: Overview) -> list[Guard]:
    """Return circuit breaker and rate limiter of each recognizer: of several, each has its own."""
    engines = asked.open_app().engines
    if not engines:
        return [Guard("", overview.circuit, overview.rate)]
    found = []
    for each in engines:
        try:
            rate = each.rate_limiter.now()
        except StoreError:
            rate = None
        found.append(Guard(each.name, each.ledger.circuit(None), rate))
    return found


def unbilled(asked: Asked) -> frozenset[str]:
    """Return the recognizers whose calls nobody bills: the ledger counts them with the others."""
    text = asked.settings.recognizers
    return named.unbilled(named.parse(text)) if text else frozenset()


def is_own(asked: Asked) -> bool:
    """Whether the one VinOCR is one's own, whose calls cost nothing: of several see `unbilled`."""
    settings = asked.settings
    if settings.recognizers or settings.price_per_call:
        return False
    return not settings.vinocr_host.partition(":")[0].endswith(TENCENT)


def as_data(overview: Overview, guarded: Sequence[Guard]) -> dict[str, Any]:
    """Return the figures, ready for JSON."""
    found: dict[str, Any] = json.loads(
        json.dumps(dataclasses.asdict(_plain(overview)), default=_written)
    )
    each_guard = [each.as_data() for each in guarded]
    worst = next((each for each in each_guard if each["circuit"] == "open"), each_guard[0])
    found |= {name: worst[name] for name in ("circuit", "circuit_code", "rate")}
    found["recognizers"] = each_guard
    found["waiting"] = {
        state: {"uploads": each.uploads, "oldest_seconds": each.oldest}
        for state, each in overview.waiting.items()
    }
    return found


def _plain(overview: Overview) -> Overview:
    return dataclasses.replace(overview, circuit=None, rate=None, waiting={})


def _written(value: object) -> Any:
    if isinstance(value, dt.date):
        return value.isoformat()
    fields = getattr(value, "__struct_fields__", ())
    return {name: getattr(value, name) for name in fields}


def shown(asked: Asked, days: int) -> dict[str, Any]:
    """Return what the page shows of the last ``days`` days."""
    found = parts.console(asked).overview(days)
    all_days = found.days
    codes = Counter[str]()
    for day in all_days:
        codes.update(day.dead_letters)
    language = templates.language_of(asked)
    say = functools.partial(templates.say, language)
    says: dict[str, Any] = {
        "named": lambda kind: say(f"kind.{kind}"),
        "comma": "，" if language == "zh" else ", ",
    }
    free, own = sorted(unbilled(asked)), is_own(asked)
    has_cost = any(day.cost is not None for day in all_days)
    return {
        "found": found,
        "guards": guards(asked, found),
        "today": all_days[-1],
        "codes": codes.most_common(_MOST_CODES),
        "more_codes": max(len(codes) - _MOST_CODES, 0),
        "most_code": max(codes.values(), default=1),
        "totals": _totals(all_days),
        "has_cost": has_cost,
        "results": plots.stacked(all_days, _layers(all_days), **says),
        "unbilled": free,
        "own": own,
        "bills": plots.stacked(
            all_days,
            [("answered" if free or own else "billed", [day.billed for day in all_days])],
            **says,
        ),
        "times": plots.lines(
            all_days,
            [
                ("median", [day.median_seconds for day in all_days]),
                ("p95", [day.p95_seconds for day in all_days]),
            ],
            **says,
            unit=say("overview.second_unit"),
        ),
        "waiting": sorted(found.waiting.items()),
        "waiting_uploads": sum(each.uploads for each in found.waiting.values()),
        "waiting_since": max((each.oldest for each in found.waiting.values()), default=None),
    }


def _totals(days: Sequence[Day]) -> dict[str, Any]:
    def total(value: Callable[[Day], float]) -> float:
        return sum(map(value, days))

    costs = [day.cost for day in days if day.cost is not None]
    return {
        "uploads": total(lambda day: day.uploads),
        "readings": total(lambda day: sum(day.readings.values())),
        "dead_letters": total(lambda day: sum(day.dead_letters.values())),
        "billed": total(lambda day: day.billed),
        "maybe_billed": total(lambda day: day.maybe_billed),
        "cost": sum(costs) if costs else None,
        "reviewed": total(lambda day: day.reviewed),
    }


def _layers(days: Sequence[Day]) -> list[tuple[str, list[int]]]:
    verdicts = [(verdict, [day.readings.get(verdict, 0) for day in days]) for verdict in VERDICTS]
    dead = [sum(day.dead_letters.values()) for day in days]
    return [*verdicts, ("dead", dead), ("waiting", [day.waiting for day in days])]
