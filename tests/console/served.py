"""The console served by a process of its own, on a port that stays: to be killed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from vindrop_local.serving import free_port

ROOT = Path(__file__).resolve().parents[2]


class Served:
    """``with Served(state, bucket) as served``: up inside the block, unless it is killed."""

    def __init__(self, state: Path, bucket: Path) -> None:
        self.state, self.bucket = state, bucket
        self.port = free_port()
        self.link = ""
        self._process: subprocess.Popen[str] | None = None

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        words = (str(self.state), str(self.bucket), str(self.port))
        self._log = (self.state.parent / "served.log").open("a")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.console.serve", *words],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self.link = self._process.stdout.readline().strip()
        assert self.link, (self.state.parent / "served.log").read_text()[-3000:]

    def kill(self) -> None:
        """SIGKILL to all of it: functions in the middle of a request, too."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None
            self._log.close()

    def __enter__(self) -> Served:  # noqa: PYI034  # Self is of 3.11
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
