"""Honest clients of VinOCR beside hostile ones: their p95 with and without, in one run.

    python -m bench.slow_clients [--seconds 10] [--rounds 3] [--floods 4] [--size 60000]

The server is the real one; its readers wait 20 ms instead of reading. Eight honest clients send
signed photos one after the other. Beside them: 64 clients whose large bodies come at a few bytes a
second, 32 calls whose ImageUrl has a name that takes 25 s to resolve, and floods without an end: chunks
of one byte, chunks just long enough, header lines, and what is not HTTP. Whoever is refused
connects again at once. The hostile process has the lowest priority: its machine is not ours.
Rounds alternate: alone, beside. The last line is one JSON object; `ratio` is the p95 beside over the p95
alone, `failed` the honest calls that had no VIN. Status 1 where the ratio is over 2 or one failed.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import multiprocessing
import os
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from typing_extensions import Self

from bench.rig.report import percentile
from tests.vinocr.test_vinocr_floods import SLOW_NAMES
from tests.vinocr.vinocr_support import ID, KEY, VIN, b64, photo, stub_reader
from vinocr.api import signature
from vinocr.launcher import ServerProcess

HONEST: Final = 8
SLOW_CLIENTS: Final = 64
SLOW_CALLS: Final = 32
READING_SECONDS: Final = 0.02
_HEAD: Final = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
_CHUNKED: Final = _HEAD + b"transfer-encoding: chunked\r\n\r\n"
FLOODS: Final = {
    "chunks of one byte": (_CHUNKED, b"1\r\nx\r\n" * 2000),
    "chunks just long enough": (_CHUNKED, (b"100\r\n" + b"x" * 256 + b"\r\n") * 60),
    "header lines": (_HEAD, b"a: b\r\n" * 5000),
    "no HTTP": (b"", b"\x16\x03\x01\r\n\r\n" * 100),
}
_FORK: Final = multiprocessing.get_context("fork")


def call(host: str, port: int, parameters: dict[str, str], timeout: float = 60.0) -> str:
    """Make one signed call on a connection of its own; return the VIN, or the error's code."""
    body = json.dumps(parameters).encode()
    now = int(time.time())
    date = signature.utc_date(now)
    signed = {"content-type": "application/json", "host": f"{host}:{port}"}
    digest = hashlib.sha256(body).hexdigest()
    canonical = signature.canonical_request("POST", "", signed.items(), digest)
    sign = signature.tc3_signature(KEY, now, date, "ocr", canonical)
    headers = {
        **signed,
        "authorization": f"TC3-HMAC-SHA256 Credential={ID}/{date}/ocr/tc3_request, "
        f"SignedHeaders=content-type;host, Signature={sign}",
        "x-tc-action": "VinOCR",
        "x-tc-version": "2018-11-19",
        "x-tc-timestamp": str(now),
    }
    line = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        line.request("POST", "/", body, headers)
        response = json.loads(line.getresponse().read())["Response"]
    finally:
        line.close()
    return str(response.get("Vin") or response["Error"]["Code"])


