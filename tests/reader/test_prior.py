"""What a VIN looks like: makers by size, registered patterns; evidence, never a filter."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from photo_generator.dice import dice
from photo_generator.vins import checked, random_vin
from tests.reader.test_certainty import line_of
from tests.reader.test_search import frames
from vindrop.domain.regions import region
from vindrop.domain.vin import check_digit_required
from vinocr.reader import prior, registered
from vinocr.reader.prior import choosing, evidence, maker

PUBLISHED = Path(__file__).parents[1] / "library/vins_of_the_world.csv"
ACCORD = "1HGCM82633A004352"


def published() -> list[str]:
    with PUBLISHED.open(encoding="utf-8", newline="") as lines:
        return [row["vin"] for row in csv.DictReader(lines)]


def of(code: str) -> str:
    """A number of this maker, all else alike."""
    return code + "CM82633A004352"


def test_the_more_a_maker_builds_the_likelier_are_its_numbers() -> None:
    sizes = [prior.weights()[f"10^{size}"] for size in range(2, 7)]
    assert sizes == sorted(sizes)
    assert sizes[0] >= prior.weights()[prior.UNKNOWN] > prior.weights()[prior.MISREAD]
    assert maker(of("1FT")) == "10^6"
    assert maker(of("1UY")) == "10^3"  # trailers
    assert maker(of("1ZZ")) in {prior.UNKNOWN, prior.MISREAD}


def test_a_maker_of_the_photos_trained_on_counts_as_a_big_one() -> None:
    assert maker("XZGEE04A1MA000001") in {"10^5", "10^6"}


def test_an_unknown_code_that_looks_like_a_big_makers_is_likelier_misread() -> None:
    golf = "WVWZZZ1KZAW000001"
    misread = "WVV" + golf[3:]
    assert maker(misread) == prior.MISREAD
    assert evidence(misread) < evidence(golf) - 5


def test_no_maker_and_no_pattern_is_ever_ruled_out() -> None:
    weights = prior.weights()
    assert all(math.isfinite(weight) and abs(weight) <= 6 for weight in weights.values())
    assert set(weights) == {
        *(prior.MISREAD, prior.UNKNOWN, *(f"10^{size}" for size in range(2, 7))),
        *(prior.KNOWN, *prior.STRANGE),
    }


def test_registered_north_american_vins_are_known_and_others_not_covered() -> None:
    vins = [vin for vin in published() if region(vin) == "North America"]
    vins += [random_vin(dice(9, n), "North America") for n in range(300)]
    told = [strange for vin in vins if (strange := registered.strange(vin)) is not None]
    assert len(told) > 0.9 * len(vins)
    assert told.count(0) >= 0.97 * len(told)
    assert registered.strange("WVWZZZ1KZAW000001") is None
    assert registered.strange("LSVAM4188C2000001") is None


def test_a_misread_model_or_year_mostly_shows_in_the_pattern() -> None:
    alike = {"8": "B", "B": "8", "5": "S", "S": "5", "2": "Z", "6": "G", "C": "G", "1": "J",
             "D": "0", "E": "F", "V": "Y", "A": "4", "K": "X", "H": "N", "F": "E", "P": "R"}  # fmt: skip
    shown = seen = 0
    for n in range(400):
        vin = random_vin(dice(10, n), "North America")
        if registered.strange(vin) != 0:
            continue
        at = (3, 4, 5, 6, 7, 9, 10)[n % 7]
        if vin[at] in alike:
            wrong = vin[:at] + alike[vin[at]] + vin[at + 1 :]
            seen += 1
            shown += registered.strange(wrong) != 0
    assert seen > 100
    assert shown > 0.6 * seen


def test_a_registered_pattern_speaks_for_a_reading_and_a_strange_one_against_it() -> None:
    strange = checked("1HGZZ999X3A004352")
    assert registered.strange(ACCORD) == 0
    assert registered.strange(strange)
    assert evidence(ACCORD) > evidence(strange)
    # In Mexico half as much: what was built for Mexico itself was never registered.
    mexican = checked("3VWZ9ZZZ0FM000001")
    assert registered.strange(mexican)
    assert choosing(mexican) == pytest.approx(0.5 * choosing(strange), abs=0.02)


@pytest.mark.parametrize("other", ["1HGZZ999X3A004352", "1UYVS253X9M123456", "1XPBD49X5FD000001"])
def test_a_strange_pattern_or_a_small_maker_makes_an_empty_picture_no_likelier(other: str) -> None:
    # The part of the evidence that only chooses is taken from "no VIN here", too (hypotheses.py).
    other = checked(other)
    assert evidence(other) < evidence(ACCORD)
    assert evidence(ACCORD) - choosing(ACCORD) == pytest.approx(evidence(other) - choosing(other))


@pytest.mark.parametrize("printed", ["1HGZZ999X3A004352", "1UYVS253X9M123456"])
def test_a_clear_picture_is_not_overruled_by_a_better_pattern_or_a_bigger_maker(
    printed: str,
) -> None:
    other = ACCORD if printed[1] == "H" else "1FT" + printed[3:]
    sure = [{a: 0.97, b: 0.03} if a != b else a for a, b in zip(printed, other, strict=True)]
    scores = line_of(np.asarray(frames(*sure)), height=20.0).scores()
    assert max(scores, key=lambda vin: scores[vin]) == printed


def test_h_is_china() -> None:
    right = checked("HJRPBGJB0RF000001")
    wrong = right[:8] + ("1" if right[8] != "1" else "2") + right[9:]
    assert check_digit_required(right)
    assert evidence(right) - evidence(wrong) > 5
