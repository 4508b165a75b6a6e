"""VinOCR as a child process: for tests, the local stack, and any Python program.

>>> from vinocr.child import Child                                       # doctest: +SKIP
>>> with Child.start({"VINOCR_SECRET_ID": "id", "VINOCR_SECRET_KEY": "key"}) as vinocr:
...     print(vinocr.endpoint)                                           # doctest: +SKIP
127.0.0.1:41235
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from vinocr.settings import PREFIX


class ChildError(RuntimeError):
    """VinOCR did not start or did not become ready. ``str()`` is its own last word."""


@dataclass(slots=True)
class Child:
    """A running server. It ends with this object's `stop`, and with this process's death."""

    process: subprocess.Popen[bytes]
    host: str
    port: int
    scheme: str

    @classmethod
    def start(
        cls,
        settings: Mapping[str, str],
        *,
        module: str = "vinocr",
        arguments: Sequence[str] = (),
        log: Path | None = None,
        seconds: float = 30.0,
    ) -> Child:
        """Start ``python -m vinocr`` and wait until it listens.

        :param module: what is run instead; a bench has one of its own around VinOCR.
        :param settings: VINOCR_ variables; those of our own environment do not count. VINOCR_PORT
            is any free port unless given.
        :param log: file for its JSON log; without one, our own standard error.
        :param seconds: how long it may take.
        :raises ChildError: it ended, or said nothing in time.
        """
        environment = {k: v for k, v in os.environ.items() if not k.startswith(PREFIX)}
        environment |= {"VINOCR_PORT": "0", **settings}
        stderr: IO[bytes] | None = log.open("ab") if log is not None else None
        try:
            process = subprocess.Popen(
                [sys.executable, "-m", module, "--until-stdin-closes", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=environment,
            )
        finally:
            if stderr is not None:
                stderr.close()
        line = _first_line(process, seconds)
        if not line:
            process.kill()
            process.wait()
            words = log.read_text(errors="replace").strip().splitlines() if log else []
            raise ChildError(words[-1] if words else "VinOCR did not start: see its log")
        about: dict[str, Any] = json.loads(line)
        return cls(process, about["host"], about["port"], about["scheme"])

    @property
    def endpoint(self) -> str:
        """``host:port``, as the SDK's ``HttpProfile(endpoint=…)`` wants it."""
        return f"{self.host}:{self.port}"

    def wait_ready(self, seconds: float = 60.0) -> None:
        """Wait until a reader is up (calls may be sent before: they wait for it).

        :raises ChildError: none came up in time, or the server ended.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            try:
                self._get("/healthz")
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)
            else:
                return
        raise ChildError("VinOCR listens, but none of its readers came up: see its log")

    def counters(self) -> dict[str, float]:
        """Return its metrics: name with labels, as Prometheus writes them → number."""
        lines = self._get("/metrics").splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    def _get(self, path: str) -> str:
        line: http.client.HTTPConnection
        if self.scheme == "https":
            # Our own child, on the port that it told us: its certificate proves nothing more.
            trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
            line = http.client.HTTPSConnection(self.host, self.port, timeout=5, context=trust)
        else:
            line = http.client.HTTPConnection(self.host, self.port, timeout=5)
        with contextlib.closing(line):
            line.request("GET", path)
            answer = line.getresponse()
            if answer.status != 200:
                raise ConnectionError(f"{path} answered HTTP {answer.status}")
            return answer.read().decode()

    def stop(self, seconds: float = 40.0) -> int:
        """Ask it to finish what it took and end; return its exit status.

        Killed when it does not end in time.
        """
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        return self.process.wait()

    def __enter__(self) -> Child:  # noqa: PYI034 - Self is not in Python 3.10
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _first_line(process: subprocess.Popen[bytes], seconds: float) -> bytes:
    lines: list[bytes] = []

    def read() -> None:
        if process.stdout is not None:
            lines.append(process.stdout.readline())

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(seconds)
    return lines[0] if lines else b""
