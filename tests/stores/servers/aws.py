"""AWS is moto, behind a gate that can be shut, since moto keeps everything in memory."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from tests import needs
from tests.stores.servers.gate import Gate
from tests.stores.servers.process import Server


class MotoServer(Server):
    """moto, reached through a gate: shut, the connection is refused as from a stopped server."""

    def command(self) -> list[str]:
        needs.module("moto.server", package="'moto[server]'")
        script = str(Path(__file__).with_name("moto_process.py"))
        return [sys.executable, script, "-H", "127.0.0.1", "-p", str(self.port)]

    def environment(self) -> dict[str, str]:
        return {"MOTO_ACCOUNT_ID": "123456789012"}

    def ready_once(self) -> None:
        self.gate = Gate(self.port)

    def start(self) -> None:
        if self._process is None:
            super().start()
        else:
            self.gate.open()

    def stop(self) -> None:
        self.gate.shut()

    def close(self) -> None:
        self.gate.close()
        super().stop()
        self._held.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.gate.port}"

    def client(self, service: str) -> Any:
        import botocore.session

        return botocore.session.Session().create_client(
            service,
            region_name="us-east-1",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            aws_access_key_id="AKIDTEST",
            aws_secret_access_key="test",
        )
