"""Our VinOCR as a child process: started, found on its free port, counted, stopped."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vindrop_local.errors import UserError

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Calls:
    """What VinOCR itself counted since it started."""

    received: int
    billed: int

    def __sub__(self, other: Calls) -> Calls:
        return Calls(self.received - other.received, self.billed - other.billed)


class VinOCRProcess:
    """``with VinOCRProcess(...) as vinocr``: it ends with the block, or with this process."""

    def __init__(
        self,
        log: Path,
        *,
        secret_id: str,
        secret_key: str,
        port: int = 0,
        workers: int = 1,
        threads: int = 2,
        settings: Mapping[str, str] | None = None,
        module: str = "vinocr",
    ) -> None:
        """Prepare; nothing is started before the block begins.

        :param log: file that its log lines are appended to.
        :param module: what is run; a bench has one of its own around VinOCR.
        :param settings: further VINOCR_ variables.
        """
        self._log = log
        self._module = module
        self._variables = {
            "VINOCR_SECRET_ID": secret_id,
            "VINOCR_SECRET_KEY": secret_key,
            "VINOCR_PORT": str(port),
            "VINOCR_WORKERS": str(workers),
            "VINOCR_THREADS": str(threads),
            **(settings or {}),
        }
        self.port = 0

    @property
    def endpoint(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The front process's number."""
        return self._process.pid

    def __enter__(self) -> VinOCRProcess:  # noqa: PYI034 - Self is of 3.11
        own = {name: value for name, value in os.environ.items() if not name.startswith("VINOCR_")}
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._module, "--until-stdin-closes"],
                env=own | self._variables,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=False,
            )
        watchdog = threading.Timer(START_SECONDS, self._process.kill)
        watchdog.start()
        try:
            self._wait_until_listening()
        finally:
            watchdog.cancel()
        threading.Thread(target=self._drain, name="vinocr-log", daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Let it finish what it took, and end it."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def calls(self) -> Calls:
        """Return what it counted.

        :raises UserError: it is gone.
        """
        try:
            with urllib.request.urlopen(f"{self.endpoint}/metrics", timeout=10) as answer:  # noqa: S310 - our own loopback address
                text = answer.read().decode()
        except (urllib.error.URLError, OSError) as error:
            raise UserError(f"VinOCR has gone away: its log is {self._log}") from error
        sums = {"vinocr_calls_received_total": 0.0, "vinocr_calls_billed_total": 0.0}
        for line in text.splitlines():
            name, _, value = line.rpartition(" ")
            bare = name.partition("{")[0]
            if bare in sums and not line.startswith("#"):
                sums[bare] += float(value)
        return Calls(
            int(sums["vinocr_calls_received_total"]), int(sums["vinocr_calls_billed_total"])
        )

    def _wait_until_listening(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - opened above
        with self._log.open("ab") as log:
            for line in self._process.stdout:
                with contextlib.suppress(ValueError, AttributeError):
                    found = json.loads(line)
                    if found.get("event") == "listening":
                        self.port = int(found["port"])
                        return
                log.write(line)
        self._process.wait()
        last = self._log.read_text(errors="replace").strip().splitlines()[-1:]
        raise UserError(
            f"VinOCR did not start{': ' + last[0][:300] if last else ''} (log: {self._log})"
        )

    def _drain(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - opened above
        with self._log.open("ab") as log:
            for line in self._process.stdout:
                log.write(line)
                log.flush()
