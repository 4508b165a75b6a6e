"""VinOCR that reads a photo once: ``python -m tests.remembering``, a `VinOCRProcess`'s ``module``.

Hundreds of tests have the same few photos read, and what they look at is everything around the
reading. The first reading of an image is the reader's own; it is kept in the folder that
``TESTS_REMEMBERED`` names, which the workers of xdist share. Limits, faults, accounts, metrics and
bills are VinOCR's as ever. Tests of the reader and of VinOCR itself start ``vinocr``, which forgets.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from pydantic import TypeAdapter

from vinocr import __main__
from vinocr.reader import Answer
from vinocr.serve.reader_pool import ReaderPool

_ANSWER = TypeAdapter(Answer)
_read = ReaderPool.read


async def read(self: ReaderPool, image: bytes, owner: str = "", waited: float = 0.0) -> Answer:
    """Return what was read in ``image`` before, or have it read."""
    told = hashlib.sha256("\0".join(self.command[1:]).encode() + image).hexdigest()
    path = Path(os.environ["TESTS_REMEMBERED"], f"{told}.json")
    if kept := _kept(path):
        return kept
    answer = await _read(self, image, owner, waited)
    _keep(path, answer)
    return answer


def _kept(path: Path) -> Answer | None:
    return _ANSWER.validate_json(path.read_bytes()) if path.exists() else None


def _keep(path: Path, answer: Answer) -> None:
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_bytes(_ANSWER.dump_json(answer))
    fresh.replace(path)


if __name__ == "__main__":
    ReaderPool.read = read  # type: ignore[method-assign]
    sys.exit(__main__.main())
