"""Serves the console alone, to be killed: ``python -m tests.console.serve STATE BUCKET PORT``.

The real stack, but for one thing: what lies in the bucket is not read.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from vindrop_local.stack import Place, Stack


def main(state: str, bucket: str, port: str) -> None:
    """Serve until killed."""
    place = Place(Path(state), Path(bucket))
    with Stack(place, http_port=int(port), instances=2, watch=False) as stack:
        print(stack.console_link(), flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
