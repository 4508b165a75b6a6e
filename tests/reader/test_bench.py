"""The measuring itself: what it refuses, and how it counts."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from bench import accuracy, as_printed
from bench.accuracy import Photo, Result
from vindrop.domain.vin import check_digit_holds, check_digit_required

VIN = "WDD2131426L004847"


def result(best: str | None, *, given: bool, vin: str = VIN, confidence: float = 0.9) -> Result:
    return Result(
        Photo(Path("a.jpg"), vin, "label"), best if given else None, 1.0, best, confidence
    )


def test_a_vin_that_was_trained_on_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = tmp_path / "trained.txt"
    trained.write_text(hashlib.sha256(VIN.encode()).hexdigest()[:16] + "\n", encoding="ascii")
    monkeypatch.setattr(accuracy, "TRAINED", trained)
    accuracy.refuse_trained([Photo(Path("b.jpg"), "XW8ZZZ61ZCG026963", "label")])
    with pytest.raises(ValueError, match="trained on"):
        accuracy.refuse_trained([Photo(Path("a.jpg"), VIN, "label")])


def test_a_photo_for_training_is_refused_whatever_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "small").mkdir()
    (tmp_path / "train" / "boxes.csv").write_text("file,cx\nt1.jpg,0.5\ngone.jpg,0.5\n")
    (tmp_path / "train" / "t1.jpg").write_bytes(b"one")
    (tmp_path / "small" / "a.jpg").write_bytes(b"another")
    (tmp_path / "small" / "b.jpg").write_bytes(b"one")
    lists = [tmp_path / "train" / "boxes.csv"]
    accuracy.refuse_training_photos([Photo(tmp_path / "small" / "a.jpg", "", "n")], lists)
    with pytest.raises(ValueError, match="for training"):
        accuracy.refuse_training_photos([Photo(tmp_path / "small" / "b.jpg", "", "n")], lists)


def test_the_summary_has_each_kind_with_intervals_and_what_was_wrong() -> None:
    other = Result(Photo(Path("b.jpg"), "", "shop"), VIN, 2.0, VIN, 0.9)
    some = [result(VIN, given=True), result("XW8ZZZ61ZCG026963", given=True), other]
    some.append(result(VIN, given=False))
    found = accuracy.summary(some, 1)
    assert found["kinds"] == {
        "label": {"photos": 3, "exact": 1, "wrong": 1, "none": 1},
        "shop": {"photos": 1, "false": 1},
    }
    assert found["wrong_vins"] == [["a.jpg", VIN, "XW8ZZZ61ZCG026963"], ["b.jpg", "", VIN]]
    assert found["lost"] == {"rejected": 1}
    low, high = found["wrong_interval"]
    assert low < found["wrong"] < high


def test_no_vin_of_the_photos_that_are_measured_was_trained_on(shared: Path) -> None:
    sets = [shared / "photos" / "truth.csv", shared / "photos" / "small" / "truth.csv"]
    there = [truth for truth in sets if truth.exists()]
    photos = [p for truth in there for p in accuracy.load(truth)]
    accuracy.refuse_trained(photos)


def test_every_lost_vin_has_a_stage() -> None:
    assert result(VIN, given=False).stage == "rejected"
    assert result("WDD2131426L00484Z", given=False).stage == "letters wrong"
    assert result("XW8ZZZ61ZCG026963", given=False).stage == "another text"
    assert result(None, given=False).stage == "no line read"


def test_the_calibration_table_says_how_often_answers_are_right() -> None:
    some = [result(VIN, given=True), result("WDD2131426L00484Z", given=True)]
    table = accuracy.calibration(some)
    assert "0.90–0.95" in table
    assert "0.500" in table


def test_each_half_has_vins_and_none_has_both() -> None:
    sides = [accuracy.half(f"WDD21314261{n:06d}") for n in range(40)]
    assert set(sides) == {"tuned", "final"}


def test_prints_have_a_wrong_check_digit_by_law() -> None:
    for one in as_printed.prints(19, 12):
        assert check_digit_required(one.vin)
        assert not check_digit_holds(one.vin)
    assert as_printed.outcome(VIN, None) == "none"
    assert as_printed.outcome(VIN, VIN) == "as printed"
