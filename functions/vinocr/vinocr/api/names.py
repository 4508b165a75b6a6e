"""Host names of ImageUrl: resolved aside, each within its time, no account at another's cost.

A resolver's call cannot be interrupted: a name whose servers are silent holds its thread for as
long as the system waits. So a lookup has a thread of its own, an account may have a limited number
of them, and a name that is being looked up is not looked up once more.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""host, port → addresses; raises OSError where there are none."""

_SECONDS: Final = 2.0
_CACHED_SECONDS: Final = 10.0
_CACHED: Final = 1024
_MOST: Final = 256
_ONE_OWNER: Final = 64
_FEW: Final = 8
"""Lookups of one account while half of all are taken."""


class BusyError(Exception):
    """Too many names are being resolved."""


class Names:
    """The system's resolver, which also reads decimal and octal spellings of addresses."""

    def __init__(self, seconds: float = _SECONDS) -> None:
        self._seconds = seconds
        self._running: dict[tuple[str, int], asyncio.Future[list[str]]] = {}
        self._owned: Counter[str] = Counter()
        self._cache: dict[tuple[str, int], tuple[float, list[str]]] = {}

    async def resolve(self, owner: str, host: str, port: int) -> list[str]:
        """Return the addresses of ``host``.

        :param owner: the account that asks.
        :raises BusyError: ``owner`` has too many lookups under way.
        :raises OSError: there is none, or none came in time.
        :raises UnicodeError: ``host`` is no host name.
        """
        with contextlib.suppress(socket.gaierror):
            return _ask(host, port, socket.AI_NUMERICHOST)
        name = (host.lower(), port)
        until, addresses = self._cache.get(name, (0.0, []))
        if time.monotonic() < until:
            return addresses
        lookup = self._running.get(name) or self._start(owner, name)
        done, _ = await asyncio.wait([lookup], timeout=self._seconds)
        if not done:
            raise TimeoutError("the name does not resolve in time")
        return lookup.result()

    def _start(self, owner: str, name: tuple[str, int]) -> asyncio.Future[list[str]]:
        limit = _ONE_OWNER if len(self._running) < _MOST // 2 else _FEW
        if len(self._running) >= _MOST or self._owned[owner] >= limit:
            raise BusyError
        loop = asyncio.get_running_loop()
        lookup: asyncio.Future[list[str]] = loop.create_future()
        self._running[name] = lookup
        self._owned[owner] += 1

        def end(answer: list[str] | Exception) -> None:
            del self._running[name]
            self._owned[owner] -= 1
            if isinstance(answer, Exception):
                lookup.set_exception(answer)
                lookup.exception()  # nobody may be waiting any more
            else:
                self._cache.pop(name, None)
                self._cache[name] = (time.monotonic() + _CACHED_SECONDS, answer)
                if len(self._cache) > _CACHED:
                    del self._cache[next(iter(self._cache))]
                lookup.set_result(answer)

        def work() -> None:
            answer: list[str] | Exception
            try:
                answer = _ask(*name)
            except (OSError, UnicodeError) as error:
                answer = error
            with contextlib.suppress(RuntimeError):  # the server has ended meanwhile
                loop.call_soon_threadsafe(end, answer)

        # A daemon: a name that is still being looked up must not hold the server's end up.
        threading.Thread(target=work, name="name", daemon=True).start()
        return lookup


def _ask(host: str, port: int, flags: int = 0) -> list[str]:
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in answers))
