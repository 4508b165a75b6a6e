# ruff: noqa: N815  # methods are named as the methods of HTTP are
"""A loopback Tencent Cloud: API 3.0 for scf, cam, cls, sts, vpc and cynosdb, and COS.

Every signature is checked as the cloud does; every field, its kind and its name, is held against
the official SDK's own models. Sub-accounts may do what their policies say, and nothing else.
"""

from __future__ import annotations

from pathlib import Path

import tencentcloud

from tests.deploy.tencent.api import API
from tests.deploy.tencent.objects import COS
from tests.deploy.tencent.state import State
from tests.http_server import Handler, HTTPThread


class TencentCloud(State):
    """One account's cloud, on a port of its own."""

    def __init__(self, models: Path | None, secret_id: str, secret_key: str) -> None:
        super().__init__(keys={secret_id: (secret_key, None)})
        folder = str(models / "tencentcloud") if models else ""
        if folder and folder not in tencentcloud.__path__:
            tencentcloud.__path__.append(folder)
        self.cos, self.api = COS(self), API(self)
        self._server = HTTPThread(self._handler())
        self.url = self._server.url

    def close(self) -> None:
        self._server.stop()

    def _handler(self) -> type[Handler]:
        cloud = self

        class Cloud(Handler):
            def handle_any(self) -> None:
                body = self.read_body()
                headers = {name.lower(): value for name, value in self.headers.items()}
                if "myqcloud.com" in headers["host"]:
                    status, answer, more = cloud.cos.answer(self.command, self.path, headers, body)
                    kind = "application/xml"
                else:
                    status, answer, more = 200, cloud.api.answer(headers, body).encode(), {}
                    kind = "application/json"
                self.answer(status, answer, {"Content-Type": kind, **more})

            def read_body(self) -> bytes:
                if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                    return self.body()
                parts = []
                while size := int(self.rfile.readline().partition(b";")[0], 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any

        return Cloud
