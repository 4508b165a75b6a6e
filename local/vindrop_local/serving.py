"""A server in a thread of this process: an ASGI application, served by uvicorn."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Sequence
from typing import Final

import uvicorn
from starlette.types import ASGIApp
from typing_extensions import Self

_START_SECONDS: Final = 10.0
_STOP_SECONDS: Final = 3


class Service:
    """Gives whatever has `start` and `stop` its ``with`` block."""

    def start(self) -> None:
        """Bring it up."""
        raise NotImplementedError

    def stop(self) -> None:
        """Bring it down; may be called twice."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listen(port: int) -> socket.socket:
    """Return a TCP socket bound to a port of 127.0.0.1; 0 takes a free one.

    :raises OSError: the port is taken.
    """
    # The protocol is named because asyncio sets TCP_NODELAY only then; without it every answer
    # with a body waits 40 ms for the client's delayed acknowledgement.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(("127.0.0.1", port))
    except OSError:
        bound.close()
        raise OSError(
            f"port {port} on 127.0.0.1 is taken: choose another, or stop what uses it"
        ) from None
    return bound


class AppThread:
    """An ASGI application, served until `stop`."""

    def __init__(self, app: ASGIApp, sockets: Sequence[socket.socket], name: str) -> None:
        """Serve ``app``; returns once it answers.

        :raises OSError: it did not start within 10 s.
        """
        # No access log: request lines hold signatures.
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                lifespan="off",
                access_log=False,
                log_config=None,
                log_level="warning",
                timeout_graceful_shutdown=_STOP_SECONDS,
                server_header=False,
            )
        )
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": list(sockets)}, name=name, daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + _START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                self.stop()
                raise OSError(f"the {name} did not start: see its log")
            time.sleep(0.005)

    def stop(self) -> None:
        """Finish the requests under way (3 s at most)."""
        self._server.should_exit = True
        self._thread.join()
