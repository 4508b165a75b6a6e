# ruff: noqa: D101, D102  # a server of the standard library, and what swallows log lines
"""What a warm call costs above the bare SDK call: the pipeline with the SQLite ledger beside `CommonClient`.

    python -m bench.overhead --calls 300

Three ways to read the same photo, in turns, one call of each after the other, so that a busy moment
of the machine hits all of them:

- bare: `CommonClient`, kept alive, a signed URL as its parameter, the answer thrown away;
- stored: the same, and its VIN in a row of a SQLite table, synced to the disk: the least that a
  handler does which must not lose what it paid for;
- ours: the pipeline with all it does in the cloud: claim, permit (at a rate that never waits), signed
  URL, the call, judging the VIN, keeping and delivering.

All call the same loopback server in a process of its own, which speaks API 3.0's answer and answers
at once with a VIN (it reads no photo and checks no signature: only what happens on our side is
measured). Before its call the pipeline looks at the object's first bytes, which the same server
hands out; that request is shown apart, since the network's share of it is the cloud's.

All three are measured with their files on the disk and in memory. What is judged is the disk: there
an upload waits once for its last commit to be safe (`one_sync_ms` is such a wait alone). On a machine
that others use, waiting for a processor is part of every figure, and of ours the more, since it does
more: `load` says so, and `overhead_cpu_ms` is the processor's own time, which tells what a quiet
machine would show. Only a run with `load` under 1 judges.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from vindrop import settings as settings_module
from vindrop.clouds.http_store import HTTPStore
from vindrop.core.invocation import Budget
from vindrop.domain.upload import Upload
from vindrop.wiring import build

MEMORY: Final = Path("/dev/shm")
BAR_MS: Final = 3.0
"""Median over the bare call, at most (issue 8)."""
WARM: Final = 20
"""Calls of each way before the first that counts."""
ANSWER: Final = json.dumps({"Response": {"Vin": "LSGPC52H9GF125161", "RequestId": "r-1"}}).encode()
JPEG: Final = (
    bytes.fromhex(
        "ffd8ffe000104a46494600010100000100010000ffc0001108040005000301220002110103110100"
    )
    + b"\x00" * 4096
)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(ANSWER, "application/json", 200)

    def do_GET(self) -> None:
        self._answer(JPEG, "image/jpeg", 206, f"bytes 0-{len(JPEG) - 1}/{len(JPEG)}")

    def _answer(self, body: bytes, kind: str, status: int, span: str = "") -> None:
        head = f"HTTP/1.1 {status} OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        if span:
            head += f'Content-Range: {span}\r\nETag: "bench"\r\n'
        self.wfile.write(head.encode() + b"\r\n" + body)

    def log_message(self, *_: object) -> None:
        return


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """Host and port of the server, in a process of its own: its work is not ours."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    child = os.fork()
    if not child:
        try:
            server.serve_forever()
        finally:
            os._exit(0)
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.server_close()
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def bare(endpoint: str) -> Callable[[int], str]:
    """The call as everybody makes it."""
    from tencentcloud.common.common_client import CommonClient
    from tencentcloud.common.credential import Credential
    from tencentcloud.common.profile.client_profile import ClientProfile
    from tencentcloud.common.profile.http_profile import HttpProfile

    http = HttpProfile(protocol="http", endpoint=endpoint, keepAlive=True)
    keys = Credential("AKIDbench", "bench")
    client = CommonClient("ocr", "2018-11-19", keys, "", ClientProfile(httpProfile=http))

    def call(number: int) -> str:
        url = f"http://{endpoint}/{number}.jpg?{'s' * 200}"
        return str(client.call_json("VinOCR", {"ImageUrl": url})["Response"]["Vin"])

    return call


def row_of_its_own(folder: Path) -> Callable[[int, str], None]:
    """One row in a table, safe on the disk when it returns."""
    connection = sqlite3.connect(folder / "own.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE vins (photo TEXT PRIMARY KEY, vin TEXT NOT NULL)")

    def store(number: int, vin: str) -> None:
        connection.execute("INSERT INTO vins VALUES (?, ?)", (f"{number}.jpg", vin))

    return store


