"""Scripts on a Redis or a Redis Cluster: what the rate limiter and the destination of streams share.

A call ends after the URL's ``timeout_seconds`` (default 10). A connection that breaks, or leads to a
server that takes no writes (a demoted primary), is replaced once; the name is then resolved anew.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from vindrop.core.invocation import BoundedSocket, deadline
from vindrop.core.store_errors import StoreError, StoreSettingError, clean, load_client
from vindrop.core.store_url import StoreURL

CONNECT_SECONDS: Final = 3.0


class Scripts:
    """Runs scripts; safe to share between threads. Connections are made when first needed."""

    def __init__(self, url: str, where: StoreURL) -> None:
        """Take ``url``, and what `vindrop.core.store_url.parse` made of it.

        :raises StoreSettingError: the URL is wrong or the client is not installed.
        """
        self._module: Any = load_client("redis", "redis://…")
        errors = self._module.exceptions
        self._failures = (errors.RedisError, errors.RedisClusterException, OSError)
        self._elsewhere = (errors.MovedError, errors.AskError, errors.ClusterCrossSlotError)
        # Raised by a server that takes no writes, or none yet.
        self._refusals = (
            errors.ReadOnlyError,
            errors.BusyLoadingError,
            errors.ClusterDownError,  # and MASTERDOWN, which is one of its kind
        )
        self._password = where.password
        split = urlsplit(clean(url))
        self._url = urlunsplit((split.scheme, split.netloc, split.path, "", ""))
        connect = min(CONNECT_SECONDS, where.timeout * 0.3)
        self._options: dict[str, Any] = {
            "socket_connect_timeout": connect,
            "socket_timeout": where.timeout - connect,
            "socket_keepalive": True,
            "health_check_interval": 30,  # a connection that died in a frozen function is replaced
        }
        self._seconds = where.timeout
        kind = self._module.connection
        self._options["connection_class"] = _bounded(
            kind.SSLConnection if split.scheme == "rediss" else kind.Connection
        )
        self._lock = threading.Lock()
        try:
            self._client = self._connected(cluster=False)
        except ValueError:
            raise StoreSettingError(
                f"{where.shown} is not an address of Redis: write redis://host:6379/0"
            ) from None

    def run(self, script: str, keys: Sequence[str], *arguments: float | str) -> Any:
        """Run ``script`` and return its result. In a cluster its keys must share a slot.

        :raises StoreError: it was refused, or Redis is out of reach.
        """
        for last in (False, True):
            client = self._client
            try:
                with deadline(self._seconds):
                    return client.eval(script, len(keys), *keys, *arguments)
            except self._failures as error:
                again = not last and self._mend(client, error)
                if not again:
                    self._drop(client)
                    raise StoreError(f"Redis said: {self._told(error)}") from None
        raise AssertionError  # pragma: no cover

    def _mend(self, client: Any, error: Exception) -> bool:
        """Set right what ``error`` says is wrong; whether another try can help."""
        errors = self._module.exceptions
        if isinstance(error, self._elsewhere):  # a Redis Cluster says so when first asked
            with self._lock:
                if self._client is client:
                    try:
                        self._client = self._connected(cluster=True)
                    except self._failures:
                        return False
            return True
        # A script of Redis before 7 wraps the refusal in a sentence of its own.
        if isinstance(error, self._refusals) or "READONLY" in str(error):
            self._drop(client)
            return True
        return isinstance(error, errors.ConnectionError)

    def _drop(self, client: Any) -> None:
        """Close the connections that nobody uses now."""
        pool = getattr(client, "connection_pool", None)
        with contextlib.suppress(*self._failures):
            if pool is not None:
                pool.disconnect(inuse_connections=False)
            else:
                client.disconnect_connection_pools()

    def _connected(self, *, cluster: bool) -> Any:
        # The client's own tries would multiply the time-out.
        kind = self._module.RedisCluster if cluster else self._module.Redis
        retry = self._module.retry.Retry(self._module.backoff.NoBackoff(), 1 if cluster else 0)
        return kind.from_url(self._url, retry=retry, **self._options)

    def _told(self, error: Exception) -> str:
        if isinstance(error, self._elsewhere):
            return "this is a Redis Cluster whose nodes cannot be reached from here"
        said = str(error) or type(error).__name__
        return said.replace(self._password, "…") if len(self._password) > 2 else said


def _bounded(kind: Any) -> Any:
    """Return a kind of connection that heeds `deadline`: its own time-out is of each read."""

    def connect(self: Any) -> Any:
        return BoundedSocket(kind._connect(self))  # noqa: SLF001  # the client has no other way to it

    return type(kind.__name__, (kind,), {"_connect": connect})
