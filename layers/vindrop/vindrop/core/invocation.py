"""What a platform tells a function about the call it is in, and how much of its time is left.

SCF passes a dict, Lambda an object. `deadline` bounds what a function does over the network as a
whole: the time-outs of a socket bound each read, and an answer that drips outlives them all.
"""

from __future__ import annotations

import contextlib
import functools
import io
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from vindrop.core.lease import LEASE_MARGIN
from vindrop.domain import error_codes
from vindrop.domain.failures import FailureError

Platform = Literal["scf", "lambda", "local"]
DEFAULT_SECONDS: Final = 60.0
"""Time taken to be there where a platform says nothing (a test, a script)."""
MARGIN: Final = 0.5
"""Seconds kept back from the platform's limit, for ending in good order."""
_PART: Final = 65_536
"""Bytes that are sent at once: each part within the time that is left."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The time of one invocation."""

    seconds: float
    """What there was when it began."""
    started: float = field(default_factory=time.monotonic)

    def left(self) -> float:
        """Return the seconds left; negative once the time is over."""
        return self.started + self.seconds - time.monotonic()


def seconds_covered(
    budget: Budget, kept_back: float, most: float, holds: Callable[[float], bool]
) -> float:
    """Return how long a call may take that begins now: at most ``most`` seconds, and within the lease.

    An answer of the ledger that took longer than the margin tells too little: it is asked again.

    :param kept_back: seconds of ``budget`` that are needed after the call.
    :param holds: asks the ledger whether the claim holds, and will for so many seconds.
    :raises FailureError: no call may be made.
    """
    while True:
        left = budget.left()
        seconds = min(most, left - kept_back)
        if seconds <= 0:  # a worker that was frozen, and wakes up
            raise FailureError(error_codes.OUT_OF_TIME, "too little time was left for a call")
        if not holds(seconds + LEASE_MARGIN):
            raise FailureError(error_codes.LEASE_LOST, "another worker has taken this photo over")
        if left - budget.left() < LEASE_MARGIN:
            return seconds


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call of a function."""

    platform: Platform
    request_id: str
    function: str
    seconds: float
    """Time until the platform kills it, less a margin."""
    started: float = field(default_factory=time.monotonic)
    memory_mb: float = 0.0
    """Megabytes that the function has; 0: the platform does not say."""

    @property
    def budget(self) -> Budget:
        """The time of this call."""
        return Budget(self.seconds, self.started)


def of(context: Any) -> Invocation:
    """Read ``context``.

    SCF has no remaining-time method: its ``time_limit_in_ms`` counts from now, the call's start.
    """
    if isinstance(context, Mapping):
        limit = context.get("time_limit_in_ms")
        seconds = limit / 1000 if isinstance(limit, (int, float)) and limit > 0 else DEFAULT_SECONDS
        return Invocation(
            "scf",
            str(context.get("request_id") or ""),
            str(context.get("function_name") or ""),
            _less_margin(seconds),
            memory_mb=_megabytes(context.get("memory_limit_in_mb")),
        )
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    if callable(remaining):
        return Invocation(
            "lambda",
            str(getattr(context, "aws_request_id", "") or ""),
            str(getattr(context, "function_name", "") or ""),
            _less_margin(remaining() / 1000),
            memory_mb=_megabytes(getattr(context, "memory_limit_in_mb", None)),
        )
    return Invocation("local", "", "", DEFAULT_SECONDS)


def _megabytes(said: object) -> float:
    """Read the memory limit: SCF says a number, Lambda a text."""
    try:
        return max(float(str(said)), 0.0)
    except ValueError:
        return 0.0


def _less_margin(seconds: float) -> float:
    return max(seconds - MARGIN, seconds * 0.8)


class Deadline:
    """The moment until which an exchange over the network may last."""

    def __init__(self, until: float) -> None:
        self._until = until
        self.sent: bool | None = None
        """Whether any byte of the request went out: else nothing can have been done with it. None:
        nobody has looked."""

    def left(self) -> float:
        """Return the seconds left.

        :raises TimeoutError: there are none.
        """
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time for this exchange is over")
        return left

    def timeouts(self, given: Any) -> tuple[float, float]:
        """Return what `requests` is to be told: to connect, and for each read.

        :param given: the same, or one number for both, or None.
        :raises TimeoutError: there is no time left.
        """
        left = self.left()
        connect, read = given if isinstance(given, tuple) else (given, given)
        return min(connect or left, left), min(read or left, left)

    def within(self, seconds: float) -> Deadline:
        """Return the deadline that is ``seconds`` from now, or this one if it comes first."""
        return Deadline(min(self._until, time.monotonic() + seconds))


_exchange = threading.local()


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[Deadline]:
    """Let what this thread does over the network in the block last ``seconds`` altogether.

    It holds for sessions that `bound` was called with: connecting, sending, and the whole answer,
    however it drips. A block inside a block ends with the outer one at the latest. The resolver of
    names has limits of its own.
    """
    outer: Deadline | None = getattr(_exchange, "deadline", None)
    _exchange.deadline = (outer or Deadline(float("inf"))).within(seconds)
    try:
        yield _exchange.deadline
    finally:
        _exchange.deadline = outer


def bound(session: Any) -> None:
    """Make a session of `requests` heed `deadline`."""
    adapter = bounded_adapter()()
    session.mount("https://", adapter)
    session.mount("http://", adapter)


class BoundedSocket:
    """A socket, plain or of TLS, whose sending and receiving heed the deadline of the thread."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._stall: float | None = socket.gettimeout()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def settimeout(self, seconds: float | None) -> None:
        """Set the time-out of each operation."""
        self._stall = seconds
        self._socket.settimeout(seconds)

    def heed(self, limit: Deadline) -> None:
        """Let the next operation end with the deadline, or with the time-out that was set before."""
        left = limit.left()
        self._socket.settimeout(left if self._stall is None else min(left, self._stall))

    def sendall(self, data: Any) -> None:
        """Send all of ``data``, in parts."""
        limit: Deadline | None = getattr(_exchange, "deadline", None)
        if limit is None:
            self._socket.sendall(data)
            return
        rest = memoryview(data)
        while rest:
            self.heed(limit)
            rest = rest[self._socket.send(rest[:_PART]) :]
            limit.sent = True

    def recv(self, *sizes: int) -> bytes:
        """Receive what comes next."""
        limit: Deadline | None = getattr(_exchange, "deadline", None)
        if limit is not None:
            self.heed(limit)
        received: bytes = self._socket.recv(*sizes)
        return received

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        """Return a file of what is received."""
        return io.BufferedReader(_Reader(self, self._socket.makefile("rb", buffering=0)))