class Ours:
    """The pipeline; ``looks`` are milliseconds of the requests for first bytes, passed and spent."""

    def __init__(self, endpoint: str, folder: Path) -> None:
        store = f"sqlite:///{folder}/vindrop.db"
        settings = settings_module.load(
            {
                "VINDROP_RESULTS": store,
                "VINDROP_DEAD_LETTERS": store,
                "VINDROP_LEDGER": store,
                "VINDROP_RATE_LIMITER": store,
                "VINDROP_RATE": "1000",
                "VINDROP_VINOCR_ENDPOINT": f"http://{endpoint}",
                "VINDROP_STORAGE_ENDPOINT": f"http://{endpoint}",
                "VINDROP_LOG_LEVEL": "info",
            }
        )
        keys = {"TENCENTCLOUD_SECRETID": "AKIDbench", "TENCENTCLOUD_SECRETKEY": "bench"}
        self._app = build(settings, keys)
        self.looks: list[float] = []
        self.looks_spent: list[float] = []

    def read(self, number: int) -> None:
        upload = Upload(
            cloud="tencent",
            bucket="photos-1250000000",
            region="ap-guangzhou",
            key=f"{number}.jpg",
            version="v1",
            size=len(JPEG),
        )
        outcome = self._app.pipeline.process(upload, Budget(30.0))
        if outcome.end != "reading":
            sys.exit(f"upload {number} ended as {outcome.end}: {outcome.failure}")

    @contextlib.contextmanager
    def timed_looks(self) -> Iterator[None]:
        peek = HTTPStore.peek
        looks, spent = self.looks, self.looks_spent

        def timed(self: Any, upload: Upload, *told: Any) -> Any:
            began, busy = time.perf_counter(), time.thread_time()
            try:
                return peek(self, upload, *told)
            finally:
                looks.append((time.perf_counter() - began) * 1000)
                spent.append((time.thread_time() - busy) * 1000)

        HTTPStore.peek = timed  # type: ignore[method-assign,assignment]
        try:
            yield
        finally:
            HTTPStore.peek = peek  # type: ignore[method-assign]


def compare(endpoint: str, where: Path | None, calls: int) -> dict[str, float]:
    """Medians of all ways, in milliseconds, with their files below ``where``."""
    with tempfile.TemporaryDirectory(prefix="vindrop-overhead-", dir=where) as name:
        folder = Path(name)
        ours, call, store = Ours(endpoint, folder), bare(endpoint), row_of_its_own(folder)
        ways: dict[str, Callable[[int], object]] = {
            "ours": ours.read,
            "bare": call,
            "stored": lambda number: store(number, call(number)),
            "sync": lambda number: store(-1 - number, "LSGPC52H9GF125161"),
        }
        times: dict[str, list[float]] = {way: [] for way in ways}
        spent: dict[str, list[float]] = {way: [] for way in ways}
        with ours.timed_looks():
            for number in range(WARM + calls):
                for way, act in ways.items():
                    time.sleep(0.002)  # permits are 1 ms apart; a call never waits for its own
                    began, busy = time.perf_counter(), time.thread_time()
                    act(number)
                    times[way].append((time.perf_counter() - began) * 1000)
                    spent[way].append((time.thread_time() - busy) * 1000)
    median = {way: statistics.median(found[WARM:]) for way, found in times.items()}
    cpu = {way: statistics.median(found[WARM:]) for way, found in spent.items()}
    look = statistics.median(ours.looks[WARM:])
    return {
        "bare_sdk_ms": median["bare"],
        "one_sync_ms": median["sync"],
        "bare_sdk_and_a_synced_row_ms": median["stored"],
        "pipeline_ms": median["ours"],
        "of_that_first_bytes_ms": look,
        "overhead_ms": median["ours"] - look - median["bare"],
        "overhead_cpu_ms": cpu["ours"] - statistics.median(ours.looks_spent[WARM:]) - cpu["bare"],
        "overhead_with_first_bytes_ms": median["ours"] - median["bare"],
        "overhead_over_a_synced_row_ms": median["ours"] - look - median["stored"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=300)
    given = parser.parse_args()
    memory = MEMORY if MEMORY.is_dir() else None
    with serving() as endpoint, contextlib.redirect_stdout(Discard()):
        found = {"disk": compare(endpoint, None, given.calls)}
        if memory:
            found["memory"] = compare(endpoint, memory, given.calls)
    result: dict[str, Any] = {
        "calls": given.calls,
        "server": "answers at once; reads no photo",
        "load": round(os.getloadavg()[0], 1),
        **{where: {name: round(ms, 2) for name, ms in one.items()} for where, one in found.items()},
        "bar_ms": BAR_MS,
        "ok": found["disk"]["overhead_ms"] <= BAR_MS,
    }
    print(f"{'milliseconds, median':32}", *(f"{where:>8}" for where in found))
    for name in found["disk"]:
        print(f"{name:32}", *(f"{one[name]:8.2f}" for one in found.values()))
    print(json.dumps(result))
    sys.exit(0 if result["ok"] else 1)


class Discard:
    """Takes the log lines, which cost their formatting as in the cloud, and drops them."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        return


if __name__ == "__main__":
    main()
