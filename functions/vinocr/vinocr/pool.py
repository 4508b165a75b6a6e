"""Reader processes: started, fed one image at a time, watched, and replaced when they fail.

A reader that hangs is killed after `Pool.read_seconds`; one that dies is replaced; the call it
had is answered with an error, never lost. The queue in front of them is bounded.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from vinocr import logs
from vinocr.reader import Alternative, Answer
from vinocr.worker import LENGTH

_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 30.0
_FAILED_STARTS: Final = 3
_START_SECONDS: Final = 120.0
_MAX_HEAD: Final = 4 * 1024 * 1024


class BusyError(Exception):
    """The queue is full, or the wait for a reader was too long. Nothing was read."""


class ReadTimeoutError(Exception):
    """The reader did not answer in time and was killed."""


class ReaderDiedError(Exception):
    """The reader process ended while it had this image."""


class NoReaderError(Exception):
    """No reader could be started at all, several times in a row. ``str()`` is the last reason."""


class ReaderFailedError(Exception):
    """The reader raised what it should not. ``str()`` is type and place, no data."""


class RefusedError(Exception):
    """The bytes are no image that can be read. ``code`` is `vinocr.reader.ImageError.code`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def answer_of(data: Mapping[str, Any]) -> Answer:
    """Build an `Answer` from its JSON form."""
    corners = data["quadrilateral"]
    shaped: dict[str, Any] = {
        "characters": tuple(data["characters"]),
        "quadrilateral": None if corners is None else tuple((x, y) for x, y in corners),
        "alternatives": tuple(Alternative(**a) for a in data["alternatives"]),
    }
    return Answer(**{**data, **shaped})


@dataclass(slots=True, eq=False)
class _Worker:
    process: asyncio.subprocess.Process
    usable: bool = True

    async def ask(self, image: bytes) -> dict[str, Any]:
        stdin = self.process.stdin
        assert stdin is not None  # noqa: S101 - opened with PIPE
        head = json.dumps({"size": len(image)}).encode()
        stdin.write(LENGTH.pack(len(head)) + head)
        stdin.write(image)
        await stdin.drain()
        return await self.listen()

    async def listen(self) -> dict[str, Any]:
        stdout = self.process.stdout
        assert stdout is not None  # noqa: S101 - opened with PIPE
        size = LENGTH.unpack(await stdout.readexactly(LENGTH.size))[0]
        if size > _MAX_HEAD:
            raise ConnectionError("not a frame")
        head: dict[str, Any] = json.loads(await stdout.readexactly(size))
        return head

    def kill(self) -> None:
        self.usable = False
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()


@dataclass(slots=True)
class Pool:
    """A fixed number of reader processes behind a bounded queue.

    :param command: what starts a reader (it speaks `vinocr.worker`'s frames).
    :param environment: of the readers; no secret belongs there.
    :param queue: calls that may wait; one more is refused.
    :param queue_seconds: the longest such wait.
    :param read_seconds: the longest reading, after which the reader is killed.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    workers: int
    queue: int
    queue_seconds: float
    read_seconds: float
    ready: int = 0
    restarts: int = 0
    busy: int = 0
    _idle: collections.deque[_Worker] = field(default_factory=collections.deque)
    _waiting: collections.deque[asyncio.Future[_Worker]] = field(default_factory=collections.deque)
    _keepers: list[asyncio.Task[None]] = field(default_factory=list)
    _alive: set[_Worker] = field(default_factory=set)
    _broken: str | None = None
    _failed_starts: int = 0

    @property
    def waiting(self) -> int:
        """How many calls wait for a reader."""
        return len(self._waiting)

    def start(self) -> None:
        """Begin starting the readers; calls may come at once and wait for them."""
        self._keepers = [asyncio.create_task(self._keep(n)) for n in range(self.workers)]

    async def close(self) -> None:
        """End the readers. Calls that are still under way end with `ReaderDiedError`."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)

    async def read(self, image: bytes) -> Answer:
        """Have one image read.

        :raises BusyError, NoReaderError, ReadTimeoutError, ReaderDiedError, ReaderFailedError,
            RefusedError: see there.
        """
        worker = await self._take()
        self.busy += 1
        answered = False
        try:
            reply = await asyncio.wait_for(worker.ask(image), self.read_seconds)
            answered = True
        except asyncio.TimeoutError:
            raise ReadTimeoutError from None
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            raise ReaderDiedError from None
        finally:
            self.busy -= 1
            if answered:
                self._give(worker)
            else:  # a late answer must never reach the next caller: this reader is done for
                worker.kill()
        if reply["kind"] == "refused":
            raise RefusedError(reply["code"])
        if reply["kind"] == "failed":
            raise ReaderFailedError(reply["why"])
        return answer_of(reply["answer"])

    async def _take(self) -> _Worker:
        if self._broken is not None and not self.ready:
            raise NoReaderError(self._broken)
        while self._idle:
            worker = self._idle.popleft()
            if worker.usable and worker.process.returncode is None:
                return worker
        if len(self._waiting) >= self.queue:
            raise BusyError
        place: asyncio.Future[_Worker] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await asyncio.wait({place}, timeout=self.queue_seconds)
        except asyncio.CancelledError:
            self._leave(place)
            raise
        if place.done():
            return place.result()
        self._leave(place)
        raise BusyError

    def _leave(self, place: asyncio.Future[_Worker]) -> None:
        if place.done() and not place.cancelled() and place.exception() is None:
            self._give(place.result())
        else:
            with contextlib.suppress(ValueError):
                self._waiting.remove(place)

    def _give(self, worker: _Worker) -> None:
        if not worker.usable:
            return
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(worker)
                return
        self._idle.append(worker)

    async def _keep(self, number: int) -> None:
        pause = _FIRST_PAUSE
        while True:
            started = time.monotonic()
            why = await self._live(number)
            if why is None:  # it had been ready: whatever killed it was one image, start afresh
                self._failed_starts, self._broken, pause = 0, None, _FIRST_PAUSE
                self.restarts += 1
                continue
            self._failed_starts += 1
            logs.event("reader_did_not_start", reader=number, why=why)
            if self._failed_starts >= _FAILED_STARTS and not self.ready:
                self._broken = why
                while self._waiting:
                    place = self._waiting.popleft()
                    if not place.done():
                        place.set_exception(NoReaderError(why))
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
                limit=_MAX_HEAD,
            )
        except OSError as error:
            return f"{type(error).__name__}: {error.strerror}"
        worker = _Worker(process)
        last: list[str] = []
        stderr = asyncio.create_task(_relay(process, number, last))
        is_ready = False
        try:
            with contextlib.suppress(
                asyncio.IncompleteReadError, ConnectionError, ValueError, asyncio.TimeoutError
            ):
                head = await asyncio.wait_for(worker.listen(), _START_SECONDS)
                is_ready = head.get("kind") == "ready"
            if is_ready:
                self.ready += 1
                self._broken, self._failed_starts = None, 0
                logs.event("reader_ready", reader=number, pid=process.pid)
                self._give(worker)
                await process.wait()
                logs.event(
                    "reader_ended", reader=number, pid=process.pid, status=process.returncode
                )
        finally:
            worker.usable = False
            if is_ready:
                self.ready -= 1
            worker.kill()
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
                logs.event("reader_says", reader=number, text=text)
