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

from bench.accuracy import wilson
from vinocr.reader.calibration import threshold
from vinocr.settings import defaults

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
EDGES: Final = (0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.98, 1.0)
_STEPS: Final = 100
DEFAULT: Final = threshold(
    next(float(d) for name, d, _ in defaults() if name == "VINOCR_MAX_ERROR")
)
"""Confidence from which a VIN is given where nothing is set."""
_WAYS: Final = {"naive": "bare SDK", "sdk-retryer": "SDK's retryer"}
_KINDS: Final = {
    "bare": "empty handler",
    "ours": "vindrop",
    "usual from source": "usual handler, source",
    "usual with bytecode": "usual handler, bytecode",
}


def _svg(figure: Any, found: dict[str, Any]) -> str:
    figure.supxlabel(
        _beside(found), fontsize=8, color="#4a5568", x=0.99, ha="right"
    ).set_multialignment("right")
    written = io.StringIO()
    figure.savefig(written, format="svg", metadata={"Date": None, "Creator": "bench/figures"})
    plt.close(figure)
    # matplotlib ends lines with blanks; git would point at each.
    return "\n".join(line.rstrip() for line in written.getvalue().splitlines()) + "\n"


def _beside(found: dict[str, Any]) -> str:
    """Return what each plot says of its own origin: a busy machine's figures are a busy machine's."""
    low, high = sorted(found["load"])
    busy = f"{low:g}" if low == high else f"{low:g} to {high:g}"
    return f"{found['date']}, {found['cpus']} processors, load {busy}\n{found['command']}"


def accuracy(found: dict[str, Any]) -> str:
    """Shares read right and not given, and below, larger, read wrong, over the threshold."""
    rows = found["rows"]
    at = [max(step, 0.001) / _STEPS for step in range(_STEPS)]  # 0 is "nothing was read"
    right = [sum(ok and sure >= x for sure, ok in rows) / len(rows) for x in at]
    wrong = [sum(not ok and sure >= x for sure, ok in rows) / len(rows) for x in at]
    none = [1 - a - b for a, b in zip(right, wrong, strict=True)]
    figure, (above, below) = plt.subplots(
        2, 1, sharex=True, figsize=(7.2, 5.0), height_ratios=(2, 1)
    )
    above.plot(at, right, label="read right", color=COLOURS[2])
    above.plot(at, none, label="not given", color=COLOURS[4], linestyle="--")
    above.set(ylabel="share of photos", ylim=(0, 1), xlim=(0, 1))
    above.set_title(f"{len(rows)} {found['kind']}", fontsize=11, loc="left")
    below.plot(at, wrong, label="read wrong", color=COLOURS[1], linestyle="-.")
    below.set(xlabel="threshold: confidence from which a VIN is given", ylabel="share of photos")
    below.set_ylim(0, max(0.02, *(share * 1.2 for share in wrong)))
    for axes, place in ((above, "center left"), (below, "upper center")):
        axes.axvline(DEFAULT, color=COLOURS[3], linestyle=":", label=f"default, {DEFAULT:.3f}")
        axes.legend(loc=place, fontsize=9)
    return _svg(figure, found)


def calibration(found: dict[str, Any]) -> str:
    """How often an answer is right, by how sure it was said to be; with intervals of 95 %."""
    figure, axes = plt.subplots(figsize=(5.6, 5.0))
    axes.plot((0, 1), (0, 1), color="#718096", linestyle=":", label="as it should be")
    rows = [row for row in found["rows"] if row[0]]  # where nothing was read, nothing was said
    for low, high in itertools.pairwise(EDGES):
        some = [row for row in rows if low <= row[0] and (row[0] < high or high == 1.0)]
        if some:
            said = sum(sure for sure, _ in some) / len(some)
            right = sum(ok for _, ok in some)
            share, (least, most) = right / len(some), wilson(right, len(some))
            spread = [[max(0.0, share - least)], [max(0.0, most - share)]]
            axes.errorbar(said, share, yerr=spread, fmt="o", color=COLOURS[0], capsize=3)
            last = high == 1.0
            place: Any = {"xytext": (7 if last else -7, -14), "ha": "left" if last else "right"}
            axes.annotate(str(len(some)), (said, share), textcoords="offset points", **place)
    axes.set(xlabel="confidence that was said", ylabel="share that was right")
    axes.set(xlim=(0, 1.06), ylim=(0, 1.03))
    axes.set_title(f"{len(rows)} of {len(found['rows'])} {found['kind']}", fontsize=11, loc="left")
    axes.legend(loc="upper left", fontsize=9)
    return _svg(figure, found)


