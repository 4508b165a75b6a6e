"""Reading of request bodies: bounded in memory and in time, and fair between clients.

Nobody has signed anything yet here, so whoever sends slowly must not keep those waiting who do not.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from vinocr.api.codes import ApiError
from vinocr.serve.fair_line import FairLine
from vinocr.serve.reader_pool import busy_error

_SMALL: Final = 64 * 1024
"""Bytes of a body that need no place."""
_DRAIN: Final = 64 * 1024 * 1024
"""Bytes of an oversized body that are thrown away before the answer: a client that is still
sending when the connection closes sees a broken pipe instead of the answer."""
_GRACE_SECONDS: Final = 2.0
_LEAST_RATE: Final = 32 * 1024
"""Bytes per second that a body with a place must bring, after the grace: 1 MB in 30 s."""


class BodyTooSlowError(Exception):
    """A body did not arrive in time."""


@dataclass(slots=True)
class Body:
    """A request's body, and how long it had to wait for a place."""

    data: bytes
    waited: float = 0.0


@dataclass(slots=True)
class BodyReader:
    """Reads request bodies: a limited number of large ones at once, each within its time.

    A body gets its place when more than 64 KB of it have arrived, and keeps it while it is used;
    until then nothing more is read of it: its sender waits in the socket.

    :param seconds: the longest arrival of one request.
    :param wait_seconds: the longest wait for a place.
    """

    places: FairLine[int]
    seconds: float
    wait_seconds: float

    @contextlib.asynccontextmanager
    async def read(
        self, receive: Receive, owner: str, limit: int, too_large: ApiError
    ) -> AsyncIterator[Body]:
        """Read a body of at most ``limit`` bytes.

        :param owner: the client's address: clients get places in turn.
        :raises ApiError: ``too_large``, after the body was read to its end and thrown away;
            ResourceInsufficient where no place became free.
        :raises BodyTooSlowError: see there.
        :raises starlette.requests.ClientDisconnect: the client has gone.
        """
        arrival = _Arrival(self, receive, owner, limit)
        try:
            yield Body(await arrival.collect(too_large), arrival.waited)
        finally:
            if arrival.place is not None:
                self.places.give(owner, arrival.place)


class _Arrival:
    """One body on its way."""

    def __init__(self, reader: BodyReader, receive: Receive, owner: str, limit: int) -> None:
        self.reader, self._receive, self._owner, self._limit = reader, receive, owner, limit
        self.place: int | None = None
        self.waited = 0.0
        self._end = time.monotonic() + reader.seconds
        self._placed = 0.0
        self._since_placed = 0

    async def collect(self, too_large: ApiError) -> bytes:
        body, dropped, more = bytearray(), 0, True
        while more:
            message = await self._next()
            chunk: bytes = message.get("body", b"")
            more = message.get("more_body", False)
            if dropped or len(body) + len(chunk) > self._limit:
                dropped += len(body) + len(chunk)
                body.clear()
                if dropped > _DRAIN:
                    break
                continue
            body += chunk
            self._since_placed += len(chunk)
            if more and self.place is None and len(body) > _SMALL:
                await self._take_place()
        if dropped:
            raise too_large
        return bytes(body)

    async def _next(self) -> dict[str, Any]:
        end = self._end
        if self.place is not None:
            floor = self._placed + _GRACE_SECONDS + self._since_placed / _LEAST_RATE
            end = min(end, floor)
        waiting: Awaitable[Any] = self._receive()
        try:
            message: dict[str, Any] = await asyncio.wait_for(waiting, end - time.monotonic())
        except asyncio.TimeoutError:
            raise BodyTooSlowError from None
        if message["type"] != "http.request":
            raise ClientDisconnect
        return message

    async def _take_place(self) -> None:
        started = time.monotonic()
        try:
            self.place = await self.reader.places.take(self._owner, self.reader.wait_seconds)
        except asyncio.TimeoutError:
            why = "too many large requests are under way"
            raise busy_error(self.reader.wait_seconds, why) from None
        self._placed = time.monotonic()
        self.waited = self._placed - started
        self._end += self.waited
        self._since_placed = 0


async def until_gone(receive: Receive, work: Awaitable[Any]) -> Any:
    """Return what ``work`` returns; where the client hangs up first, cancel it.

    To be called once the request's body has been read.

    :raises starlette.requests.ClientDisconnect: the client has gone, perhaps after the work was done.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if gone.done():
            raise ClientDisconnect
        return task.result()
    finally:
        for each in (task, gone):
            each.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
