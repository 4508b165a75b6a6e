"""RapidOCR behind HTTP, as a user would put it there: POST the bytes, get the lines of text as JSON.

Processes that accept on one socket, as many as asked for: Python's threads would share one
interpreter. Prints the port as its first line. Runs in an environment of its own: standard library only.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn
from typing import Any


class Server(ThreadingMixIn, HTTPServer):
    """The server of one process."""

    daemon_threads = True
    engine: Any


class Handler(BaseHTTPRequestHandler):
    """Answers one image a request."""

    server: Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Read an image."""
        image = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            result: Any = self.server.engine(image)
            answer: dict[str, Any] = {"lines": list(result.txts or ())}
        except Exception as e:  # noqa: BLE001 (a peer that fails on a photo has read nothing)
            answer = {"lines": [], "error": f"{type(e).__name__}: {e}"}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    workers, threads = (int(text) for text in sys.argv[1:3])
    listening = socket.create_server(("127.0.0.1", 0), backlog=64)
    children = [pid for _ in range(workers) if (pid := _fork(listening, threads))]
    print(listening.getsockname()[1], flush=True)
    sys.stdin.read()  # until whoever started us closes it, or dies
    for pid in children:
        os.kill(pid, signal.SIGKILL)


def _fork(listening: socket.socket, threads: int) -> int:
    pid = os.fork()
    if pid:
        return pid
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from rapidocr import RapidOCR

    logging.disable(logging.INFO)
    server = Server(listening.getsockname(), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listening
    name = "EngineConfig.onnxruntime.intra_op_num_threads"
    server.engine = RapidOCR(params={name: threads})
    server.serve_forever()
    os._exit(0)


if __name__ == "__main__":
    main()
