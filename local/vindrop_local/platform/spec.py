"""What a function is, what a call of it answers, and whose account it runs under."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

MAX_ASYNC_EVENT_BYTES: Final = 128 * 1024
"""SCF and Lambda's smaller limit: the JSON of an asynchronous event."""
MAX_SYNC_BYTES: Final = 6 * 1024 * 1024
"""SCF and Lambda: the JSON of a synchronous event, and of any answer."""

_NAME: Final = re.compile(r"[A-Za-z](?:[A-Za-z0-9_-]{0,58}[A-Za-z0-9])?")
_HANDLER: Final = re.compile(r"[A-Za-z_]\w*\.[A-Za-z_]\w*")
_RESERVED: Final = {"scf": ("SCF_", "QCLOUD_", "TENCENTCLOUD_"), "lambda": ("AWS_LAMBDA_",)}
_MAX_ENVIRONMENT_BYTES: Final = 4096

Style = Literal["scf", "lambda"]


@dataclass(frozen=True)
class Identity:
    """The account the functions run under, and the temporary keys of its execution role."""

    appid: str = "1250000000"
    uin: str = "100000000001"
    """Tencent's number of the account's owner; for Lambda, `appid` is the account's number."""
    region: str = "ap-guangzhou"
    secret_id: str = ""
    secret_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)


@dataclass(frozen=True)
class FunctionSpec:
    """A function as a platform is told of it."""

    name: str
    code_dir: Path
    """Folder that holds the handler file."""
    handler: str = "handler.main_handler"
    environment: Mapping[str, str] = field(default_factory=dict)
    """Its own variables; the platform adds its own, and nothing of this process's comes along."""
    timeout_seconds: float = 60
    """1 to 900 on the real platforms; then the process is killed. Starting up is not counted."""
    init_seconds: float = 65
    """How long starting up (importing the handler) may take: SCF's default."""
    memory_mb: int = 512
    """Resident memory; over it the process is killed (where the system can tell: Linux)."""
    concurrency: int = 10
    """Processes at most, each doing one call at a time."""
    style: Style = "scf"
    python: Path = field(default_factory=lambda: Path(sys.executable))
    """The interpreter; where it is a virtual environment's, its packages come along."""
    layers: Sequence[Path] = ()
    """Unpacked layers: folders put on the path after the code."""
    retry_delays: Sequence[float] = (60.0, 60.0)
    """Seconds before each retry of a failed asynchronous call. SCF: two, a minute apart."""

    def __post_init__(self) -> None:
        """:raises ValueError: what the real platforms would refuse too, or a missing file."""
        for problem in (self._problem(), self._problem_of_environment()):
            if problem:
                raise ValueError(f"function {self.name!r}: {problem}")

    def _problem(self) -> str | None:
        if not _NAME.fullmatch(self.name):
            return "a name has 1 to 60 letters, digits, dashes and underscores, a letter first"
        if not _HANDLER.fullmatch(self.handler):
            return f"the handler {self.handler!r} must be file.function, without a folder"
        if not self.handler_file.is_file():
            return f"there is no {self.handler_file.name} in {self.code_dir}"
        if self.style not in _RESERVED:
            return f"the style {self.style!r} must be scf or lambda"
        if not 0 < self.timeout_seconds <= 900:
            return "timeout_seconds must be over 0, up to 900"
        if self.concurrency < 1 or self.memory_mb < 64 or self.init_seconds <= 0:
            return "concurrency must be 1 or more, memory_mb 64 or more, init_seconds over 0"
        if any(delay < 0 for delay in self.retry_delays):
            return "retry_delays are seconds, none under 0"
        missing = next((layer for layer in self.layers if not layer.is_dir()), None)
        if missing is not None:
            return f"the layer {missing} is not a folder: build it first"
        return None

    def _problem_of_environment(self) -> str | None:
        taken = [n for n in self.environment if n.upper().startswith(_RESERVED[self.style])]
        if taken:
            return f"the variable {taken[0]!r} is the platform's own: choose another name"
        size = sum(len(n.encode()) + len(v.encode()) for n, v in self.environment.items())
        if size > _MAX_ENVIRONMENT_BYTES:
            return f"the variables have {size} bytes together, up to {_MAX_ENVIRONMENT_BYTES} fit"
        if any("\0" in n + v or "=" in n or not n for n, v in self.environment.items()):
            return "a variable's name is empty or holds '=', or one holds a NUL"
        return None

    @property
    def handler_file(self) -> Path:
        """The file at the code's root that holds the handler."""
        return self.code_dir / (self.handler.partition(".")[0] + ".py")


@dataclass(frozen=True)
class Result:
    """How a call ended."""

    ok: bool
    value: Any = None
    """What the handler returned, as JSON has it."""
    error_type: str = ""
    """The exception's class, or what the platform did: TimeLimitReached, MemoryLimitReached,
    UserProcessExitError, ResourceLimitReached, FunctionInitError, ResponseError."""
    error_message: str = ""
    seconds: float = 0.0
    """How long the handler ran, without starting up."""
    cold: bool = False
    """Whether a process had to be started for it."""
    request_id: str = ""
    log_lines: tuple[str, ...] = ()
    """What it wrote to stdout and stderr: the last 1,000 lines."""


@dataclass(frozen=True)
class LogLine:
    """One line that a function wrote."""

    function: str
    request_id: str
    """Empty while starting up, and for what is written between calls."""
    text: str


@dataclass(frozen=True)
class DeadEvent:
    """An asynchronous event whose last retry failed."""

    sequence: int
    """Its number in the dead-letter table."""
    function: str
    id: str
    event: Any = field(repr=False)
    attempts: int
    error_type: str
    error_message: str
    request_id: str
    died_at: float
    """Seconds since 1970."""
