"""Plots: drawn from the figures beside them, the same bytes every time, nothing fetched from elsewhere."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bench.figures import draw, measure

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ROOT / "docs" / "figures"


def samples() -> dict[str, dict[str, Any]]:
    dice = random.Random(1)
    rows = [[round(p, 3), dice.random() < p] for p in (dice.random() for _ in range(200))]
    way = {
        "uploads": 20, "readings": 20, "billed_calls": 20, "refused_calls": 3,
        "timeline": [[8, 1, 8], [7, 2, 7], [5, 0, 5]],
    }  # fmt: skip
    times = {"ours": 160.0, "usual with bytecode": 198.0, "usual from source": 615.0}
    policy = {"exact": 0.94, "wrong": 0.004, "billed_per_1000": 140.0}
    return {
        "reader": {"seed": 1, "photos": 200, "rows": rows},
        "burst": {"ways": [{"way": "vindrop", **way}, {"way": "naive", **way}]},
        "cold-start": {"scf": {"ms": times}, "lambda": {"ms": times}},
        "cascade": {"policies": {"own only": policy, "first_sure": policy}},
    }


@pytest.mark.parametrize("plot", draw.PLOTS)
def test_a_plot_is_svg_of_its_own_and_the_same_every_time(plot: str) -> None:
    found = samples()[draw.PLOTS[plot][0]]
    svg = draw.drawn(plot, found)
    assert svg == draw.drawn(plot, found)
    root = ET.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert not re.search(r"(?:href|src)=\"(?!#)", svg)
    assert len(root.findall(".//{http://www.w3.org/2000/svg}text")) >= 4


def test_another_figure_gives_another_plot() -> None:
    found = samples()["reader"]
    changed = {**found, "rows": found["rows"][:100]}
    assert draw.drawn("accuracy", found) != draw.drawn("accuracy", changed)


def test_every_plot_of_the_papers_has_its_figures_beside_it() -> None:
    for file in FIGURES.glob("*.svg"):
        source = FIGURES / f"{draw.PLOTS[file.stem][0]}.json"
        json.loads(source.read_text(encoding="utf-8"))
    assert {source for source, _ in draw.PLOTS.values()} == set(measure.MEASURES)
