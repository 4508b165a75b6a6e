"""What the recogniser is trained on says what its label says."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PIL import Image

from training.admit import Reading, admitted, corrected
from training.crops import Crop
from training.spliced import places, shuffled, with_cuts

VIN = "WVWZZZ1KZ5B059351"
PITCH = 20


def _crop(text: str, before: int = 0) -> Crop:
    """Return a crop whose letters are blocks, each as bright as its place in the text says."""
    pixels = np.zeros((48, PITCH * (len(text) + 2), 3), np.uint8)
    for i in range(len(text)):
        pixels[:, PITCH * (i + 1) : PITCH * (i + 2)] = 10 * (i + 1)
    cuts = tuple(float(PITCH * (before + i + 2)) for i in range(16))
    return Crop(Image.fromarray(pixels), text, PITCH * len(text), 30, 22, cuts=cuts)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("text", "before"), [(VIN, 0), (f"*{VIN}*", 1)])
def test_letters_put_in_another_order_keep_their_pixels(text: str, before: int, seed: int) -> None:
    crop = _crop(text, before)
    mixed = shuffled(np.random.default_rng(seed), crop)
    row = np.asarray(mixed.image)[24, :, 0]
    shown = [text[int(row[PITCH * (i + 1) + PITCH // 2]) // 10 - 1] for i in range(len(text))]
    assert "".join(shown) == mixed.text
    assert sorted(mixed.text) == sorted(text)
    assert mixed.image.size == crop.image.size


def test_some_order_is_another() -> None:
    texts = {shuffled(np.random.default_rng(seed), _crop(VIN)).text for seed in range(20)}
    assert len(texts) > 10


def test_crop_that_nobody_knows_where_to_cut_stays() -> None:
    crop = Crop(_crop(VIN).image, VIN, 1, 1, 1)
    assert shuffled(np.random.default_rng(1), crop) is crop


def test_letters_are_found_where_the_frames_show_them() -> None:
    label = [5, 5, 9, 2]
    logs = np.full((16, 12), -9.0, np.float32)
    logs[:, 0] = -0.1
    for frame, one in ((2, 5), (6, 5), (9, 9), (10, 9), (14, 2)):
        logs[frame], logs[frame, one] = -9.0, -0.1
    assert places(logs, label) == [2.5, 6.5, 10.0, 14.5]
    assert places(logs, [7, 8, 9, 2]) is None


def test_cuts_stand_between_letters() -> None:
    logs = np.full((38, 40), -9.0, np.float32)
    logs[:, 0] = -0.1
    label = [1, 2] * 8 + [1]
    for i, one in enumerate(label):
        logs[2 * i + 2], logs[2 * i + 2, one] = -9.0, -0.1
    crop = Crop(_crop(VIN).image, VIN, 380, 30, 22)
    cuts = with_cuts(crop, logs, label, 0.0, 380.0).cuts
    assert len(cuts) == 16
    assert all(a < b for a, b in itertools.pairwise(cuts))


def test_reading_corrected_to_a_vin_kept_for_measuring_is_left_out() -> None:
    reading = Reading("a.jpg", "WVWZZZ1KZ5B059357", 0.2, False, "", [], 1.0, [])
    seen = {"a.jpg": VIN}
    assert [r.vin for r in corrected([reading], seen, set())] == [VIN]
    assert corrected([reading], seen, {VIN}) == []


def test_reading_of_a_rare_maker_that_looks_like_a_usual_one_is_no_label() -> None:
    usual = [f"Z8NHSNGA56700{n:04d}" for n in range(0, 9000, 1000)]
    vins = [*usual, "ZBNHSNGA567028404"]
    some = [Reading(f"{i}.jpg", v, 0.99, True, v, [], 1.0, []) for i, v in enumerate(vins)]
    assert [r.vin for r in admitted(some, set())] == usual
