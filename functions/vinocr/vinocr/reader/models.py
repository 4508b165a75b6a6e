"""The networks: where they are, and how they are opened.

In `weights` beside this module: the VIN recogniser and the second witness, trained by
`tools/training` from PP-OCRv6 small and PP-OCRv5 mobile, and the PP-OCRv6 tiny detector. In the `rapidocr` wheel: the PP-OCRv6 small detector and
the PP-OCR direction classifier. All are ONNX files and Apache-2.0 or derived from it; none of
rapidocr's code is imported.
"""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import onnxruntime

WEIGHTS: Final = Path(__file__).with_name("weights")
"""Folder of the files that are our own, or in no wheel that is installed."""
_OURS: Final = {"quick_detector": "detector.onnx", "recognizer": "recognizer.onnx",
                "witness": "witness.onnx"}  # fmt: skip
_RAPIDOCR: Final = {
    "detector": "PP-OCRv6_det_small.onnx",
    "direction": "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
}


class ModelsMissingError(RuntimeError):
    """The model files are not installed. ``str()`` says how to install them."""


@dataclass(frozen=True, slots=True)
class Models:
    """The opened networks."""

    quick_detector: onnxruntime.InferenceSession
    """As `detector`, at a fifth of its cost; misses some faint lines."""
    detector: onnxruntime.InferenceSession
    """(1, 3, height, width), multiples of 32, BGR −1…1 → (1, 1, height, width) text map."""
    recognizer: onnxruntime.InferenceSession
    """(n, 3, 48, width) BGR −1…1 → (n, width / 8, classes) probabilities."""
    witness: onnxruntime.InferenceSession
    """As `recognizer`, of another architecture, with our own classes."""
    direction: onnxruntime.InferenceSession
    """(n, 3, 48, 192) BGR −1…1 → (n, 2): upright, upside down."""
    characters: tuple[str, ...]
    """What each of the recogniser's classes stands for; the first is CTC's blank."""
    witness_characters: tuple[str, ...]
    """The same of the witness."""


def folder() -> Path:
    """Return the folder of the model files inside the installed `rapidocr`, else the user's cache.

    :raises ModelsMissingError: rapidocr is not installed, and nothing is in the cache.
    """
    spec = importlib.util.find_spec("rapidocr")
    if spec is not None and spec.submodule_search_locations:
        return Path(spec.submodule_search_locations[0]) / "models"
    if all((cache() / name).is_file() for name in _RAPIDOCR.values()):
        return cache()
    raise ModelsMissingError(
        "The model files are missing: install them with pip install --no-deps 'rapidocr==3.10.0'."
    )


def cache() -> Path:
    """Return where the `vindrop` command keeps the model files that it fetched."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    return Path(home) / "vindrop" / "models"


def load(threads: int, where: Path | None = None) -> Models:
    """Open the networks.

    :param threads: threads within one network run.
    :param where: a folder with model files; those of its files that have the expected names are
        taken instead of our own and instead of those of the installed rapidocr.
    :raises ModelsMissingError: a file is not there.
    """
    import onnxruntime

    where = where or folder()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Photos come in all shapes: an arena would keep the largest seen and a memory pattern one
    # plan per shape, for good. Without both, the peak is half.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    # Idle threads must sleep: a busy wait would be billed, and slow the other worker processes.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3

    sessions: dict[str, Any] = {}
    for role, name in (_OURS | _RAPIDOCR).items():
        path = where / name
        if role in _OURS and not path.is_file():
            path = WEIGHTS / name
        if not path.is_file():
            raise ModelsMissingError(
                f"The model file {name} is missing: reinstall with pip install --no-deps 'rapidocr==3.10.0'."
            )
        sessions[role] = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    return Models(
        **sessions,
        characters=_characters(sessions["recognizer"]),
        witness_characters=_characters(sessions["witness"]),
    )


def _characters(recognizer: onnxruntime.InferenceSession) -> tuple[str, ...]:
    listed = recognizer.get_modelmeta().custom_metadata_map["character"]
    return ("", *listed.splitlines(), " ")
