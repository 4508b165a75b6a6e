"""A barcode of the VIN, where one is in the picture: a second witness.

Door labels carry Code 39, registration papers QR or Data Matrix. A barcode is not read
letter by letter, so no look-alike is mended: what it says is a VIN as it stands, or none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from PIL import Image

from vindrop.domain.vin import LENGTH, is_well_formed

SIDE: Final = 1600
"""Pixels along the longer side; bars are coarser than letters."""


@dataclass(frozen=True, slots=True)
class Code:
    """A VIN that a barcode says."""

    vin: str
    checked: bool
    """The symbology checks what it read (all but Code 39)."""


def codes(image: Image.Image) -> list[Code]:
    """Return the VINs in all barcodes of an RGB image."""
    import zxingcpp

    kinds = zxingcpp.BarcodeFormat
    grey = image.convert("L")
    grey.thumbnail((SIDE, SIDE))
    formats = zxingcpp.BarcodeFormats(
        [kinds.Code39, kinds.Code128, kinds.DataMatrix, kinds.QRCode, kinds.PDF417]
    )
    found = zxingcpp.read_barcodes(grey, formats=formats)
    out: dict[str, bool] = {}
    for one in found:
        for vin in vins_in(one.text):
            checked = one.symbology != kinds.Code39
            out[vin] = out.get(vin, False) or checked
    return [Code(vin, checked) for vin, checked in out.items()]


def vin_in(text: str) -> str | None:
    """Return the first VIN that a barcode's text holds, or None.

    >>> vin_in("IWDD2131426L004847"), vin_in("*WDD2131426L004847*"), vin_in("8711253001202")
    ('WDD2131426L004847', 'WDD2131426L004847', None)
    """
    return next(iter(vins_in(text)), None)


def vins_in(text: str) -> list[str]:
    """Return the VINs that a barcode's text holds, each once.

    A leading I marks an import (Code 39 labels), and some makers add one character behind; in
    longer texts (papers, links) the VIN stands between other fields.
    """
    found: dict[str, None] = {}
    for word in re.split(r"[^0-9A-Z]+", text.upper()):
        if is_well_formed(word):
            found[word] = None
        if len(word) in (LENGTH + 1, LENGTH + 2):
            bare = word[1:] if word[0] == "I" else word
            if len(bare) <= LENGTH + 1 and is_well_formed(bare[:LENGTH]):
                found[bare[:LENGTH]] = None
    return list(found)
