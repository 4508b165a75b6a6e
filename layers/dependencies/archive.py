"""Zips that are the same, byte for byte, whenever and wherever they are built."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import Any, Final

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The oldest date that the format knows."""


def pack(folder: Path, target: Path, *, inside: str = "") -> dict[str, Any]:
    """Write all files below ``folder`` to the zip ``target``, sorted, with fixed dates and modes.

    Returns what the manifest says of it.

    :param inside: prepended to every name, with a trailing slash.
    """
    unzipped = 0
    target.parent.mkdir(parents=True, exist_ok=True)
    half = target.with_suffix(".part")
    with zipfile.ZipFile(half, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()):
            info = zipfile.ZipInfo(inside + name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3  # Unix, wherever it is built: else the modes are lost
            info.external_attr = 0o100644 << 16
            archive.writestr(info, (folder / name).read_bytes())
            unzipped += info.file_size
    half.replace(target)
    data = target.read_bytes()
    return {
        "sha256": hashlib.sha256(data).hexdigest(),
        "zipped_bytes": len(data),
        "unzipped_bytes": unzipped,
    }
