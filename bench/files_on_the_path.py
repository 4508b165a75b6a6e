"""How many of our files one upload passes through in a cold function.

    python -m bench.files_on_the_path

One COS event in a fresh process, from the import of the handler to its return, with SQLite for
ledger and destination, against a bucket and a VinOCR that answer at once. A file counts when one of
its functions runs; one that only defines names (constants, protocols, a table) does not. The files
that are imported are listed too.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from inspect import CO_OPTIMIZED
from pathlib import Path
from types import FrameType
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
PHOTO: Final = b"\xff\xd8\xff\xdb" + bytes(200)
ANSWER: Final = {"Response": {"Vin": "5NPEVYK97FD841835", "RequestId": "bench"}}
EVENT: Final = {
    "Records": [
        {
            "cos": {
                "cosObject": {
                    "key": "/1250000000/photos/a.jpg",
                    "size": len(PHOTO),
                    "meta": {"x-cos-request-id": "bench"},
                },
                "cosBucket": {"name": "photos", "appid": "1250000000", "region": "gz"},
            },
            "event": {"eventName": "cos:ObjectCreated:Put", "eventTime": 1545205770},
        }
    ]
}


class _Both(BaseHTTPRequestHandler):
    """The bucket (GET) and VinOCR (POST)."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._send(PHOTO, "image/jpeg")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._send(json.dumps(ANSWER).encode(), "application/json")

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"bench"')
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


def trace(folder: Path) -> dict[str, Any]:
    """Process one upload in this process; return the handler's answer and the files."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Both)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url, store = f"http://127.0.0.1:{server.server_address[1]}", f"sqlite:///{folder}/vindrop.db"
    os.environ |= {
        "TENCENTCLOUD_SECRETID": "AKIDbench",
        "TENCENTCLOUD_SECRETKEY": "bench",
        "VINDROP_RESULTS": store,
        "VINDROP_DEAD_LETTERS": store,
        "VINDROP_LEDGER": store,
        "VINDROP_STORAGE_ENDPOINT": url,
        "VINDROP_VINOCR_ENDPOINT": url,
    }
    sys.path.insert(0, str(ROOT / "functions" / "upload"))
    ran: set[str] = set()

    def note(frame: FrameType, what: str, _: object) -> None:
        file = frame.f_code.co_filename
        # Class bodies are frames too, and what a module calls while it is imported only defines names.
        if what == "call" and file not in ran and _ours(file) and not _defines(frame):
            ran.add(file)

    threading.setprofile(note)
    sys.setprofile(note)
    import handler  # type: ignore[import-not-found]

    answer = handler.main_handler(EVENT, {"request_id": "bench", "time_limit_in_ms": 30_000})
    sys.setprofile(None)
    threading.setprofile(None)
    return {
        "ended": answer["ended"],
        "ran": sorted(filter(None, map(_ours, ran))),
        "imported": sorted(
            filter(None, (_ours(getattr(m, "__file__", "")) for m in sys.modules.values()))
        ),
    }


def _defines(frame: FrameType | None) -> bool:
    if frame is not None and not frame.f_code.co_flags & CO_OPTIMIZED:
        return True
    while frame is not None:
        if frame.f_code.co_name == "<module>" and _ours(frame.f_code.co_filename):
            return True
        frame = frame.f_back
    return False


@functools.cache
def _ours(file: str | None) -> str | None:
    """Return the file's path inside the library, or None where it is somebody else's."""
    for folder in ("layers/vindrop", "functions"):
        if file and file.startswith(f"{ROOT / folder}/"):
            return file.removeprefix(f"{ROOT / folder}/")
    return None


def read(output: str) -> list[str]:
    """Return the files that ran, from what `main` wrote."""
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    assert found["ended"] == {"reading": 1}
    return list(found["ran"])


def main() -> None:
    """Write the files, and a last line of JSON."""
    with tempfile.TemporaryDirectory(prefix="vindrop-path-") as folder:
        found = trace(Path(folder))
    print(*found["ran"], sep="\n")
    print(f"{len(found['ran'])} files ran, {len(found['imported'])} were imported")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
