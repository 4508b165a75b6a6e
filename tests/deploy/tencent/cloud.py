# ruff: noqa: N815  # methods are named as the methods of HTTP are
"""A loopback Tencent Cloud: API 3.0 for scf, cam, cls and sts, and COS for the code.

Every signature is checked as the cloud does; every field, its kind and its name, is held against
the official SDK's own models.
"""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import tencentcloud

from tests.deploy.tencent.api import API
from tests.deploy.tencent.objects import COS
from tests.deploy.tencent.state import State
from vindrop_local.bucket import Account


class TencentCloud(State):
    """One account's cloud, on a port of its own."""

    def __init__(self, models: Path, secret_id: str, secret_key: str) -> None:
        super().__init__()
        folder = str(models / "tencentcloud")
        if folder not in tencentcloud.__path__:
            tencentcloud.__path__.append(folder)
        account = Account(secret_id, secret_key)
        self.cos, self.api = COS(self, account), API(self, account)
        self._server = self._serve()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _serve(self) -> ThreadingHTTPServer:
        cloud = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.read_body()
                headers = {name.lower(): value for name, value in self.headers.items()}
                if "myqcloud.com" in headers["host"]:
                    status, answer, more = cloud.cos.answer(self.command, self.path, headers, body)
                    kind = "application/xml"
                else:
                    status, answer, more = 200, cloud.api.answer(headers, body).encode(), {}
                    kind = "application/json"
                self.send_response(status)
                for name, value in {"Content-Type": kind, **more}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer)

            def read_body(self) -> bytes:
                if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                    return self.rfile.read(int(self.headers.get("Content-Length") or 0))
                parts = []
                while size := int(self.rfile.readline().partition(b";")[0], 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any

            def log_message(self, *_: object) -> None:
                return

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return server
