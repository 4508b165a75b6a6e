"""A server as a process: on loopback, on a free port, in a folder of its own, stopped by its pid."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

START_SECONDS = 90.0
PASSWORD = "planted-password"


def dies_with_us() -> list[str]:
    """Have the kernel end a server whose tests were killed, where util-linux is there to ask it."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


def bound(port: int) -> socket.socket:
    """A socket of loopback's port, beside another one that does not listen; 0 takes a free one."""
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taken.bind(("127.0.0.1", port))
    return taken


class Server:
    """A process that can be killed and started again on the same port and the same data."""

    user: str | None = None
    """Whom the process runs as when the tests are root's: some servers refuse root."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="vindrop-server-"))
        # Never listens: it keeps the port from others before the server's start and while it is away.
        self._held = bound(0)
        self.port = int(self._held.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None
        self._as_user: dict[str, Any] = {}
        if self.user and os.geteuid() == 0:
            self._as_user = {"user": self.user, "group": self.user, "extra_groups": []}
            shutil.chown(self.folder, self.user)
        self.prepare()
        self.start()
        self.ready_once()

    def prepare(self) -> None:
        """Make the data folder."""

    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return {}

    def answers(self) -> None:
        """Return once the server answers; raise while it does not."""
        socket.create_connection(("127.0.0.1", self.port), timeout=1).close()

    def ready_once(self) -> None:
        """What is set up after the first start."""

    def run(self, *command: str) -> None:
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, check=False, timeout=120, **self._as_user
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]}: {done.stdout.decode()} {done.stderr.decode()}")

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*dies_with_us(), *self.command()],
                cwd=self.folder,
                env={**os.environ, **self.environment()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._as_user,
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.answers()
            except Exception:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    text = (self.folder / "log").read_text(errors="replace")[-2000:]
                    raise RuntimeError(f"{self.command()[0]} did not start: {text}") from None
                time.sleep(0.1)
            else:
                return

    def stop(self) -> None:
        """Kill it: no farewell, nothing flushed."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(timeout=30)
            self._process = None

    def close(self) -> None:
        self.stop()
        self._held.close()
        shutil.rmtree(self.folder, ignore_errors=True)
