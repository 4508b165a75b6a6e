"""Which passes are made: what one pass leaves, another must find."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from tests.reader.pictures import VIN, encoded, plate
from tests.reader.test_search import frames
from vinocr.reader import models
from vinocr.reader.align import log_likelihoods
from vinocr.reader.arrange import may_be_another, on_head
from vinocr.reader.decode import decode
from vinocr.reader.detect import Box, detect
from vinocr.reader.hypotheses import Hypotheses
from vinocr.reader.lines import Line
from vinocr.reader.passes import Passes
from vinocr.reader.recognize import Frames, spelling


@pytest.fixture(scope="module")
def opened() -> models.Models:
    return models.load(1)


def _said(text: str, certainty: float) -> Frames:
    """Letters that the recogniser is as certain of as said."""
    letters = frames(*({c: certainty, "J": 1 - certainty} for c in text))
    return Frames(letters, text, *spelling(letters))


@pytest.mark.parametrize("misread", ["56", "5HX8S", "S0HZXN0SHX"])
def test_a_vin_on_its_head_is_found_among_longer_texts_however_little_was_read_of_it(
    opened: models.Models, misread: str
) -> None:
    picture = decode(encoded(plate()))
    found = detect(opened, picture.image, picture.image.size, quick=True)
    (box,) = [box for box in found if box.width > 6 * box.height][:1]
    words = [Line((Box(60.0, y, 150.0, 40.0, 0.0, 1.0),)) for y in (20.0, 30.0, 40.0)]
    for word in words:
        word.strips.append(_said("N0HXSZ80H5X", 0.6))
    upturned = Line((on_head(box),))
    upturned.strips.append(_said(misread, 0.6))
    hypotheses = Hypotheses(picture, lines=[*words, upturned])
    Passes(opened)._from_other_end(hypotheses)
    assert next(iter(hypotheses.posterior)) == VIN


class Errs:
    """A direction classifier that takes one line of a photo for one on its head, and no other."""

    def __init__(self, wrong: int) -> None:
        self._wrong = wrong
        self._asked = 0

    def run(self, _outputs: Any, inputs: dict[str, Any]) -> tuple[Any]:
        numbers = np.arange(self._asked, self._asked + len(inputs["x"]))
        self._asked += len(numbers)
        on_head = np.where(numbers == self._wrong, 0.99, 0.01).astype(np.float32)
        return (np.stack([1 - on_head, on_head], axis=1),)


@pytest.mark.parametrize("wrong", [0, 1, 9])
def test_a_vin_in_two_lines_is_found_though_one_was_first_read_on_its_head(
    opened: models.Models, wrong: int
) -> None:
    passes = Passes(dataclasses.replace(opened, direction=Errs(wrong)))
    picture = decode(encoded(plate("TMBZZZNE9\nAP044383")))
    assert next(iter(passes.read(picture, 0.9).posterior), None) == "TMBZZZNE9AP044383"


class Refuses:
    """A network that must not be run."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError("the larger detector was run")


def test_a_vin_that_was_first_read_on_its_head_needs_no_second_detection(
    opened: models.Models,
) -> None:
    passes = Passes(dataclasses.replace(opened, direction=Errs(0), detector=Refuses()))
    picture = decode(encoded(plate()))
    assert next(iter(passes.read(picture, 0.9).posterior), None) == VIN


def test_what_several_strips_say_does_not_depend_on_when_they_were_weighed() -> None:
    box = Box(0, 0, 340.0, 33.0, 0.0, 1.0)
    doubt = [{"B": 0.6, "8": 0.4} if c == "8" else {c: 0.9, "J": 0.1} for c in VIN]
    strips = [_said(VIN, 0.9), Frames(frames(*doubt), VIN, *spelling(frames(*doubt)))]
    at_once, one_by_one = Line((box,)), Line((box,))
    at_once.strips += strips
    for strip in strips:
        one_by_one.strips.append(strip)
        one_by_one.scores()
    assert one_by_one.scores() == at_once.scores()
    said = [float(log_likelihoods(strip.probabilities, [VIN])[0]) for strip in strips]
    assert said[0] != pytest.approx(said[1])
    assert one_by_one.picture[VIN] == pytest.approx(np.mean(said))


FOUND = Box(400.0, 100.0, 340.0, 40.0, 0.0, 1.0)


@pytest.mark.parametrize(
    ("width", "height", "with_another", "may_be"),
    [
        (340, 40, False, True),  # as long and as high
        (170, 20, False, True),  # half as large
        (220, 40, False, True),  # its box missed an end
        (160, 40, True, True),  # half of one in two lines
        (160, 40, False, False),  # eight letters, nothing beside them
        (100, 40, True, False),  # too few letters for a part
        (100, 12, False, False),  # much smaller
    ],
)
def test_a_line_is_another_vin_by_its_shape_or_a_part_of_one_beside_the_other_part(
    width: float, height: float, with_another: bool, may_be: bool
) -> None:
    line = Box(400.0, 300.0, width, height, 0.0, 1.0)
    below = Box(400.0, 300.0 + 1.1 * height, width, height, 0.0, 1.0)
    elsewhere = Box(700.0, 500.0, width, height, 0.0, 1.0)
    boxes = [line, below if with_another else elsewhere]
    assert may_be_another(line, FOUND, boxes) == may_be
