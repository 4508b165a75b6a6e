"""``events/photos`` as it is committed, and the command that makes it."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from photo_generator.__main__ import COLUMNS, main
from photo_generator.committed import SHOTS, mistyped, take, take_mistyped
from vindrop.domain import vin as rules

Truth = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def truth(root: Path) -> Truth:
    with (root / "events/photos/truth.csv").open(encoding="utf-8", newline="") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


def test_the_truth_names_every_file_and_nothing_else(root: Path, truth: Truth) -> None:
    folder = root / "events/photos"
    files = {p.name for p in folder.iterdir()} - {"truth.csv", "README.md"}
    assert files == set(truth)
    assert sum(p.stat().st_size for p in folder.iterdir()) < 6_000_000


def test_the_set_is_large_enough_and_of_every_kind_and_turn(truth: Truth) -> None:
    good = [r for r in truth.values() if r["expect"] == "reading" and r["file"].endswith(".jpg")]
    assert len(good) >= 24
    assert {r["kind"] for r in good} == {"windscreen", "label", "stamped", "peened", "plate"}
    assert all(rules.is_well_formed(r["vin"]) for r in good)
    assert {s.turn for s in SHOTS if not s.by_exif} == {0, 90, 180, 270}
    assert {s.turn for s in SHOTS if s.by_exif} >= {90, 180, 270}
    assert sum(r["expect"].startswith("dead_letter:") for r in truth.values()) >= 5


@pytest.mark.parametrize("index", [0, 16, 21])  # 16 was drawn twice: a stroke was lost
def test_a_photo_made_again_is_the_committed_one(root: Path, truth: Truth, index: int) -> None:
    kind = SHOTS[index].kind
    number = sum(s.kind == kind for s in SHOTS[: index + 1])
    name = f"{kind}-{number:02d}.jpg"
    made = take(SHOTS[index], name)
    assert made.vin == truth[name]["vin"]
    kept = _pixels((root / "events/photos" / name).read_bytes())
    again = _pixels(made.data)
    # Other processors and libraries round differently: single steps, never another picture.
    assert again.shape == kept.shape
    assert np.abs(again - kept).mean() < 1.0


def test_one_photo_is_read_as_it_stands_there_and_doubtful(root: Path, truth: Truth) -> None:
    made = take_mistyped()
    (row,) = [row for row in truth.values() if row["expect"].startswith("doubtful:")]
    assert (row["file"], row["vin"], row["expect"]) == (made.name, made.vin, made.expect)
    assert rules.parse(row["vin"]).verdict is rules.Verdict.DOUBTFUL
    kept = _pixels((root / "events/photos" / made.name).read_bytes())
    assert np.abs(_pixels(made.data) - kept).mean() < 1.0
    with pytest.raises(ValueError, match="draw another one"):
        mistyped("WVWZZZ6RZBT194351")  # German: no check digit is required


def _pixels(data: bytes) -> np.ndarray:
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    return np.asarray(picture, np.int16)


@pytest.mark.parametrize(
    ("options", "expect"),
    [
        (["--count", "2", "--kinds", "plate"], "reading"),
        (["--negatives", "--count", "2"], "dead_letter:no VIN in the picture"),
    ],
)
def test_the_command_writes_photos_and_their_truth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], expect: str
) -> None:
    assert main(["--out", str(tmp_path / "new"), "--seed", "3", *options]) == 0
    with (tmp_path / "new/truth.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 2
    assert {r["expect"] for r in rows} == {expect}
    assert all((tmp_path / "new" / r["file"]).stat().st_size > 1000 for r in rows)
    assert "2 files" in capsys.readouterr().out


def test_the_command_refuses_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--count", "1"]) == 2
    assert "--out DIR" in capsys.readouterr().err
    assert main(["--out", str(tmp_path), "--kinds", "tattoo"]) == 1
    assert "no such kind of photo" in capsys.readouterr().err
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert main(["--out", str(tmp_path / "file"), "--count", "1"]) == 1
    assert capsys.readouterr().err.startswith("photo_generator: ")
