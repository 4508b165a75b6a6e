"""VinOCR whose readers take a fixed time: queue, refusals, hang-ups and bill are the real ones.

``python -m bench.rig.slow_reader``: for load alone. Each reader is a process of its own that
answers known photos (`bench.rig.photos`) after BENCH_READ_SECONDS, as the real one would, without
its processor time. Nothing in the product leads here.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from bench.rig.photos import number_of, vin_of


def read(options: dict[str, Any]) -> int:
    """Be a reader: what `vinocr.serve.reader_process` is."""
    from vinocr.reader import Answer
    from vinocr.serve.reader_process import read_image, write_answer

    answers, images = sys.stdout.buffer, sys.stdin.buffer
    with Path(options["notes"]).open("a", buffering=1) as notes:
        write_answer(answers, "ready")
        while (image := read_image(images)) is not None:
            came, number = time.monotonic(), number_of(image)
            time.sleep(options["seconds"])
            if number is None:
                write_answer(answers, "refused", code="undecodable")
                continue
            notes.write(f"{came:.6f} {number}\n")
            vin = vin_of(number)
            spent = (time.monotonic() - came) * 1000
            answer = Answer(vin, vin, 0.99, (0.99,) * 17, None, (), None, False, 1, spent)
            write_answer(answers, "answer", answer=dataclasses.asdict(answer))
    return 0


def serve() -> int:
    """Be the server."""
    from vinocr.__main__ import main
    from vinocr.serve import http_server

    options = {
        "notes": os.environ["BENCH_READINGS"],
        "seconds": float(os.environ["BENCH_READ_SECONDS"]),
    }
    command = [sys.executable, "-m", "bench.rig.slow_reader", json.dumps(options)]
    setattr(http_server, "reader_command", lambda _: command)  # noqa: B010
    return main()


if __name__ == "__main__":
    given = sys.argv[1] if len(sys.argv) > 1 else ""
    sys.exit(read(json.loads(given)) if given.startswith("{") else serve())
