"""Photos per second of the whole VinOCR server on two cores, beside RapidOCR behind HTTP.

    python -m bench.throughput --truth FOLDER/truth.csv [MORE/truth.csv …] [--rounds 3] [--photos 60]

Both servers run all the while; the rounds alternate between them, so that whatever else the machine
does hits both alike. Four clients send photos as fast as answers come. Each server is tried with one
process of two threads and with two of one, and judged by its better form. Ours checks signature, rate and
image and answers a VIN; RapidOCR's answers lines of text, and nothing is made of them. The last line is
one JSON object; `ratio` is ours over RapidOCR's, in photos per second. Status 1 where it is below 2.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import http.client
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from bench.accuracy import load
from bench.peers.start import PeerMissingError, rapidocr_python
from bench.slow_clients import call
from tests.vinocr.vinocr_support import ID, KEY
from vinocr.launcher import ServerProcess

CLIENTS: Final = 4
FORMS: Final = ((1, 2), (2, 1))
"""Processes and the threads of each."""
BAR: Final = 2.0
MOST_BYTES: Final = 5_000_000
"""Larger photos are re-encoded by the function before they are sent: not here."""
_SERVER: Final = Path(__file__).resolve().parent / "peers" / "serve_rapidocr.py"
Send = Callable[[bytes], bool]
"""Sends one photo; returns whether something was read in it."""


@contextlib.contextmanager
def ours(processes: int, threads: int) -> Iterator[Send]:
    """Run VinOCR."""
    with tempfile.TemporaryDirectory(prefix="vindrop-throughput-") as folder:
        settings = {
            "VINOCR_SECRET_ID": ID, "VINOCR_SECRET_KEY": KEY, "VINOCR_RATE": "1000",
            "VINOCR_WORKERS": str(processes), "VINOCR_THREADS": str(threads),
            "VINOCR_QUEUE_SECONDS": "120", "VINOCR_READ_SECONDS": "120",
        }  # fmt: skip
        with ServerProcess.start(settings, log=Path(folder) / "log.jsonl") as server:
            server.wait_ready()

            def send(photo: bytes) -> bool:
                parameters = {"ImageBase64": base64.b64encode(photo).decode()}
                said = call(server.host, server.port, parameters, timeout=150)
                if said.startswith(("FailedOperation", "InvalidParameter")):
                    return False
                if len(said) != 17:
                    raise RuntimeError(f"VinOCR answered {said}")
                return True

            yield send


@contextlib.contextmanager
def rapidocr(processes: int, threads: int) -> Iterator[Send]:
    """Run RapidOCR."""
    child = subprocess.Popen(
        [rapidocr_python(), str(_SERVER), str(processes), str(threads)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert child.stdout is not None
    try:
        port = int(child.stdout.readline())

        def send(photo: bytes) -> bool:
            line = http.client.HTTPConnection("127.0.0.1", port, timeout=150)
            line.request("POST", "/", photo)
            answer = json.loads(line.getresponse().read())
            line.close()
            return bool(answer["lines"])

        yield send
    finally:
        child.communicate()  # its standard input ends, and with it the server
        child.wait(30)


def rate(send: Send, photos: Sequence[bytes]) -> tuple[float, int]:
    """Send all photos from `CLIENTS` threads; return photos per second, and in how many was text."""
    waiting = iter(photos)
    lock = threading.Lock()
    read: list[bool] = []

    def client() -> None:
        while True:
            with lock:
                photo = next(waiting, None)
            if photo is None:
                return
            read.append(send(photo))

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(read) != len(photos):
        raise RuntimeError("a client failed: see above")
    return len(photos) / (time.monotonic() - started), sum(read)


def run(photos: Sequence[bytes], rounds: int) -> dict[str, Any]:
    """Measure both servers in both forms; see the module."""
    result: dict[str, Any] = {"photos": len(photos), "rounds": rounds, "clients": CLIENTS}
    best: dict[str, float] = {}
    for form in FORMS:
        with ours(*form) as our_send, rapidocr(*form) as their_send:
            servers = {"vindrop": our_send, "rapidocr": their_send}
            for send in servers.values():
                rate(send, photos[: 2 * CLIENTS])  # a server that serves is a warm one
            seconds = dict.fromkeys(servers, 0.0)
            for _ in range(rounds):
                for name, send in servers.items():
                    per_second, read = rate(send, photos)
                    seconds[name] += len(photos) / per_second
                    result[f"{name}_read"] = read
            for name in servers:
                per_second = rounds * len(photos) / seconds[name]
                result[f"{name}_{form[0]}x{form[1]}"] = round(per_second, 2)
                best[name] = max(best.get(name, 0.0), per_second)
    result |= {name: round(value, 2) for name, value in best.items()}
    result["ratio"] = round(best["vindrop"] / best["rapidocr"], 2)
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="throughput", description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "--truth", type=Path, required=True, nargs="+", help="CSVs with the column file"
    )
    parser.add_argument("--rounds", type=int, default=3, help="of each server and form (default 3)")
    parser.add_argument("--photos", type=int, default=60, help="of each round (default 60)")
    parser.add_argument("--seed", type=int, default=1, help="of the choice of photos (default 1)")
    options = parser.parse_args(arguments)
    try:
        rows = [row for truth in options.truth for row in load(truth)]
        fit = [row.path for row in rows if row.path.stat().st_size <= MOST_BYTES]
        chosen = random.Random(options.seed).sample(fit, min(options.photos, len(fit)))
        result = run([path.read_bytes() for path in chosen], options.rounds)
    except (OSError, ValueError, PeerMissingError) as e:
        print(f"throughput: {e}", file=sys.stderr)
        return 2
    print(json.dumps(result))
    return 0 if result["ratio"] >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
