"""RapidOCR as its users run it, behind the pipe. Runs in an environment of its own."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from pipe import serve  # type: ignore[import-not-found]


def main() -> None:
    from rapidocr import RapidOCR

    logging.disable(logging.INFO)
    engine = RapidOCR()

    def read(path: str) -> dict[str, Any]:
        result: Any = engine(path)
        return {"lines": list(result.txts or ())}

    serve(read)


if __name__ == "__main__":
    main()
