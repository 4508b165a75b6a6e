"""Reader processes: started, fed one image at a time, watched, and replaced when they fail.

A reader that hangs is killed after `ReaderPool.read_seconds`; one that dies is replaced; its call
is answered with an error. The queue in front of them is bounded, in calls and in time: a call that
could not be read in time is refused at once. Accounts are served in turn. A call whose client has
hung up leaves the queue; its reading, once begun, ends and goes nowhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import TypeAdapter

from vinocr import logging_json
from vinocr.api.codes import ApiError
from vinocr.reader import Answer
from vinocr.serve.fair_line import FairLine
from vinocr.serve.reader_process import LENGTH

_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 30.0
_FAILED_STARTS: Final = 3
_START_SECONDS: Final = 120.0
_LONGEST_LINE: Final = 4 * 1024 * 1024
_STARTING: Final = 3
"""While no reader is up yet, calls wait this many times as long as for a busy one."""
_WEIGHT: Final = 0.2
"""Of the newest reading in the mean of their times."""
_ANSWER: Final = TypeAdapter(Answer)


def busy_error(seconds: float, why: str = "all readers are busy") -> ApiError:
    """Return the refusal of a call that would wait ``seconds`` for its turn."""
    wait = max(1, math.ceil(seconds))
    return ApiError("ResourceInsufficient", retry_after=wait, why=why, seconds=wait)


def image_error(code: str, max_pixels: int) -> ApiError:
    """Return the error for an image that the reader refused; ``code`` is `reader.ImageError.code`."""
    if code == "empty":
        return ApiError("FailedOperation.EmptyImageError")
    if code == "too_many_pixels":
        return ApiError("FailedOperation.ImageSizeTooLarge", limit=max_pixels)
    return ApiError("FailedOperation.ImageDecodeFailed", why="the file is damaged or incomplete")


@dataclass(slots=True, eq=False)
class _Reader:
    process: asyncio.subprocess.Process
    usable: bool = True

    async def ask(self, image: bytes) -> dict[str, Any]:
        assert self.process.stdin is not None  # noqa: S101 - opened with PIPE
        self.process.stdin.write(LENGTH.pack(len(image)))
        self.process.stdin.write(image)
        await self.process.stdin.drain()
        return await self.listen()

    async def listen(self) -> dict[str, Any]:
        assert self.process.stdout is not None  # noqa: S101 - opened with PIPE
        answer: dict[str, Any] = json.loads(await self.process.stdout.readline())
        return answer

    def kill(self) -> None:
        self.usable = False
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()


@dataclass(slots=True)
class ReaderPool:
    """A fixed number of reader processes behind a bounded queue.

    :param command: what starts a reader (it speaks as `vinocr.serve.reader_process` does).
    :param environment: of the readers; no secret belongs there.
    :param queue: calls that may wait; one more is refused.
    :param queue_seconds: the longest such wait.
    :param read_seconds: the longest reading, after which the reader is killed.
    :param max_pixels: the largest image that the readers take, for the error message.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    workers: int
    queue: int
    queue_seconds: float
    read_seconds: float
    max_pixels: int = 0
    ready: int = 0
    restarts: int = 0
    busy: int = 0
    seconds: float = 0.0
    """Mean time of a reading, the newest ones counting most; 0 before the first."""
    _line: FairLine[_Reader] = field(default_factory=FairLine)
    """Readers without a call, and the calls that wait for one, by account."""
    _keepers: list[asyncio.Task[None]] = field(default_factory=list)
    _readings: set[asyncio.Task[dict[str, Any]]] = field(default_factory=set)
    _failed_starts: int = 0
    _is_closed: bool = False
    """Keepers look at it too: up to Python 3.11 `asyncio.wait_for` may swallow a cancellation."""

    @property
    def waiting(self) -> int:
        """Calls that wait for a reader."""
        return self._line.waiting

    def start(self) -> None:
        """Begin starting the readers; calls may come at once and wait for them."""
        self._keepers = [asyncio.create_task(self._keep(n)) for n in range(self.workers)]

    async def close(self) -> None:
        """End the readers. Calls in progress end with UnKnowError."""
        self._is_closed = True
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        await asyncio.gather(*self._readings, return_exceptions=True)

    def refuse_if_busy(self, owner: str = "") -> None:
        """Refuse a call that would wait too long, before anything is done for it.

        :raises ApiError: ResourceInsufficient: the queue is full, or its wait would be too long.
        """
        if self._line.has_free or self._none_starts():
            return
        wait = self.seconds * (self._line.ahead(owner) + 0.5) / max(1, self.ready)
        error = busy_error(wait)
        is_full = self.waiting >= self.queue and not self._line.displace(owner, error)
        if is_full or wait > self.queue_seconds:
            raise error

    async def read(self, image: bytes, owner: str = "", waited: float = 0.0) -> Answer:
        """Have one image read.

        :param owner: whose call it is; owners are served in turn.
        :param waited: seconds that the call has waited elsewhere already.
        :raises ApiError: ResourceInsufficient (see `refuse_if_busy`), ServiceUnavailable (no reader
            is up yet), ResourceUnavailable (none starts), EngineRecognizeTimeout, UnKnowError (the
            reader died), InternalError (the reader raised), or what is wrong with the image.
        """
        reader = await self._take(owner, waited)
        reading = asyncio.create_task(self._ask(reader, owner, image))
        self._readings.add(reading)
        reading.add_done_callback(self._readings.discard)
        reading.add_done_callback(lambda done: done.cancelled() or done.exception())
        # A caller that leaves does not stop the reader: a new one would cost more than the reading.
        reply = await asyncio.shield(reading)
        if reply["kind"] == "refused":
            raise image_error(reply["code"], reply.get("limit") or self.max_pixels)
        if reply["kind"] == "failed":
            logging_json.event("reader_failed", error=reply["why"])
            raise ApiError("InternalError")
        return _ANSWER.validate_python(reply["answer"])

    async def _ask(self, reader: _Reader, owner: str, image: bytes) -> dict[str, Any]:
        self.busy += 1
        answered, started = False, time.monotonic()
        try:
            reply = await asyncio.wait_for(reader.ask(image), self.read_seconds)
            answered = True
        except asyncio.TimeoutError:
            raise ApiError("FailedOperation.EngineRecognizeTimeout") from None
        except (ConnectionError, ValueError):
            raise ApiError("FailedOperation.UnKnowError") from None
        finally:
            self.busy -= 1
            spent = time.monotonic() - started
            self.seconds += (spent - self.seconds) * (_WEIGHT if self.seconds else 1.0)
            if answered:
                self._line.give(owner, reader)
            else:  # a late answer must never reach the next caller
                reader.kill()
                self._line.drop(owner)
        return reply

    async def _take(self, owner: str, waited: float) -> _Reader:
        self.refuse_if_busy(owner)
        limit = self.queue_seconds * (1 if self.ready else _STARTING)
        end = time.monotonic() + limit - waited
        try:
            while not self._none_starts():
                reader = await self._line.take(owner, end - time.monotonic())
                if reader.usable and reader.process.returncode is None:
                    return reader
                self._line.drop(owner)
        except asyncio.TimeoutError:
            if not self.ready:
                why = "no reader is up yet"
                raise ApiError("ServiceUnavailable", retry_after=5, why=why) from None
            raise busy_error(self.seconds) from None
        raise ApiError("ResourceUnavailable", why="no reader starts, see the server's log")

    def _none_starts(self) -> bool:
        return self._failed_starts >= _FAILED_STARTS and not self.ready

    async def _keep(self, number: int) -> None:
        pause = _FIRST_PAUSE
        while not self._is_closed:
            started = time.monotonic()
            why = await self._live(number)
            if self._is_closed:
                return
            if why is None:  # it had been ready: one image killed it, a new one replaces it at once
                self._failed_starts, pause = 0, _FIRST_PAUSE
                self.restarts += 1
                continue
            self._failed_starts += 1
            logging_json.event("reader_did_not_start", reader=number, why=why)
            if self._none_starts():
                why = "no reader starts, see the server's log"
                self._line.fail(ApiError("ResourceUnavailable", why=why))
            await asyncio.sleep(max(0.0, pause - (time.monotonic() - started)))
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _live(self, number: int) -> str | None:
        """Run one reader until it ends; return why it never became ready, or None if it did."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self.command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=dict(self.environment),
                limit=_LONGEST_LINE,
            )
        except OSError as error:
            return f"{type(error).__name__}: {error.strerror}"
        reader = _Reader(process)
        last: list[str] = []
        stderr = asyncio.create_task(_relay(process, number, last))
        is_ready = False
        try:
            with contextlib.suppress(ConnectionError, ValueError, asyncio.TimeoutError):
                answer = await asyncio.wait_for(reader.listen(), _START_SECONDS)
                is_ready = answer.get("kind") == "ready"
            if is_ready:
                self.ready += 1
                self._failed_starts = 0
                logging_json.event(
                    "reader_ready", reader=number, pid=process.pid, confined=answer.get("confined")
                )
                self._line.add(reader)
                await process.wait()
                logging_json.event(
                    "reader_ended", reader=number, pid=process.pid, status=process.returncode
                )
        finally:
            reader.usable = False
            if is_ready:
                self.ready -= 1
            reader.kill()
            await asyncio.shield(process.wait())
            stderr.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await stderr
            transport = getattr(process, "_transport", None)
            if transport is not None:  # else its pipes are closed only by the garbage collector
                transport.close()
        return None if is_ready else (last[-1] if last else "it ended without a word")


async def _relay(process: asyncio.subprocess.Process, number: int, last: list[str]) -> None:
    """Pass a reader's own words on to the log, line by line, and keep the last one."""
    assert process.stderr is not None  # noqa: S101 - opened with PIPE
    with contextlib.suppress(ValueError, ConnectionError):
        while line := await process.stderr.readline():
            text = line.decode(errors="replace").strip()[:500]
            if text:
                last[:] = [text]
                logging_json.event("reader_says", reader=number, text=text)
