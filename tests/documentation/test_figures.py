"""Plots: measured by every clone, drawn from the figures beside them, nothing fetched from elsewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bench.figures import __main__ as command
from bench.figures import draw, measure

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ROOT / "docs" / "figures"
PAGES = [*(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md")]
SMALL = measure.Size(
    photos=3, uploads=6, instances=2, platform_retry=2.0, runs=1, cascaded=2
)  # fmt: skip


def committed(source: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FIGURES / f"{source}.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("plot", draw.PLOTS)
def test_a_plot_is_svg_of_its_own_and_the_same_every_time(plot: str) -> None:
    found = committed(draw.PLOTS[plot][0])
    svg = draw.drawn(plot, found)
    assert svg == draw.drawn(plot, found)
    root = ET.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert not re.search(r"(?:href|src)=\"(?!#)", svg)
    said = [each.text or "" for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert len(said) >= 4
    assert any(found["date"] in each for each in said), said
    assert any(found["command"] in each for each in said), said


@pytest.mark.parametrize("plot", draw.PLOTS)
def test_the_plots_of_the_papers_are_drawn_from_the_figures_beside_them(plot: str) -> None:
    svg = (FIGURES / f"{plot}.svg").read_text(encoding="utf-8")
    # Fonts are measured by matplotlib's own: another version of it moves a label by a hair.
    words = re.compile(r">([^<>\s][^<>]*)</text>")
    assert words.findall(svg) == words.findall(draw.drawn(plot, committed(draw.PLOTS[plot][0])))


@pytest.mark.parametrize("plot", draw.PLOTS)
def test_every_plot_is_shown_in_the_papers_beside_its_command(plot: str) -> None:
    pages = [page.read_text(encoding="utf-8") for page in PAGES]
    showing = [page for page in pages if f"figures/{plot}.svg" in page]
    assert showing, plot
    found = committed(draw.PLOTS[plot][0])
    assert any(found["command"] in page and found["date"] in page for page in showing), plot


def test_another_figure_gives_another_plot() -> None:
    found = committed("reader")
    changed = {**found, "rows": found["rows"][: len(found["rows"]) // 2]}
    assert draw.drawn("accuracy", found) != draw.drawn("accuracy", changed)


@pytest.mark.parametrize("name", measure.MEASURES)
def test_what_is_measured_can_be_drawn(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In small: the benches themselves, and what they print."""
    if name == "cold-start":
        from tests.runtimes import tools

        tools.fetch()  # or says that the platforms' runtimes cannot be had here
    found = json.loads(json.dumps(measure.measured(name, SMALL)))
    for plot, (source, _) in draw.PLOTS.items():
        if source == name:
            ET.fromstring(draw.drawn(plot, found))


def test_what_cannot_be_measured_is_said_and_the_others_are_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def away(_: measure.Size) -> measure.Figures:
        raise measure.MeasureError("no Python 3.10 here")

    monkeypatch.setitem(measure.MEASURES, "cold-start", away)
    monkeypatch.setitem(measure.MEASURES, "reader", lambda _: committed("reader"))
    assert command.main(["--only", "cold-start,reader", "--out", str(tmp_path)]) == 1
    assert "cold-start was not measured: no Python 3.10 here" in capsys.readouterr().err
    assert {each.name for each in tmp_path.iterdir()} == {
        "reader.json", "accuracy.svg", "calibration.svg",
    }  # fmt: skip


def test_photos_that_are_not_there_are_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--only", "reader", "--truth", str(tmp_path / "none.csv"), "--out", str(tmp_path)]
    assert command.main(words) == 1
    assert "none.csv" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_text_beside_a_plot_says_what_the_plot_shows() -> None:
    """Whoever renews a plot is told which sentences to renew."""
    measurements = (ROOT / "docs" / "measurements.md").read_text(encoding="utf-8")
    ours, bare, retryer = committed("burst")["ways"]
    assert (
        f"vindrop used {ours['rate_used'] * 100:.0f} % of the limit and was refused "
        f"{ours['refused_calls']} calls; the bare SDK lost {bare['lost']} of the {bare['uploads']}, "
        f"and its retryer billed {retryer['billed_calls']}."
    ) in measurements
    cold = committed("cold-start")
    for runtime in ("scf", "lambda"):
        used = cold[runtime]["processor_ms"]
        assert f"{used['ours'] / used['usual with bytecode']:.2f}" in measurements
    rows = committed("reader")["rows"]
    given = [ok for sure, ok in rows if sure >= draw.DEFAULT]
    right = sum(given)
    reading = (ROOT / "docs" / "reading.md").read_text(encoding="utf-8")
    assert (
        f"At the default\n{right} are right, {len(given) - right} is wrong and "
        f"{len(rows) - len(given)} are not given"
    ) in reading
    ways = committed("cascade")["ways"]
    page = (ROOT / "docs" / "cascade.md").read_text(encoding="utf-8")
    assert f"`first_sure` bills {ways['first_sure']['cloud_billed_per_1000']} calls" in page
    assert f"{ways['first_sure']['exact']} of {ways['first_sure']['with_vin']}" in page
