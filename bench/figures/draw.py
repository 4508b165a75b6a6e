"""Figures → SVG, in one style: readable on white and on dark pages, in colour and in grey."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from typing import Any, Final

import matplotlib as mpl
from cycler import cycler

mpl.use("svg")
from matplotlib import pyplot as plt

COLOURS: Final = ("#2b6cb0", "#c05621", "#2f855a", "#805ad5", "#4a5568")
STYLE: Final[Any] = {
    "svg.hashsalt": "vindrop",  # the same figures give the same bytes
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 11,
    "axes.prop_cycle": cycler(color=COLOURS, linestyle=["-", "--", "-.", ":", "-"]),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "figure.figsize": (7.2, 4.0),
    "figure.constrained_layout.use": True,
}
EDGES: Final = (0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.98, 1.0)
_STEPS: Final = 100


def _svg(figure: Any) -> str:
    written = io.StringIO()
    figure.savefig(written, format="svg", metadata={"Date": None, "Creator": "bench/figures"})
    plt.close(figure)
    # matplotlib ends lines with blanks; git would point at each.
    return "\n".join(line.rstrip() for line in written.getvalue().splitlines()) + "\n"


def accuracy(found: dict[str, Any]) -> str:
    """Shares read right, read wrong and not given, over the threshold."""
    rows = found["rows"]
    at = [step / _STEPS for step in range(_STEPS + 1)]
    right = [sum(ok and sure >= x for sure, ok in rows) / len(rows) for x in at]
    wrong = [sum(not ok and sure >= x for sure, ok in rows) / len(rows) for x in at]
    figure, axes = plt.subplots()
    axes.plot(at, right, label="read right", color=COLOURS[2])
    axes.plot(
        at,
        [1 - a - b for a, b in zip(right, wrong, strict=True)],
        label="not given",
        color=COLOURS[4],
    )
    axes.plot(at, wrong, label="read wrong", color=COLOURS[1])
    axes.set(xlabel="threshold (confidence)", ylabel="share of photos", ylim=(0, 1), xlim=(0, 1))
    axes.set_title(f"{found['photos']} generated hard photos, seed {found['seed']}", fontsize=11)
    axes.legend(loc="best")
    return _svg(figure)


def calibration(found: dict[str, Any]) -> str:
    """How often an answer is right, by how sure it was said to be."""
    figure, axes = plt.subplots(figsize=(5.2, 4.6))
    axes.plot((0, 1), (0, 1), color="#718096", linestyle=":", label="as it should be")
    for low, high in itertools.pairwise(EDGES):
        some = [row for row in found["rows"] if low <= row[0] and (row[0] < high or high == 1.0)]
        if some:
            said = sum(sure for sure, _ in some) / len(some)
            share = sum(ok for _, ok in some) / len(some)
            axes.scatter(said, share, s=14 + 2 * len(some), color=COLOURS[0], alpha=0.6)
            axes.annotate(str(len(some)), (said, share), xytext=(7, -4), textcoords="offset points")
    axes.set(xlabel="confidence that was said", ylabel="share that was right")
    axes.set(xlim=(0, 1.03), ylim=(0, 1.03))
    axes.legend(loc="upper left")
    return _svg(figure)


def burst(found: dict[str, Any]) -> str:
    """Calls and refusals per second, and records so far, for each way."""
    ways = found["ways"]
    figure, panels = plt.subplots(len(ways), 1, sharex=True, figsize=(7.2, 2.1 * len(ways)))
    for axes, way in zip(panels, ways, strict=True):
        seconds = range(len(way["timeline"]))
        calls, refused, records = zip(*way["timeline"], strict=True)
        axes.bar(seconds, calls, width=1, color=COLOURS[0], label="calls answered in a second")
        axes.bar(seconds, refused, width=1, bottom=calls, color=COLOURS[1], label="calls refused")
        axes.set_ylabel(way["way"])
        beside = axes.twinx()
        beside.plot(seconds, list(itertools.accumulate(records)), color=COLOURS[2])
        beside.set(ylim=(0, way["uploads"] * 1.05))
        beside.spines["right"].set_visible(True)
        beside.grid(visible=False)
        beside.set_ylabel("records so far", color=COLOURS[2])
        axes.set_title(
            f"{way['readings']} of {way['uploads']} read, {way['billed_calls']} billed, "
            f"{way['refused_calls']} refused", fontsize=10, loc="left",
        )  # fmt: skip
    panels[0].legend(loc="upper right", fontsize=9)
    panels[-1].set_xlabel("seconds")
    return _svg(figure)


def cold_start(found: dict[str, Any]) -> str:
    """Bars per runtime and kind."""
    runtimes = [name for name in ("scf", "lambda") if name in found]
    kinds = list(found[runtimes[0]]["ms"])
    figure, axes = plt.subplots(figsize=(7.2, 0.6 + 0.42 * len(kinds) * len(runtimes)))
    labels, values, colours = [], [], []
    for runtime, kind in itertools.product(runtimes, kinds):
        labels.append(f"{kind} ({'SCF' if runtime == 'scf' else 'Lambda'})")
        values.append(found[runtime]["ms"][kind])
        colours.append(COLOURS[2] if kind == "ours" else COLOURS[4])
    bars = axes.barh(labels, values, color=colours)
    axes.bar_label(bars, fmt="%.0f", padding=3)
    axes.invert_yaxis()
    axes.set_xlabel("milliseconds from start to the call, median")
    return _svg(figure)


def cascade(found: dict[str, Any]) -> str:
    """Money per 1,000 photos and the share read right, per policy."""
    policies = found["policies"]
    names = list(policies)
    figure, (left, right) = plt.subplots(1, 2, sharey=True, figsize=(7.6, 0.9 + 0.5 * len(names)))
    bars = left.barh(names, [policies[n]["billed_per_1000"] for n in names], color=COLOURS[1])
    left.bar_label(bars, fmt="%.0f", padding=3)
    left.set_xlabel("billed calls per 1,000 photos")
    exact = [policies[n]["exact"] for n in names]
    wrong = [policies[n]["wrong"] for n in names]
    bars = right.barh(names, exact, color=COLOURS[2], label="read right")
    right.bar_label(bars, fmt="%.3f", label_type="center", color="white")
    right.barh(names, wrong, left=exact, color=COLOURS[1], label="read wrong")
    right.set(xlabel="share of photos", xlim=(0, 1))
    right.legend(loc="lower left", fontsize=9)
    left.invert_yaxis()
    return _svg(figure)


PLOTS: Final[dict[str, tuple[str, Callable[[dict[str, Any]], str]]]] = {
    "accuracy": ("reader", accuracy),
    "calibration": ("reader", calibration),
    "burst": ("burst", burst),
    "cold-start": ("cold-start", cold_start),
    "cascade": ("cascade", cascade),
}
"""Name of the SVG → the JSON that it is drawn from, and how."""


def drawn(plot: str, found: dict[str, Any]) -> str:
    """Return the SVG of a plot."""
    with mpl.rc_context(STYLE):
        return PLOTS[plot][1](found)
