"""A reader process: ``python -m vinocr.worker``, started and watched by `vinocr.pool`.

It reads images from standard input and writes answers to standard output, both in frames: four
bytes of length (big-endian), a JSON object of that length, then as many bytes as its ``size``
says. It ends when its input does, so it never outlives the server.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import signal
import struct
import sys
from typing import Any, BinaryIO, Final

from vinocr import logs

LENGTH: Final = struct.Struct(">I")


def write_frame(stream: BinaryIO, head: dict[str, Any], body: bytes = b"") -> None:
    """Write one frame; ``size`` is added to the head."""
    data = json.dumps(head | {"size": len(body)}).encode()
    stream.write(LENGTH.pack(len(data)) + data)
    stream.write(body)
    stream.flush()


def read_frame(stream: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """Read one frame, or None at the end of the stream."""
    prefix = stream.read(LENGTH.size)
    if len(prefix) < LENGTH.size:
        return None
    head: dict[str, Any] = json.loads(stream.read(LENGTH.unpack(prefix)[0]))
    return head, stream.read(head["size"])


def main(argv: list[str] | None = None) -> int:
    """Load the reader, then answer images until the input ends."""
    parser = argparse.ArgumentParser(prog="python -m vinocr.worker")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--max-pixels", type=int, required=True)
    parser.add_argument("--threshold", type=float)
    parser.add_argument("--max-error", type=float)
    options = parser.parse_args(argv)

    # The server ends its readers; a terminal's Ctrl-C reaches the whole group and must not.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Whatever a library prints goes to the log: the real standard output carries frames only.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    images = sys.stdin.buffer

    from vinocr.reader import ImageError, Reader

    given = {
        name: value
        for name, value in (("threshold", options.threshold), ("max_error", options.max_error))
        if value is not None
    }
    reader = Reader(threads=options.threads, max_pixels=options.max_pixels, **given)
    write_frame(answers, {"kind": "ready", "pid": os.getpid()})
    while (frame := read_frame(images)) is not None:
        _, image = frame
        try:
            answer = reader.read(image)
        except ImageError as error:
            write_frame(answers, {"kind": "refused", "code": error.code})
        except MemoryError:
            return 1  # what is left of this process cannot be trusted: a fresh one takes over
        except Exception as error:  # noqa: BLE001 - one bad image must not cost the next caller
            write_frame(answers, {"kind": "failed", "why": logs.where(error)})
        else:
            write_frame(answers, {"kind": "answer", "answer": dataclasses.asdict(answer)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