def honest(host: str, port: int, seconds: float, size: int, told: Any) -> None:
    """Send photos from `HONEST` threads for ``seconds``; tell each call's time, and what failed."""
    parameters = {"ImageBase64": b64(photo() + bytes(max(0, size * 3 // 4 - len(photo()))))}
    times: list[float] = []
    failed: Counter[str] = Counter()
    end = time.monotonic() + seconds

    def one() -> None:
        while time.monotonic() < end:
            started = time.monotonic()
            try:
                answer = call(host, port, parameters)
            except (OSError, ValueError, http.client.HTTPException) as error:
                answer = type(error).__name__
            times.append(time.monotonic() - started)
            if answer != VIN:
                failed[answer] += 1

    threads = [threading.Thread(target=one) for _ in range(HONEST)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told.send((times, failed))


class Hostile:
    """Everything that is not honest, in a process of its own."""

    def __init__(self, host: str, port: int, floods: int) -> None:
        self.address = (host, port)
        self.floods = floods
        self.process = _FORK.Process(target=self._run, daemon=True)
        self.ready = _FORK.Event()

    def __enter__(self) -> Self:
        """Begin, and wait until all are under way."""
        self.process.start()
        self.ready.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.join()

    def _run(self) -> None:
        with suppress(OSError):
            os.nice(19)
        work = [threading.Thread(target=self._drip, daemon=True)]
        work += [
            threading.Thread(target=self._slow_name, args=(n,), daemon=True)
            for n in range(SLOW_CALLS)
        ]
        kinds = list(FLOODS.values())
        for n in range(self.floods * len(kinds)):
            flood = kinds[n % len(kinds)]
            work.append(threading.Thread(target=self._flood, args=flood, daemon=True))
        for thread in work:
            thread.start()
        time.sleep(1)
        self.ready.set()
        threading.Event().wait()

    def _drip(self) -> None:
        head = _HEAD + b"content-length: 5000000\r\n\r\n" + b"x" * 60_000
        lines: list[socket.socket] = []
        while True:
            while len(lines) < SLOW_CLIENTS:
                with suppress(OSError):
                    lines.append(socket.create_connection(self.address))
                    lines[-1].sendall(head)
            for line in list(lines):
                try:
                    line.send(b"x")
                except OSError:
                    lines.remove(line)
                    line.close()
            time.sleep(0.2)

    def _slow_name(self, number: int) -> None:
        while True:
            with suppress(OSError, ValueError, http.client.HTTPException):
                call(*self.address, {"ImageUrl": f"http://n{number}.slow.test/a.jpg"})

    def _flood(self, head: bytes, block: bytes) -> None:
        while True:
            with suppress(OSError), socket.create_connection(self.address) as line:
                line.sendall(head)
                while True:
                    line.sendall(block)


def run(seconds: float, rounds: int, floods: int, size: int) -> dict[str, Any]:
    """Measure; see the module."""
    times: dict[str, list[float]] = {"alone": [], "beside": []}
    failed: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="vindrop-slow-") as name:
        folder = Path(name)
        texts = stub_reader(folder, READING_SECONDS, SLOW_NAMES) | {
            "VINOCR_WORKERS": "2",
            "VINOCR_THREADS": "1",
            "VINOCR_QUEUE_SECONDS": "30",
        }
        with ServerProcess.start(texts, log=folder / "log.jsonl") as server:
            server.wait_ready()
            _phase(server, 2.0, size)  # what is loaded late is loaded
            for _ in range(rounds):
                for phase, taken in times.items():
                    if phase == "alone":
                        took, wrong = _phase(server, seconds, size)
                    else:
                        with Hostile(server.host, server.port, floods):
                            took, wrong = _phase(server, seconds, size)
                    taken.extend(took)
                    failed += wrong
    result: dict[str, Any] = {}
    for name, took in times.items():
        took.sort()
        milliseconds = [second * 1000 for second in took]
        result[f"{name}_calls"] = len(took)
        result[f"{name}_p50_ms"] = percentile(milliseconds, 0.5)
        result[f"{name}_p95_ms"] = percentile(milliseconds, 0.95)
    result["ratio"] = round(result["beside_p95_ms"] / result["alone_p95_ms"], 2)
    result["failed"] = dict(failed)
    return result


def _phase(server: ServerProcess, seconds: float, size: int) -> tuple[list[float], Counter[str]]:
    ours, theirs = _FORK.Pipe(duplex=False)
    process = _FORK.Process(target=honest, args=(server.host, server.port, seconds, size, theirs))
    process.start()
    times, failed = ours.recv()
    process.join()
    return times, failed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="slow_clients", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="of each round (default 10)")
    parser.add_argument("--rounds", type=int, default=3, help="alone and beside, each (default 3)")
    parser.add_argument("--floods", type=int, default=4, help="of each kind (default 4)")
    parser.add_argument("--size", type=int, default=60_000, help="bytes of a photo in Base64")
    options = parser.parse_args(arguments)
    result = run(options.seconds, options.rounds, options.floods, options.size)
    print(json.dumps(result))
    return 1 if result["failed"] or result["ratio"] > 2 else 0


if __name__ == "__main__":
    sys.exit(main())
