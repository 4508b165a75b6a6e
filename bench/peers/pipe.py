"""A reader in a process of its own, asked over a pipe: one JSON line per photo.

In: ``{"path": …}``. Out: ``{"lines": […]}`` of a general OCR, or ``{"vin": …, "confidence": …,
"candidates": […]}`` of ours, with ``"ms"`` and, in every line, the process's peak memory.
Shared by all peers, also in an environment where vindrop is not installed: standard library only.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any


def serve(read: Callable[[str], dict[str, Any]]) -> None:
    """Answer requests until the input ends."""
    out = sys.stdout
    sys.stdout = sys.stderr  # whatever a library prints is not an answer
    for line in sys.stdin:
        path = json.loads(line)["path"]
        started = time.perf_counter()
        try:
            answer = read(path)
        except Exception as e:  # noqa: BLE001 (a peer that fails on a photo has read nothing)
            answer = {"lines": [], "error": f"{type(e).__name__}: {e}"}
        answer["ms"] = (time.perf_counter() - started) * 1000
        answer["peak_rss_mb"] = round(
            max(
                resource.getrusage(who).ru_maxrss
                for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
            )
            / (1024 if sys.platform != "darwin" else 1024 * 1024)
        )
        print(json.dumps(answer), file=out, flush=True)
