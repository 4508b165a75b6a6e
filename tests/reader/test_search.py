"""The search and what it knows, with frames made by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from vinocr.reader import align
from vinocr.reader.barcode import vin_in
from vinocr.reader.detect import boxes, components, smallest_rectangle
from vinocr.reader.prior import evidence
from vinocr.reader.recognize import BLANK, CLASSES, SYMBOLS
from vinocr.reader.search import beam, candidates, windows

VIN = "WDD2131426L004847"


def frames(*letters: str | dict[str, float]) -> np.ndarray:
    """A letter: sure of it. A dictionary: in doubt. After each a blank."""
    rows = np.zeros((2 * len(letters), CLASSES), dtype=np.float32)
    rows[1::2, BLANK] = 1.0
    for i, letter in enumerate(letters):
        doubt = {letter: 1.0} if isinstance(letter, str) else letter
        for symbol, p in doubt.items():
            rows[2 * i, SYMBOLS.index(symbol)] = p
    return rows


@pytest.mark.parametrize("without_blank", [(), (1,), (0, 2, 4)])
def test_the_beam_adds_up_all_paths_of_a_reading(without_blank: tuple[int, ...]) -> None:
    rows = np.zeros((5, CLASSES), dtype=np.float32)
    a, b = SYMBOLS.index("A"), SYMBOLS.index("B")
    rows[:, BLANK], rows[:, a] = (0.3, 0.1, 0.6, 0.2, 0.3), (0.5, 0.2, 0.1, 0.7, 0.5)
    rows[list(without_blank), BLANK] = 0.0
    rows[:, b] = 1 - rows.sum(axis=1)
    truth: dict[str, float] = {}
    for path in itertools.product((BLANK, a, b), repeat=5):
        text = "".join(SYMBOLS[c] for c, _ in itertools.groupby(path) if c != BLANK)
        truth[text] = truth.get(text, 0.0) + math.prod(
            float(rows[t, c]) for t, c in enumerate(path)
        )
    truth = {text: p for text, p in truth.items() if p}
    found = dict(beam(rows, width=400))
    assert found.keys() == truth.keys()
    for text, p in truth.items():
        assert math.exp(found[text]) == pytest.approx(p, rel=1e-5)


def test_equal_letters_in_a_row_need_a_blank_between() -> None:
    (best, _), *_ = beam(frames("0", "0", "7"))
    assert best == "007"


def test_every_window_of_17_is_a_candidate_and_what_is_beside_it_costs() -> None:
    costs = dict(windows(f"X{VIN}"))
    assert set(costs) == {VIN, f"X{VIN[:-1]}"}
    assert costs[VIN] < 0
    assert dict(windows(f"VIN {VIN}"))[VIN] == 0
    assert dict(windows(f"~{VIN}~"))[VIN] == 0
    assert dict(windows(f"~{VIN}~05"))[VIN] > dict(windows(f"{VIN}05"))[VIN]


def test_a_space_within_is_stepped_over_and_junk_is_not() -> None:
    assert [vin for vin, _ in windows("WDD 213142 6L004847")] == [VIN]
    assert list(windows("WDD~2131426L004847")) == []


def test_the_check_digit_decides_between_letters_that_look_alike() -> None:
    vin = "1M8GDM9AXKP042788"
    doubt = [{"8": 0.45, "B": 0.55} if i == 2 else c for i, c in enumerate(vin)]
    found = candidates(frames(*doubt))
    assert max(found, key=lambda one: found[one]) == vin


def test_the_check_digit_does_not_overrule_a_clear_picture() -> None:
    """A clear VIN with a wrong check digit stays what it is: evidence, not a licence to invent."""
    vin = "1M8GDM9A0KP042788"
    found = candidates(frames(*vin))
    assert max(found, key=lambda one: found[one]) == vin


def test_a_line_too_short_for_a_vin_has_no_candidate() -> None:
    assert candidates(frames(*VIN[:12])) == {}


@pytest.mark.parametrize(
    ("likelier", "than"),
    [
        ("1M8GDM9AXKP042788", "1M8GDM9A1KP042788"),  # check digit, by law
        ("TMBPC46Y033722467", "TMBPC46Y033722457"),  # check digit, by habit
        ("WVWZZZ1KZ8M339337", "WVW2ZZ1KZ8M339337"),  # the Volkswagen group's filler
        ("WDD2131426L004847", "WD02131426L004847"),  # a known maker
        ("WDD2131426L004847", "WDD2131426L00484Z"),  # digits at the end
        ("XWEFX411BHC006033", "12345678901234567"),  # letters at all
    ],
)
def test_what_a_vin_looks_like(likelier: str, than: str) -> None:
    assert evidence(likelier) > evidence(than)


def test_a_european_vin_is_not_refused_for_its_check_digit() -> None:
    assert evidence("WVWZZZ1KZ8M339337") > 2


def test_the_forward_algorithm_agrees_with_the_frames() -> None:
    exact, other = align.log_likelihoods(frames(*VIN), [VIN, VIN[:-1] + "1"])
    assert -0.5 < exact <= 0
    assert other < exact - 5


def test_stars_around_cost_little_and_words_a_bounded_sum() -> None:
    bare, starred, worded = (
        align.log_likelihoods(frames(*text), [VIN])[0]
        for text in (VIN, f"~{VIN}~", f"FRAME NO {VIN} 1116".replace("O", "0").replace("I", "1"))
    )
    assert bare > starred > bare - 1.5
    assert starred > worded > bare - 9


def test_the_places_of_the_characters_within_their_line() -> None:
    edges = align.letter_edges(frames(*f"VLN {VIN} 55"), VIN)
    assert len(edges) == 18
    assert list(edges) == sorted(edges)
    for n, edge in enumerate(edges):
        assert edge == pytest.approx((4 + n) / 24, abs=0.02)
    assert align.letter_edges(frames(*VIN[:9]), VIN) == (), "nine frames hold no VIN"


def test_components_of_a_mask() -> None:
    mask = np.array([[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 0, 0], [1, 1, 1, 0]], dtype=bool)
    found = sorted(int((stops - starts).sum()) for _, starts, stops in components(mask))
    assert found == [2, 2, 3]
    assert components(np.zeros((4, 4), dtype=bool)) == []


def test_the_smallest_rectangle_of_a_turned_one() -> None:
    angle = 0.4
    u, v = np.meshgrid(np.linspace(-50, 50, 41), np.linspace(-8, 8, 9))
    x, y = u * np.cos(angle) - v * np.sin(angle), u * np.sin(angle) + v * np.cos(angle)
    found = smallest_rectangle(np.stack([x.ravel() + 100, y.ravel() + 60], axis=1))
    assert found == pytest.approx((100, 60, 100, 16, angle), abs=1e-3)


def test_a_text_map_becomes_a_grown_box_in_the_pictures_pixels() -> None:
    text_map = np.zeros((64, 128), dtype=np.float32)
    text_map[30:36, 20:100] = 0.9
    (box,) = boxes(text_map, 2.0, 2.0)
    assert (box.x, box.y) == pytest.approx((120, 66), abs=2)
    assert 160 < box.width < 200
    assert 12 < box.height < 40
    assert box.angle == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "vin"),
    [
        (VIN, VIN),
        (f"I{VIN}", VIN),
        (f"{VIN}A", VIN),
        (f"*{VIN}*", VIN),
        (f"https://example.org/?vin={VIN.lower()}&x=1", VIN),
        (f"I{VIN[:-1]}", None),
        ("WDD2131426LOO4847", None),
        ("9788497592208", None),
    ],
)
def test_what_a_barcode_says(text: str, vin: str | None) -> None:
    assert vin_in(text) == vin
