"""How people see what `vindrop stats` counted: one figure a line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from vindrop_local.commands import sources
from vindrop_local.language import colon, said

WHEN: Final = ("today", "this_month", "last_month")
"""The spans that calls and costs are told of."""


def lines(
    report: dict[str, Any],
    free: Sequence[str] = (),
    *,
    known: bool = True,
    left_out: bool = False,
    own: bool = False,
) -> Iterable[tuple[str, object]]:
    """Yield each line's title and figure.

    :param free: of several recognizers, those whose calls nobody bills.
    :param known: whether it is known whose calls cost what; else calls were answered, by whomever.
    :param own: the one VinOCR is one's own: its calls were answered, and nobody bills them.
    :param left_out: no ledger was asked, though records were.
    """
    for title, group in (("uploads", "uploads"), ("readings", "readings"), ("", "dead_letters")):
        for name, number in report[group].items():
            yield f"{said(title or 'dead letters')}{colon()}{said(name)}", number
        if group == "uploads" and left_out:
            yield "uploads", "--ledger URL shows them"
        elif not report[group]:
            yield title or "dead letters", 0
    yield from _calls(report, free, known=known, own=own)
    if not own:
        yield from _costs(report, known=known)
    if report["overview"] is not None:
        yield from _overview_lines(report["overview"])


def _calls(
    report: dict[str, Any], free: Sequence[str], *, known: bool, own: bool
) -> Iterable[tuple[str, object]]:
    not_billed = report.get("not_billed", {})
    verb = "billed" if known and not own else "answered"
    for name, when in (*((f" {each.replace('_', ' ')}", each) for each in WHEN), ("", "all")):
        counted = report["billed" if when == "all" else f"billed_{when}"]
        yield f"calls {verb}{name}", counted - not_billed.get(when, 0)
    if own:
        yield "calls billed", "none: VinOCR is your own"
        return
    yield "calls maybe billed", report["maybe_billed"]
    for who, found in report.get("recognizers", {}).items():
        if who in free:
            yield f"calls answered by {who}, not billed", found["billed"]
        else:
            yield f"calls {verb} by {who}", found["billed"]


def _costs(report: dict[str, Any], *, known: bool) -> Iterable[tuple[str, object]]:
    for name in (f"cost_{when}" for when in WHEN):
        if report[name] is None:
            say = f"set {sources.PRICE} or --price"
            yield "cost", say if known else "set VINDROP_RECOGNIZERS: each has a price of its own"
            break
        yield name.replace("_", " "), f"{report[name]:,.2f}"
        for who, found in report.get("recognizers", {}).items():
            yield f"{name.replace('_', ' ')} by {who}", f"{found[name]:,.2f}"


def _overview_lines(found: dict[str, Any]) -> Iterable[tuple[str, object]]:
    for name, number in found["to_review"].items():
        yield f"{said('to review')}{colon()}{said(name.replace('_', ' '))}", number
    for state, each in found["waiting"].items():
        yield (
            f"{said('waiting')}{colon()}{said(state)}",
            f"{each['uploads']}, oldest {each['oldest_seconds']:.0f} s",
        )
    total = found["total"]
    if total["median_seconds"] is not None:
        yield "seconds to a reading: median", f"{total['median_seconds']:.1f}"
        yield "seconds to a reading: 95 %", f"{total['p95_seconds']:.1f}"
    circuit = found["circuit"]
    is_open = circuit != "closed"
    yield "circuit breaker", f"{said('open')}{colon()}{circuit}" if is_open else circuit
