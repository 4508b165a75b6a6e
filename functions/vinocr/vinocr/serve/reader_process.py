"""A reader process: ``python -m vinocr.serve.reader_process OPTIONS``; `reader_pool` starts it.

Standard input carries images, each after four bytes of length (big-endian); standard output carries
answers, one line of JSON each. It ends when its input does, so it never outlives the server.
"""

from __future__ import annotations

import ctypes
import dataclasses
import json
import os
import signal
import struct
import sys
from typing import Any, BinaryIO, Final

from vinocr import logging_json
from vinocr.serve import sandbox

LENGTH: Final = struct.Struct(">I")
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's mallopt."""
_LARGEST_KEPT: Final = 32 * 1024 * 1024
"""Bytes of one block; glibc takes no larger figure."""
_MOST_KEPT: Final = 128 * 1024 * 1024
"""Bytes at the heap's end."""


def read_image(stream: BinaryIO) -> bytes | None:
    """Read one image, or None at the end of the stream."""
    prefix = stream.read(LENGTH.size)
    return stream.read(LENGTH.unpack(prefix)[0]) if len(prefix) == LENGTH.size else None


def write_answer(stream: BinaryIO, kind: str, **content: Any) -> None:
    """Write one answer: ``ready``, ``answer``, ``refused`` (by its ``code``) or ``failed``."""
    stream.write(json.dumps({"kind": kind, **content}).encode() + b"\n")
    stream.flush()


def keep_memory() -> None:
    """Have the C library keep memory that is given back, for the next network run.

    The networks' arenas are off, so each run takes and gives back megabytes; by default the library
    returns those to the system at once, which clears and maps them anew every time. No-op without
    glibc.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT)
        mallopt(_TRIM_THRESHOLD, _MOST_KEPT)


def main(options: dict[str, Any]) -> int:
    """Load the reader, then answer images until the input ends; ``options`` are `Reader`'s."""
    # The server ends its readers; a terminal's Ctrl-C reaches the whole group and must not.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Whatever a library prints goes to the log: the real standard output carries answers only.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    images = sys.stdin.buffer

    keep_memory()
    from vinocr.reader import ImageError, Reader

    reader = Reader(**options, alone=True)
    write_answer(answers, "ready", confined=sandbox.confine())
    while (image := read_image(images)) is not None:
        try:
            answer = reader.read(image)
        except ImageError as error:
            write_answer(answers, "refused", code=error.code, limit=error.limit)
        except MemoryError:
            return 1  # the process cannot be trusted any more: a new one replaces it
        except Exception as error:  # noqa: BLE001 - one bad image must not cost the next caller
            write_answer(answers, "failed", why=logging_json.where(error))
        else:
            write_answer(answers, "answer", answer=dataclasses.asdict(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
