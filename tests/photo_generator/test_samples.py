"""Good photos: what a test, a bench or the demo relies on when it asks for them."""

from __future__ import annotations

import io
from itertools import islice

import numpy as np
import pytest
from PIL import Image, ImageOps

from photo_generator import KINDS, samples
from photo_generator.camera import jpeg, turned
from photo_generator.dots import matrix_points
from photo_generator.faces import DOTTED, PRINTED, STAMPED, line
from vindrop.domain import vin as rules


def decoded(data: bytes) -> Image.Image:
    return ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")


@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_photo_is_a_jpeg_of_its_kind_with_a_well_formed_vin(kind: str, hard: bool) -> None:
    (sample,) = samples(3, 1, hard=hard, kinds=[kind])
    assert sample.kind == kind
    assert sample.vin is not None
    assert rules.is_well_formed(sample.vin)
    assert sample.vin not in sample.name
    assert sample.vin.encode() not in sample.data
    picture = decoded(sample.data)
    assert max(picture.size) >= 640
    # A photo, not a flat drawing: no single colour covers much of it.
    colours = picture.resize((200, 200), Image.Resampling.NEAREST).getcolors(40_000)
    assert colours is not None
    assert max(count for count, _ in colours) < 0.2 * 40_000


def test_the_same_seed_makes_the_same_bytes_and_another_seed_others() -> None:
    first, again, other = (
        [s.data for s in samples(seed, 2, kinds=["label", "peened"])] for seed in (5, 5, 6)
    )
    assert first == again
    assert first[0] != other[0]
    assert first[1] != other[1]


def test_the_nth_photo_does_not_depend_on_how_many_are_asked_for() -> None:
    few = list(samples(5, 2))
    many = list(islice(samples(5, 1000), 2))
    assert [s.data for s in few] == [s.data for s in many]


def test_every_face_tells_all_letters_apart() -> None:
    # Two masks of the same shape would make a VIN that nobody can read.
    for face in (*PRINTED, *STAMPED, *DOTTED):
        masks = [np.asarray(line(c, face, 40).resize((60, 60)), np.int16) for c in rules.ALPHABET]
        for i, one in enumerate(masks):
            assert one.max() > 200, (face, rules.ALPHABET[i])
            for j in range(i):
                difference = np.abs(one - masks[j]).mean()
                assert difference > 1.0, (face, rules.ALPHABET[i], rules.ALPHABET[j])


def test_matrix_letters_lie_on_their_grid() -> None:
    points = matrix_points("1M8", slashed_zero=False)
    assert points[:, 1].min() == 0
    assert points[:, 1].max() == 6
    assert len(matrix_points("0", slashed_zero=True)) > len(matrix_points("0", slashed_zero=False))


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_turn_by_exif_shows_upright_and_a_turn_in_pixels_shows_turned(degrees: int) -> None:
    upright = Image.new("RGB", (64, 32), "black")
    upright.paste("white", (0, 0, 32, 16))  # the left upper quarter
    by_exif = decoded(jpeg(*_stored(turned(upright, degrees, by_exif=True))))
    assert by_exif.size == upright.size
    assert red(by_exif, 8, 8) > 200
    in_pixels = decoded(jpeg(*_stored(turned(upright, degrees, by_exif=False))))
    corner = {0: (4, 4), 90: (-4, 4), 180: (-4, -4), 270: (4, -4)}[degrees]
    x, y = (c % in_pixels.size[i] for i, c in enumerate(corner))
    assert red(in_pixels, x, y) > 200
    assert in_pixels.size == ((64, 32) if degrees in (0, 180) else (32, 64))


def red(picture: Image.Image, x: int, y: int) -> int:
    return int(np.asarray(picture)[y, x, 0])


def _stored(turn: tuple[Image.Image, int]) -> tuple[Image.Image, int, int]:
    picture, orientation = turn
    return picture, 90, orientation


def test_twelve_megapixels_can_be_asked_for() -> None:
    (sample,) = samples(2, 1, kinds=["stamped"], long_side=4000)
    assert max(decoded(sample.data).size) == 4000


def test_what_cannot_be_made_is_said_before_anything_is_made() -> None:
    with pytest.raises(ValueError, match="no such kind of photo: tattoo; choose from windscreen"):
        samples(1, 3, kinds=["tattoo"])
    with pytest.raises(ValueError, match="give 0 or more"):
        samples(1, -1)
    with pytest.raises(ValueError, match="640 to 12000"):
        samples(1, 1, long_side=64)
    with pytest.raises(ValueError, match="no makers of 'Atlantis' are known; choose from Africa"):
        samples(1, 1, within="Atlantis")
    assert list(samples(1, 0)) == []
