"""The reader behind VinOCR: a photo's bytes in, its VIN or the reason why not out.

>>> from vinocr.reader import Reader
>>> reader = Reader(threads=2)                              # loads the networks once
>>> answer = reader.read(open("photo.jpg", "rb").read())    # doctest: +SKIP
>>> answer.vin, answer.confidence                           # doctest: +SKIP
('WDD2131426L004847', 0.998)

Networks are loaded by `Reader`, not by importing this package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vinocr.reader.answer import Alternative, Answer, ImageError

if TYPE_CHECKING:
    from vinocr.reader.models import ModelsMissingError
    from vinocr.reader.reader import Reader

__all__ = ["Alternative", "Answer", "ImageError", "ModelsMissingError", "Reader"]


def __getattr__(name: str) -> Any:
    """Import numpy, Pillow and the rest only when the reader itself is asked for."""
    if name == "Reader":
        from vinocr.reader.reader import Reader

        return Reader
    if name == "ModelsMissingError":
        from vinocr.reader.models import ModelsMissingError

        return ModelsMissingError
    raise AttributeError(name)
