"""Buckets brought up in a thread: the wire, the watchers and the journal, and down again."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

import uvicorn
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from vindrop_local.bucket.app import BucketApp
from vindrop_local.bucket.journal import Journal
from vindrop_local.bucket.objects import Objects
from vindrop_local.bucket.spec import Account, Bucket, OnEvent
from vindrop_local.bucket.watch import POLL_SECONDS, Watcher
from vindrop_local.platform.database import FolderLock

_log: Final = logging.getLogger(__name__)
_START_SECONDS: Final = 10.0
_STOP_SECONDS: Final = 3


class BucketServer:
    """One or several buckets, served on loopback (or wherever ``host`` says) from a thread.

    ``with BucketServer(...) as server:`` or `start` and `stop`.
    """

    def __init__(
        self,
        buckets: Sequence[Bucket],
        accounts: Sequence[Account],
        database: Path,
        on_event: OnEvent | None = None,
        *,
        host: str = "127.0.0.1",
        poll_seconds: float = POLL_SECONDS,
        warn: Callable[[str], None] | None = None,
        cors_origins: Sequence[str] = (),
    ) -> None:
        """Prepare; nothing is opened before `start`.

        :param accounts: key pairs that may use the buckets; `accounts` can be replaced later.
        :param database: SQLite file of the journal: the queue's own, so that an object and its
            event are one transaction.
        :param cors_origins: whose pages may use the buckets, as a CORS rule of a bucket on COS says.
        :param warn: told of files in a folder that can be no object; by default, the log is.
        :raises ValueError: no bucket, two of one name, or two over one folder.
        """
        if not buckets:
            raise ValueError("no bucket to serve: name at least one")
        if len({each.name for each in buckets}) < len(buckets):
            raise ValueError("two buckets have one name: give each its own")
        if len({each.folder.absolute() for each in buckets}) < len(buckets):
            raise ValueError("two buckets lie over one folder: give each its own")
        self.buckets = list(buckets)
        self.accounts = list(accounts)
        self.ports: dict[str, int] = {}
        """Bucket → its port, once started."""
        self._database = database
        self._on_event = on_event
        self._cors_origins = tuple(cors_origins)
        self._host = host
        self._poll = poll_seconds
        self._warn = warn or _log.warning
        self._server: uvicorn.Server | None = None
        self._watchers: list[Watcher] = []

    def start(self) -> None:
        """Open the folders, announce what came meanwhile, and answer requests.

        :raises AlreadyRunningError: another process serves with the same database.
        :raises OSError: a port is taken, or a folder cannot be written to.
        """
        self._lock = FolderLock(self._database.with_suffix(".bucket.lock"), "a bucket")
        sockets: list[socket.socket] = []
        try:
            for bucket in self.buckets:
                listening = _listen(self._host, bucket.port)
                sockets.append(listening)
                self.ports[bucket.name] = int(listening.getsockname()[1])
            self._journal = Journal(self._database)
            opened = [Objects(each, self._journal, self._on_event) for each in self.buckets]
        except BaseException:
            for each in sockets:
                each.close()
            self._lock.release()
            raise
        app: ASGIApp = BucketApp(
            opened,
            lambda: self.accounts,
            {port: name for name, port in self.ports.items()},
        )
        if self._cors_origins:
            app = CORSMiddleware(
                app,
                allow_origins=self._cors_origins,
                allow_methods=["GET", "HEAD", "PUT", "POST"],
                allow_headers=["*"],
                expose_headers=["ETag", "x-cos-request-id"],
            )
        # No access log: request lines hold signatures.
        config = uvicorn.Config(
            app,
            lifespan="off",
            access_log=False,
            log_config=None,
            log_level="warning",
            timeout_graceful_shutdown=_STOP_SECONDS,
            server_header=False,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": sockets}, name="bucket", daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + _START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                self.stop()
                raise OSError("the bucket did not start: see its log")
            time.sleep(0.005)
        self._watchers = [Watcher(each, self._poll, self._warn) for each in opened]
        for watcher in self._watchers:
            watcher.start()

    def stop(self) -> None:
        """Finish the requests under way (3 s at most), and close everything."""
        for watcher in self._watchers:
            watcher.stop()
        self._watchers = []
        if self._server is None:
            return
        self._server.should_exit = True
        self._thread.join()
        self._server = None
        self._journal.close()
        self._lock.release()

    def url(self, bucket: str) -> str:
        """Return where the bucket can be reached without DNS: ``http://127.0.0.1:PORT``."""
        return f"http://{self._host}:{self.ports[bucket]}"

    def __enter__(self) -> BucketServer:  # noqa: PYI034 - Self is of 3.11, and nobody inherits
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _listen(host: str, port: int) -> socket.socket:
    # The protocol is named because asyncio sets TCP_NODELAY only then; without it every answer
    # with a body waits 40 ms for the client's delayed acknowledgement.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError:
        listening.close()
        raise OSError(
            f"port {port} on {host} is taken: choose another, or stop what uses it"
        ) from None
    return listening
