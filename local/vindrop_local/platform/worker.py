"""One process of a function: started, called, and ended, from the platform's side."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import signal
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from vindrop_local.platform.spec import FunctionSpec, LogLine

_BOOTSTRAP: Final = Path(__file__).with_name("bootstrap.py")
# Not `python bootstrap.py`: that would put this folder, with its queue.py, first on the path.
_LOADER: Final = (
    "import sys;"
    "p=sys.argv[1];"
    "exec(compile(open(p,encoding='utf-8').read(),p,'exec'),{'__name__':'__bootstrap__'})"
)
_LOOK_SECONDS: Final = 0.2
_MAX_LINE: Final = 64 * 1024
_KEPT_LINES: Final = 1000
_END_SECONDS: Final = 1.0
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


class WorkerError(Exception):
    """The process ended, or was ended, in the middle of a call; it cannot be used again."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class NotBegunError(WorkerError):
    """The process was dead before it took the call: another one can take it."""


class Worker:
    """A process that has loaded the handler. One thread at a time may call it."""

    def __init__(
        self, spec: FunctionSpec, environment: Mapping[str, str], on_log: Callable[[LogLine], None]
    ) -> None:
        """Start the process; `wait_ready` tells when it can be called.

        :raises WorkerError: the interpreter cannot be started.
        """
        self.spec = spec
        self.last_used = time.monotonic()
        self._on_log = on_log
        self._request_id = ""
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._mark = ""
        self._marked = threading.Event()
        self._buffer = bytearray()
        self._ended = False
        self._lock = threading.Lock()
        ours, theirs = socket.socketpair()
        self._channel = ours
        pipe, self._alive = os.pipe()  # never written to: it closes when we die
        try:
            self._process = subprocess.Popen(
                [
                    # Absolute, since it is started in another folder; a bare name is looked for.
                    str(spec.python.absolute()) if len(spec.python.parts) > 1 else str(spec.python),
                    *("-u", "-c", _LOADER, str(_BOOTSTRAP)),
                    *(spec.style, str(spec.code_dir.absolute()), spec.handler),
                    *(str(theirs.fileno()), str(pipe)),
                ],
                cwd=spec.code_dir,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(theirs.fileno(), pipe),
                # Ctrl-C is for the platform, which lets running calls finish.
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            os.close(self._alive)
            raise WorkerError(
                "FunctionInitError", f"cannot start {spec.python}: {error.strerror}"
            ) from None
        finally:
            theirs.close()
            os.close(pipe)
        self._reader = threading.Thread(target=self._read_log, name="function-log", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def wait_ready(self, request_id: str) -> None:
        """Wait until the handler is loaded.

        :param request_id: the call that caused the start; its log holds what is written meanwhile.
        :raises WorkerError: the handler cannot be loaded, or not in time. The process is ended.
        """
        self._request_id = request_id
        try:
            ready = self._receive(time.monotonic() + self.spec.init_seconds, "starting up")
        except WorkerError as error:
            raise WorkerError("FunctionInitError", str(error)) from None
        if not ready["ok"]:
            self.end()
            said = f"{ready['error_type']}: {ready['error_message']}"
            raise WorkerError(
                "FunctionInitError", f"{self.spec.handler_file.name} cannot be loaded: {said}"
            )

    def call(
        self, request_id: str, event: Any, context: Any, environment: Mapping[str, str]
    ) -> dict[str, Any]:
        """Make one call and return the bootstrap's answer.

        :raises NotBegunError: the process had died since its last call.
        :raises WorkerError: TimeLimitReached, MemoryLimitReached, UserProcessExitError.
        """
        self._request_id = request_id
        self._mark = f"--end-{secrets.token_hex(16)}--"
        self._marked.clear()
        message = {
            "event": event,
            "context": context,
            "environment": dict(environment),
            "seconds": self.spec.timeout_seconds,
            "mark": self._mark,
        }
        deadline = time.monotonic() + self.spec.timeout_seconds
        self._channel.settimeout(self.spec.timeout_seconds)
        with contextlib.suppress(OSError):  # it has died: reading will say so
            self._channel.sendall(json.dumps(message).encode() + b"\n")
        try:
            self._receive(deadline, "running")
        except WorkerError as error:
            if error.kind == "UserProcessExitError":
                raise NotBegunError(error.kind, str(error)) from None
            raise
        answer = self._receive(deadline, "running")
        self._marked.wait(_END_SECONDS)
        self.last_used = time.monotonic()
        return answer

    def _receive(self, deadline: float, doing: str) -> dict[str, Any]:
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0:
                self.end()
                raise WorkerError(
                    "TimeLimitReached",
                    f"{self.spec.name} was stopped while {doing}: its time limit is "
                    f"{self.spec.timeout_seconds if doing == 'running' else self.spec.init_seconds:g} s",
                )
            try:
                readable = _readable(self._channel, min(left, _LOOK_SECONDS))
                data = self._channel.recv(1 << 16) if readable else None
            except (OSError, ValueError):
                data = b""  # ended from another thread
            if data == b"":
                status = self.end()
                raise WorkerError("UserProcessExitError", f"{self.spec.name}: {_how(status)}")
            if data:
                self._buffer += data
            elif self._over_memory():
                self.end()
                raise WorkerError(
                    "MemoryLimitReached",
                    f"{self.spec.name} was stopped: it used more than {self.spec.memory_mb} MB",
                )
        line, _, rest = bytes(self._buffer).partition(b"\n")
        self._buffer = bytearray(rest)
        message: dict[str, Any] = json.loads(line)
        return message

    def _over_memory(self) -> bool:
        try:
            with open(f"/proc/{self.pid}/statm", encoding="ascii") as statm:  # noqa: PTH123 - read often
                pages = int(statm.read().split()[1])
        except (OSError, ValueError, IndexError):
            return False
        return pages * _PAGE > self.spec.memory_mb * 1024 * 1024

    def is_alive(self) -> bool:
        """Whether an idle process is still there."""
        try:
            readable = _readable(self._channel, 0)
        except (OSError, ValueError):
            return False
        return not readable  # between calls it says nothing: readable means closed

    def take_lines(self) -> tuple[str, ...]:
        """Return the lines written since this was last asked."""
        lines = tuple(self._lines)
        self._lines.clear()
        return lines

    def end(self) -> int:
        """Kill the process and all it has started; return its exit status. May be called twice."""
        with self._lock:
            if not self._ended:
                self._ended = True
                # Before it is waited for: until then its number is nobody else's.
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, signal.SIGKILL)
                with contextlib.suppress(OSError):
                    self._channel.shutdown(socket.SHUT_RDWR)
                os.close(self._alive)
            status = self._process.wait()
        if threading.current_thread() is not self._reader:
            self._reader.join(_END_SECONDS)
        self._channel.close()
        return status

    def _read_log(self) -> None:
        stream = self._process.stdout
        if stream is None:  # never: it was asked for
            return
        blank = 0
        with stream:
            while line := stream.readline(_MAX_LINE):
                text = line.decode("utf-8", "replace").rstrip("\r\n")
                if not text:
                    blank += 1
                    continue
                ends = text == self._mark
                # The mark brings an empty line of its own, to stand at a line's beginning.
                for _ in range(blank - ends):
                    self._write("")
                blank = 0
                if ends:
                    self._marked.set()
                else:
                    self._write(text)
        for _ in range(blank):
            self._write("")
        self._marked.set()

    def _write(self, text: str) -> None:
        self._lines.append(text)
        self._on_log(LogLine(self.spec.name, self._request_id, text))


def _how(status: int) -> str:
    if status < 0:
        with contextlib.suppress(ValueError):
            return f"its process was ended by {signal.Signals(-status).name}"
    return f"its process ended by itself with status {status}"


def _readable(channel: socket.socket, seconds: float) -> bool:
    """Return whether something (or the end) can be read within ``seconds``.

    By poll, since select knows no file numbers over 1,023, and a busy process has them.

    :raises ValueError: the channel is closed.
    """
    poll = select.poll()
    poll.register(channel, select.POLLIN)
    return bool(poll.poll(seconds * 1000))
