"""Tesseract behind the pipe, in the page mode that reads most VINs (11: sparse text)."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

sys.path.insert(0, str(Path(__file__).parent))

from pipe import serve  # type: ignore[import-not-found]


def read(path: str) -> dict[str, Any]:
    """Turn the photo upright, scale small ones up as its manual advises, and read it."""
    with Image.open(path) as opened, tempfile.NamedTemporaryFile(suffix=".png") as upright:
        image = ImageOps.exif_transpose(opened).convert("L")
        if max(image.size) < 1000:
            factor = 1000 / max(image.size)
            image = image.resize((round(image.width * factor), round(image.height * factor)))
        image.save(upright.name, compress_level=1)
        done = subprocess.run(
            ["tesseract", upright.name, "stdout", "--psm", "11", "--oem", "1"],
            capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
    return {"lines": [line for line in done.stdout.splitlines() if line.strip()]}


if __name__ == "__main__":
    serve(read)
