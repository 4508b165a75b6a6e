"""Zips that are the same, byte for byte, whenever and wherever they are built."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The oldest date that the format knows."""


def pack(folder: Path, target: Path, *, inside: str = "", executable: Iterable[str] = ()) -> None:
    """Write all files below ``folder`` to the zip ``target``, sorted, with fixed dates and modes.

    :param inside: prepended to every name, with a trailing slash.
    :param executable: names that get mode 755; all others 644.
    """
    marked = set(executable)
    target.parent.mkdir(parents=True, exist_ok=True)
    half = target.with_suffix(".part")
    with zipfile.ZipFile(half, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()):
            info = zipfile.ZipInfo(inside + name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3  # Unix, wherever it is built: else the modes are lost
            info.external_attr = (0o100755 if name in marked else 0o100644) << 16
            archive.writestr(info, (folder / name).read_bytes())
    half.replace(target)


def sha256(path: Path) -> str:
    """Return the file's SHA-256 in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def unzipped(path: Path) -> int:
    """Return the bytes that the zip takes once it is unpacked."""
    with zipfile.ZipFile(path) as archive:
        return sum(info.file_size for info in archive.infolist())
