"""Our own reader behind the pipe."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from pipe import serve  # type: ignore[import-not-found]

from vinocr.reader import Reader


def main() -> None:
    reader = Reader(threads=int(os.environ.get("THREADS", "2")))

    def read(path: str) -> dict[str, Any]:
        answer = reader.read(Path(path).read_bytes())
        return {
            "vin": answer.vin,
            "best": answer.vin or next((a.vin for a in answer.alternatives), None),
            "confidence": answer.confidence,
            "reason": answer.reason,
            "looks": answer.looks,
        }

    serve(read)


if __name__ == "__main__":
    main()
