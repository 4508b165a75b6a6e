"""Where the functions and the samples are: in the clone, or as the wheel carries them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_CLONE: Final = Path(__file__).resolve().parents[2]
_CARRIED: Final = Path(__file__).resolve().with_name("carried")
ROOT: Final = _CARRIED if _CARRIED.is_dir() else _CLONE
"""Folder that holds ``functions`` and ``events``."""
