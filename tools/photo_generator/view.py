"""Where the camera stands: from the flat plane of a plate to the frame of the photo."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from photo_generator.textures import Floats, Size, from_mask

Box = tuple[float, float, float, float]
"""(left, top, right, bottom) in pixels of the plane."""

MARGIN = 0.025
"""Share of the frame that stays free around a VIN which must be whole."""


@dataclass(frozen=True)
class Pose:
    """How the phone is held. Angles in degrees, the rest in shares."""

    fraction: float
    """Width of the VIN over width of the frame."""
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    drift: tuple[float, float] = (0.0, 0.0)
    """Where the VIN's middle lies off the frame's middle, in shares of the frame."""
    distance: float = 2.2
    """Camera to plate, in VIN widths; near means strong perspective."""


@dataclass(frozen=True)
class View:
    """A homography from plane to frame."""

    size: Size
    matrix: npt.NDArray[np.float64]

    def place(self, layer: Image.Image) -> Image.Image:
        """Return ``layer`` as the frame sees it; black (and clear) outside it."""
        inverse = np.linalg.inv(self.matrix)
        inverse /= inverse[2, 2]
        return layer.transform(
            self.size,
            Image.Transform.PERSPECTIVE,
            [float(c) for c in inverse.flatten()[:8]],
            Image.Resampling.BICUBIC,
        )

    def place_grey(self, layer: Image.Image) -> Floats:
        """The same for a layer of mode L, as 0 to 1."""
        return from_mask(self.place(layer))

    def project(self, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Map plane points (n, 2) to the frame."""
        flat = np.asarray(points, np.float64)
        out = np.c_[flat, np.ones(len(flat))] @ self.matrix.T
        return np.asarray(out[:, :2] / out[:, 2:], np.float64)


def aim(size: Size, box: Box, pose: Pose) -> View:
    """Point the camera so that ``box`` (the VIN's line) lies whole inside the frame."""
    matrix = _look(box, pose, size[0])
    corners = View(size, matrix).project(_corners(box))
    extent = np.ptp(corners, axis=0)
    room = np.asarray(size) * (1 - 2 * MARGIN)
    shrink = float(min(1.0, *(room / np.maximum(extent, 1))))
    corners, extent = corners * shrink, extent * shrink
    low = np.asarray(size) * MARGIN - corners.min(axis=0)
    high = np.asarray(size) * (1 - MARGIN) - corners.max(axis=0)
    middle = np.asarray(size) * (0.5 + np.asarray(pose.drift)) - (
        (corners.min(axis=0) + corners.max(axis=0)) / 2
    )
    dx, dy = np.clip(middle, low, high)
    after = np.array([[shrink, 0, dx], [0, shrink, dy], [0, 0, 1]])
    return View(size, after @ matrix)


def _look(box: Box, pose: Pose, frame_width: int) -> npt.NDArray[np.float64]:
    width = box[2] - box[0]
    cx, cy = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    yaw, pitch, roll = (math.radians(a) for a in (pose.yaw, pose.pitch, pose.roll))
    about_y = np.array(
        [[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]]
    )
    about_x = np.array(
        [[1, 0, 0], [0, math.cos(pitch), -math.sin(pitch)], [0, math.sin(pitch), math.cos(pitch)]]
    )
    about_z = np.array(
        [[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]]
    )
    turned = about_z @ about_x @ about_y
    focal = pose.fraction * frame_width * pose.distance
    plane = np.column_stack([turned[:, 0], turned[:, 1], [0.0, 0.0, pose.distance]])
    unit = np.array([[1 / width, 0, -cx / width], [0, 1 / width, -cy / width], [0, 0, 1]])
    return np.asarray(np.diag([focal, focal, 1.0]) @ plane @ unit, np.float64)


def _corners(box: Box) -> list[tuple[float, float]]:
    return [(box[0], box[1]), (box[2], box[1]), (box[2], box[3]), (box[0], box[3])]