def burst(found: dict[str, Any]) -> str:
    """Calls and refusals per second, and records so far, for each way."""
    ways = found["ways"]
    figure, panels = plt.subplots(len(ways), 1, sharex=True, figsize=(7.2, 2.2 * len(ways)))
    for axes, way in zip(panels, ways, strict=True):
        seconds = range(len(way["timeline"]))
        calls, refused, records = zip(*way["timeline"], strict=True)
        axes.bar(seconds, calls, width=1, color=COLOURS[0], label="calls answered in a second")
        axes.bar(seconds, refused, width=1, bottom=calls, color=COLOURS[1], label="calls refused")
        axes.set_ylabel(_WAYS.get(way["way"], way["way"]), fontsize=9)
        beside = axes.twinx()
        beside.plot(seconds, list(itertools.accumulate(records)), color=COLOURS[2])
        beside.set(ylim=(0, way["uploads"] * 1.05))
        beside.spines["right"].set_visible(True)
        beside.grid(visible=False)
        beside.set_ylabel("records so far", color=COLOURS[2], fontsize=9)
        axes.set_title(
            f"{way['readings']} of {way['uploads']} read, {way['billed_calls']} billed, "
            f"{way['refused_calls']} refused", fontsize=10, loc="left",
        )  # fmt: skip
    panels[0].legend(loc="center right", fontsize=9)
    panels[-1].set_xlabel("seconds")
    return _svg(figure, found)


def cold_start(found: dict[str, Any]) -> str:
    """Bars per runtime and kind: the processor's time, which other work disturbs least."""
    runtimes = [name for name in ("scf", "lambda") if name in found]
    kinds = list(found[runtimes[0]]["ms"])
    figure, axes = plt.subplots(figsize=(7.2, 1.0 + 0.42 * len(kinds) * len(runtimes)))
    labels, values, colours = [], [], []
    for runtime, kind in itertools.product(runtimes, kinds):
        name = _KINDS.get(kind, kind)
        labels.append(f"{name} ({'SCF' if runtime == 'scf' else 'Lambda'})")
        values.append(found[runtime]["processor_ms"][kind])
        colours.append(COLOURS[2] if kind == "ours" else COLOURS[4])
    bars = axes.barh(labels, values, color=colours)
    axes.bar_label(bars, fmt="%.0f", padding=3)
    axes.invert_yaxis()
    axes.set_xlabel(f"processor milliseconds, median of {found['runs']}")
    return _svg(figure, found)


def cascade(found: dict[str, Any]) -> str:
    """Billed calls per 1,000 photos, and what came of the photos with a VIN, per policy."""
    ways = found["ways"]
    names = list(ways)
    figure, (left, right) = plt.subplots(1, 2, sharey=True, figsize=(7.6, 1.5 + 0.5 * len(names)))
    bars = left.barh(names, [ways[n]["cloud_billed_per_1000"] for n in names], color=COLOURS[1])
    left.bar_label(bars, fmt="%.0f", padding=3)
    left.set(xlabel="billed calls per 1,000 photos", xlim=(0, 1150))
    photos = ways[names[0]]["with_vin"]
    exact = [ways[n]["exact"] for n in names]
    unnoticed = [ways[n]["unnoticed"] for n in names]
    noticed = [ways[n]["wrong"] + ways[n]["false"] - ways[n]["unnoticed"] for n in names]
    begin = [0] * len(names)
    parts = ((exact, COLOURS[2], "right"), (noticed, "#ecc94b", "wrong, marked doubtful"))
    for counts, colour, label in (*parts, (unnoticed, COLOURS[1], "wrong, unmarked")):
        bars = right.barh(names, counts, left=begin, color=colour, label=label)
        right.bar_label(
            bars, [str(n) if n else "" for n in counts], label_type="center", fontsize=9
        )
        begin = [a + b for a, b in zip(begin, counts, strict=True)]
    right.set(xlabel=f"of {photos} {found['kind']}", xlim=(0, photos))
    right.xaxis.label.set_size(9)
    figure.legend(loc="outside upper right", ncols=3, fontsize=9)
    left.invert_yaxis()
    return _svg(figure, found)


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
