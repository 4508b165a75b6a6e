"""Buckets brought up in a thread: the wire, the watchers and the journal, and down again."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from vindrop_local.bucket.app import BucketApp
from vindrop_local.bucket.journal import Journal
from vindrop_local.bucket.objects import Objects
from vindrop_local.bucket.spec import Account, Bucket
from vindrop_local.bucket.watch import POLL_SECONDS, Watcher
from vindrop_local.platform import Trigger
from vindrop_local.platform.database import FolderLock
from vindrop_local.serving import AppThread, Service, listen

_log: Final = logging.getLogger(__name__)


class BucketServer(Service):
    """One or several buckets, served on loopback from a thread.

    ``with BucketServer(...) as server:`` or `start` and `stop`.
    """

    def __init__(
        self,
        buckets: Sequence[Bucket],
        accounts: Sequence[Account],
        database: Path,
        on_event: Trigger | None = None,
        *,
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
        self._poll = poll_seconds
        self._warn = warn or _log.warning
        self._running = contextlib.ExitStack()

    def start(self) -> None:
        """Open the folders, announce what came meanwhile, and answer requests.

        :raises AlreadyRunningError: another process serves with the same database.
        :raises OSError: a port is taken, or a folder cannot be written to.
        """
        with contextlib.ExitStack() as stack:
            stack.enter_context(FolderLock(self._database.with_suffix(".bucket.lock"), "a bucket"))
            sockets = []
            for bucket in self.buckets:
                sockets.append(stack.enter_context(listen(bucket.port)))
                self.ports[bucket.name] = int(sockets[-1].getsockname()[1])
            journal = stack.enter_context(contextlib.closing(Journal(self._database)))
            opened = [Objects(each, journal, self._on_event) for each in self.buckets]
            ports = {port: name for name, port in self.ports.items()}
            app: ASGIApp = BucketApp(opened, lambda: self.accounts, ports)
            if self._cors_origins:
                app = CORSMiddleware(
                    app,
                    allow_origins=self._cors_origins,
                    allow_methods=["GET", "HEAD", "PUT", "POST"],
                    allow_headers=["*"],
                    expose_headers=["ETag", "x-cos-request-id"],
                )
            stack.callback(AppThread(app, sockets, "bucket").stop)
            for each in opened:
                watcher = Watcher(each, self._poll, self._warn)
                watcher.start()
                stack.callback(watcher.stop)
            self._running = stack.pop_all()

    def stop(self) -> None:
        """Finish the requests under way (3 s at most), and close everything."""
        self._running.close()

    def client(self, bucket: str, account: Account | None = None, **options: Any) -> Any:
        """Return the official COS SDK's client (``CosS3Client``) for a bucket.

        :param account: its keys; by default those of the first account.
        :param options: of ``CosS3Client``, such as ``retry``.
        """
        from qcloud_cos import CosConfig, CosS3Client

        keys = account or self.accounts[0]
        region = next(each.region for each in self.buckets if each.name == bucket)
        config = CosConfig(
            Region=region,
            SecretId=keys.secret_id,
            SecretKey=keys.secret_key,
            Token=keys.token,
            Scheme="http",
            IP="127.0.0.1",
            Port=self.ports[bucket],
        )
        return CosS3Client(config, **options)

    def url(self, bucket: str) -> str:
        """Return where the bucket can be reached without DNS: ``http://127.0.0.1:PORT``."""
        return f"http://127.0.0.1:{self.ports[bucket]}"
