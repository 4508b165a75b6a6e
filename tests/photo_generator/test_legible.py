"""No photo whose letters are drowned: the truth would name a VIN that nobody can see."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from photo_generator.camera import draw_look, expose
from photo_generator.chassis import peened
from photo_generator.dice import dice
from photo_generator.label import label
from photo_generator.legible import faintest_stroke, legible
from photo_generator.scene import Scene

VIN = "WVWZZZ1KZ5W591812"
SIZE = (960, 720)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return peened(dice(1, "legible"), VIN, SIZE, hard=False)


def shown(scene: Scene, **changes: Any) -> tuple[Image.Image, Image.Image, Scene]:
    assert scene.struck is not None
    rng = dice(2, "legible")
    look = replace(draw_look(rng, scene.glyph, hard=False), shadow=0.0, **changes)
    again = copy.deepcopy(rng)
    picture, empty = expose(scene.light, rng, look), expose(scene.struck.bare, again, look)
    return picture, empty, scene


def test_letters_on_a_calm_ground_stand_out_and_noise_drowns_them(scene: Scene) -> None:
    assert legible(*shown(scene, noise=0.005))
    assert not legible(*shown(scene, noise=0.5))


def test_blur_takes_letters_away(scene: Scene) -> None:
    clear, blurred = shown(scene), shown(scene, focus=scene.glyph / 2)
    assert faintest_stroke(*blurred) < faintest_stroke(*clear) / 2


def test_half_a_lost_letter_is_enough(scene: Scene) -> None:
    assert scene.struck is not None
    bare, lost = scene.struck.bare, scene.light.copy()
    (x0, y0), (x1, y1) = scene.ends
    x, y, reach = round((x0 + x1) / 2), round((y0 + y1) / 2), round(scene.glyph * 0.6)
    lost[y - reach : y + reach, x - reach : x + reach] = bare[
        y - reach : y + reach, x - reach : x + reach
    ]
    assert not legible(*shown(replace(scene, light=lost), noise=0.001))
    assert legible(*shown(scene, noise=0.001))


def test_ink_is_not_judged(scene: Scene) -> None:
    printed = label(dice(3, "legible"), VIN, SIZE, hard=False)
    assert printed.struck is None
    picture = expose(printed.light, dice(4), draw_look(dice(4), 20.0, hard=False))
    with pytest.raises(ValueError, match=r"give Scene\.struck"):
        legible(picture, picture, printed)
