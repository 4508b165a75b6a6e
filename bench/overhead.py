# ruff: noqa: D101, D102  # a server of the standard library, and what swallows log lines
"""What a warm call costs above the bare SDK call: the pipeline with the SQLite ledger beside `CommonClient`.

    python -m bench.overhead --calls 300

Both call the same loopback server, which speaks API 3.0's answer and answers at once with a VIN
(it reads no photo and checks no signature: only what happens on our side is measured). The pipeline
does all it does in the cloud: claim, slot (at a rate that never waits), signed URL, the call,
judging the VIN, keeping and delivering in one transaction. The object is not looked at before the
call when its URL is signed, except for its first bytes, which the same server hands out; that
request is shown apart, since the network's share of it is the cloud's.

The ledger's file is in memory for the judged figure: what is asked is what our code costs. On a
disk each upload waits for four commits to be safe there; that figure is printed beside it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from vindrop import settings as settings_module
from vindrop import storage as storage_module
from vindrop.app import build
from vindrop.budget import Budget
from vindrop.upload import Upload

MEMORY: Final = Path("/dev/shm")
BAR_MS: Final = 3.0
"""Median over the bare call, at most (issue 8)."""
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
            head += f"Content-Range: {span}\r\n"
        self.wfile.write(head.encode() + b"\r\n" + body)

    def log_message(self, *_: object) -> None:
        return


def bare(endpoint: str, calls: int) -> list[float]:
    """The call as everybody makes it: `CommonClient`, kept alive, a signed URL as its parameter."""
    from tencentcloud.common.common_client import CommonClient
    from tencentcloud.common.credential import Credential
    from tencentcloud.common.profile.client_profile import ClientProfile
    from tencentcloud.common.profile.http_profile import HttpProfile

    http = HttpProfile(protocol="http", endpoint=endpoint, keepAlive=True)
    keys = Credential("AKIDbench", "bench")
    client = CommonClient("ocr", "2018-11-19", keys, "", ClientProfile(httpProfile=http))
    times = []
    for number in range(calls):
        began = time.perf_counter()
        client.call_json("VinOCR", {"ImageUrl": f"http://{endpoint}/{number}.jpg?{'s' * 200}"})
        times.append((time.perf_counter() - began) * 1000)
    return times


def ours(endpoint: str, folder: Path, calls: int) -> tuple[list[float], list[float]]:
    """Milliseconds of whole uploads, and of the look at their first bytes within them."""
    store = f"sqlite:///{folder}/vindrop.db"
    settings = settings_module.load(
        {
            "VINDROP_RESULTS": store,
            "VINDROP_DEAD_LETTERS": store,
            "VINDROP_LEDGER": store,
            "VINDROP_QUOTA": store,
            "VINDROP_RATE": "1000",
            "VINDROP_VINOCR_ENDPOINT": f"http://{endpoint}",
            "VINDROP_STORAGE_ENDPOINT": f"http://{endpoint}",
            "VINDROP_LOG_LEVEL": "info",
        }
    )
    app = build(settings, {"TENCENTCLOUD_SECRETID": "AKIDbench", "TENCENTCLOUD_SECRETKEY": "bench"})
    looks: list[float] = []
    peek = storage_module.Storage.peek

    def timed(self: Any, upload: Upload) -> Any:
        began = time.perf_counter()
        try:
            return peek(self, upload)
        finally:
            looks.append((time.perf_counter() - began) * 1000)

    storage_module.Storage.peek = timed  # type: ignore[method-assign]
    times = []
    for number in range(calls):
        upload = Upload(
            cloud="tencent",
            bucket="photos-1250000000",
            region="ap-guangzhou",
            key=f"{number}.jpg",
            version="v1",
            size=len(JPEG),
        )
        time.sleep(0.002)  # slots stand 1 ms apart; a call never waits for its own
        began = time.perf_counter()
        outcome = app.pipeline.process(upload, Budget(30.0))
        times.append((time.perf_counter() - began) * 1000)
        if outcome.end != "reading":
            sys.exit(f"upload {number} ended as {outcome.end}: {outcome.failure}")
    return times, looks


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=300)
    given = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    endpoint = f"127.0.0.1:{server.server_address[1]}"
    memory = MEMORY if MEMORY.is_dir() else None
    written, sys.stdout = sys.stdout, Discard()
    try:
        judged = compare(endpoint, memory, given.calls)
        disk = compare(endpoint, None, given.calls // 3) if memory else judged
    finally:
        sys.stdout = written
        server.shutdown()
    result = {
        "calls": given.calls,
        "server": "answers at once; reads no photo",
        "ledger": f"SQLite in {memory}" if memory else "SQLite on disk: no folder in memory here",
        **judged,
        "overhead_on_disk_ms": disk["overhead_ms"],
        "bar_ms": BAR_MS,
        "ok": judged["overhead_ms"] <= BAR_MS,
    }
    for name, value in result.items():
        print(f"{name:30} {value}")
    print(json.dumps(result))
    sys.exit(0 if result["ok"] else 1)


def compare(endpoint: str, where: Path | None, calls: int) -> dict[str, float]:
    """Milliseconds of both ways, in turns, so that a busy moment of the machine hits both."""
    whole: list[float] = []
    looks: list[float] = []
    alone: list[float] = []
    with tempfile.TemporaryDirectory(prefix="vindrop-overhead-", dir=where) as folder:
        for turn in range(4):
            part = Path(folder) / str(turn)
            part.mkdir()
            found, looked = ours(endpoint, part, max(calls // 3, 1))
            bared = bare(endpoint, max(calls // 3, 1))
            if turn:  # the first warms both
                whole += found[1:]
                looks += looked[1:]
                alone += bared[1:]
    pipeline, look, call = map(statistics.median, (whole, looks, alone))
    return {
        "bare_sdk_ms": round(call, 2),
        "pipeline_ms": round(pipeline, 2),
        "of_that_first_bytes_ms": round(look, 2),
        "overhead_ms": round(pipeline - look - call, 2),
        "overhead_with_first_bytes_ms": round(pipeline - call, 2),
    }


class Discard:
    """Takes the log lines, which cost their formatting as in the cloud, and drops them."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        return


if __name__ == "__main__":
    main()