class _Reader(io.RawIOBase):
    """What a socket receives, each read within the time that is left."""

    def __init__(self, socket: BoundedSocket, file: Any) -> None:
        self._socket, self._file = socket, file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> Any:
        if (limit := getattr(_exchange, "deadline", None)) is not None:
            self._socket.heed(limit)
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()


def bounded_pool(kind: Any) -> Any:
    """Return a kind of pool of `urllib3` whose connections heed `deadline`."""
    connection = kind.ConnectionCls

    def connect(self: Any) -> None:
        connection.connect(self)
        self.sock = BoundedSocket(self.sock)

    heeding = type(connection.__name__, (connection,), {"connect": connect})
    return type(kind.__name__, (kind,), {"ConnectionCls": heeding})


@functools.cache
def bounded_adapter() -> Any:
    """Return the class of `requests` adapters whose connections heed `deadline`."""
    import requests  # a session is at hand, so this is loaded
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    pools = {
        "http": bounded_pool(HTTPConnectionPool),
        "https": bounded_pool(HTTPSConnectionPool),
    }

    class Adapter(requests.adapters.HTTPAdapter):
        def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
            super().init_poolmanager(*arguments, **options)
            self.poolmanager.pool_classes_by_scheme = pools

        def proxy_manager_for(self, proxy: Any, **options: Any) -> Any:
            manager = super().proxy_manager_for(proxy, **options)
            if not proxy.lower().startswith("socks"):
                manager.pool_classes_by_scheme = pools
            return manager

        def send(
            self,
            request: Any,
            stream: Any = False,  # noqa: FBT002  # as the adapter it extends
            timeout: Any = None,
            verify: Any = True,  # noqa: FBT002
            cert: Any = None,
            proxies: Any = None,
        ) -> Any:
            limit: Deadline | None = getattr(_exchange, "deadline", None)
            if limit is not None:
                names = [str(each).lower() for each in (proxies or {}).values()]
                # Through SOCKS the connections are of another kind, which does not tell.
                limit.sent = None if any(name.startswith("socks") for name in names) else False
                try:
                    timeout = limit.timeouts(timeout)
                except TimeoutError as error:
                    raise requests.exceptions.ConnectTimeout(str(error)) from error
            return super().send(request, stream, timeout, verify, cert, proxies)

    return Adapter
