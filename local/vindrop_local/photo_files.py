"""Which files are photos, in a folder or as they are named, and what is read of them."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vindrop_local.errors import UserError
from vindrop_local.terminal import console, shown

SUFFIXES: Final = frozenset(
    (".jpg", ".jpeg", ".png", ".heic", ".heif", ".avif", ".webp", ".tif", ".tiff", ".bmp", ".jp2")
)
"""Of what is taken for a photo in a folder."""
_NO_FILES: Final[tuple[tuple[Callable[[int], bool], str], ...]] = (
    (stat.S_ISDIR, "it is a folder, not a file"),
    (stat.S_ISFIFO, "it is a pipe, not a file"),
    (stat.S_ISSOCK, "it is a socket, not a file"),
    (stat.S_ISCHR, "it is a device, not a file"),
    (stat.S_ISBLK, "it is a device, not a file"),
)


@dataclass(frozen=True, slots=True)
class Folder:
    """What has a photo's name in a folder."""

    path: Path
    photos: list[Path]
    """By name. Those that cannot be read are among them: whoever reads them says why."""
    left_out: dict[Path, str]
    """What is no regular file, such as a folder or a pipe, with a sentence that says so."""

    def without_photo(self) -> str:
        """Return what to say where there is no photo in it."""
        for path, why in self.left_out.items():
            return f"there is no photo in {self.path}: {path.name} is left out: {why}"
        kinds = ", ".join(sorted(each.removeprefix(".") for each in SUFFIXES))
        return f"there is no photo in {self.path}: photos end in {kinds}"


def not_a_file(path: Path) -> str:
    """Return why there is nothing to read as a photo at ``path``; empty: it is a file, or not there.

    A pipe without a writer, or a device, would be read for ever.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):  # whoever reads it says why
        return ""
    return next((why for is_kind, why in _NO_FILES if is_kind(mode)), "")


def photos_in(folder: Path) -> Folder:
    """Return the photos in a folder by name; those in folders below it are not looked at.

    :raises UserError: the folder cannot be read.
    """
    try:
        named = sorted(each for each in folder.iterdir() if each.suffix.lower() in SUFFIXES)
    except OSError as error:
        raise UserError(f"cannot read {folder}: {error.strerror}") from None
    left_out = {each: why for each in named if (why := not_a_file(each))}
    return Folder(folder, [each for each in named if each not in left_out], left_out)


def files_of(given: list[Path]) -> tuple[list[Path], int]:
    """Return files as they are given, of each folder the photos in it, and how many folders have none.

    What is left out is told on standard error.

    :raises UserError: there is no photo at all.
    """
    files: list[Path] = []
    told: list[str] = []
    without = 0
    for path in given:
        if not os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises where a folder is closed
            files.append(path)
            continue
        found = photos_in(path)
        files += found.photos
        if found.photos:
            told += [f"{each} is left out: {why}" for each, why in found.left_out.items()]
        else:
            told.append(found.without_photo())
            without += 1
    if not files:
        raise UserError(told[0])
    err = console(error=True)
    for each in told:
        err.print(shown(each), soft_wrap=True)
    return files, without


def data_of(photo: Path) -> bytes:
    """Return what is in a file, or in a pipe of the shell's own: ``<(…)``, ``/dev/stdin``.

    :raises OSError: it is no file, or cannot be read.
    """
    why = not_a_file(photo)
    if why and not (photo.is_fifo() and photo.is_relative_to("/dev")):
        raise OSError(0, why)
    return photo.read_bytes()
