"""An HTTP server in a thread, for what tests and benches play: an API, a list, a web site."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """A handler that logs nothing and writes an answer in one call."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = (
        True  # else the body waits 40 ms for the acknowledgement of the headers
    )

    def body(self) -> bytes:
        """Return the request's body, as long as its Content-Length says."""
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Send ``body`` (nothing of it to HEAD) with its Content-Length."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class HTTPThread(ThreadingHTTPServer):
    """``with HTTPThread(handler) as server``: served on a free port of 127.0.0.1 until `stop`."""

    daemon_threads = True

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return f"http://127.0.0.1:{self.server_port}"

    def stop(self) -> None:
        """End; the port is free again afterwards."""
        self.shutdown()
        self.server_close()

    def __exit__(self, *exc: object) -> None:
        with contextlib.suppress(OSError):
            self.stop()
