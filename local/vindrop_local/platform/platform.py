"""A platform that runs functions as SCF and Lambda do, on one machine.

Processes of their own with warm reuse, time limits and an environment of exactly what the
platform gives; synchronous calls; asynchronous ones from a durable queue, with SCF's two retries
and a dead letter; timers.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from vindrop_local.platform.database import FolderLock
from vindrop_local.platform.logs import LogFiles
from vindrop_local.platform.pool import Pool
from vindrop_local.platform.queue import Queue, Queued, Trigger
from vindrop_local.platform.spec import (
    MAX_SYNC_BYTES,
    DeadEvent,
    FunctionSpec,
    Identity,
    LogLine,
    Result,
)

_log: Final = logging.getLogger(__name__)
_LOOK_SECONDS: Final = 0.25
"""How often the queue is looked at: another process may have added to it."""

OnDone = Callable[[str, str, Result], None]
"""(function, event id, result), after every attempt of an asynchronous call."""


@dataclass
class _Timer:
    seconds: float
    function: str
    trigger: str
    message: str
    next: float


class Platform:
    """Several functions. ``with Platform(...) as platform:`` or `start` and `close`."""

    def __init__(
        self,
        state_dir: Path,
        functions: Sequence[FunctionSpec],
        *,
        identity: Identity | None = None,
        on_log: Callable[[LogLine], None] | None = None,
        also_log: Callable[[LogLine], None] | None = None,
        on_done: OnDone | None = None,
        on_dead: Callable[[DeadEvent], None] | None = None,
        idle_seconds: float = 60,
    ) -> None:
        """Prepare; nothing is opened before `start`.

        :param state_dir: where the queue and, without ``on_log``, the functions' logs lie.
        :param also_log: told of every line, beside the logs or ``on_log``.
        :param identity: `identity` may be replaced under way: the next call has the new keys.
        :param on_dead: told of every event that failed to the end, at least once: one that was
            not told of before the platform was killed is told of at the next start.
        :param idle_seconds: how long a process is kept warm.
        """
        self.functions = {spec.name: spec for spec in functions}
        self.identity = identity or Identity()
        self.state_dir = state_dir.absolute()
        self._files = LogFiles(state_dir / "logs")
        self._on_log = _both(on_log or self._files, also_log)
        self._on_done = on_done
        self._on_dead = on_dead
        self._idle_seconds = idle_seconds
        self._timers: list[_Timer] = []
        self._wake = threading.Event()
        self._closing = False
        self._started = False

    @property
    def database(self) -> Path:
        """The queue's SQLite file, for a bucket's journal to share."""
        return self.state_dir / "vindrop.sqlite"

    def start(self) -> None:
        """Open the queue and go on with what it holds.

        :raises AlreadyRunningError: another process has this state folder.
        """
        self._lock = FolderLock(self.state_dir / "platform.lock", "a platform")
        self._queue = Queue(self.database)
        self._pools = {
            name: Pool(spec, lambda: self.identity, self._on_log)
            for name, spec in self.functions.items()
        }
        most = sum(spec.concurrency for spec in self.functions.values())
        self._threads = ThreadPoolExecutor(max(1, most), thread_name_prefix="function")
        self._futures: set[Future[None]] = set()
        self._dispatcher = threading.Thread(target=self._dispatch, name="platform", daemon=True)
        self._started = True
        self._dispatcher.start()

    def invoke(self, name: str, event: Any, *, wait_seconds: float = 0) -> Result:
        """Call a function and wait for its answer. No retries, as on SCF.

        :param wait_seconds: how long to wait for a free process before it counts as refused
            (``ResourceLimitReached``), as the real platforms do at once.
        :raises ValueError: no such function, or an event that JSON cannot hold or over 6 MB.
        """
        pool = self._pool(name)
        try:
            text = json.dumps(event, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(f"the event cannot be written as JSON: {error}") from None
        if len(text) > MAX_SYNC_BYTES:
            raise ValueError(f"the event has {len(text)} bytes; up to {MAX_SYNC_BYTES} fit")
        request_id = str(uuid.uuid4())
        if not pool.reserve(wait_seconds):
            return Result(
                ok=False,
                error_type="ResourceLimitReached",
                error_message=f"all {pool.spec.concurrency} processes of {name} are busy: try again",
                request_id=request_id,
            )
        return pool.run(request_id, event)

    def enqueue(self, name: str, event: Any, event_id: str) -> None:
        """Have a function called soon; returns once the event is safe on disk.

        :param event_id: an event whose id is still in the queue is not added twice.
        :raises EventTooLargeError: over 128 KB of JSON.
        :raises TypeError: not what JSON can hold.
        :raises ValueError: no such function.
        """
        self._pool(name)
        self._queue.add(name, event, event_id)
        self._wake.set()

    def trigger(self, name: str) -> Trigger:
        """Return what a bucket is given as ``on_event``, to call this function.

        :raises ValueError: no such function.
        """
        self._check(name)
        return Trigger(name, self._wake.set)

    def every(
        self, seconds: float, name: str, message: str = "", *, trigger: str = "timer"
    ) -> None:
        """Call a function with SCF's timer event, first after ``seconds``.

        While one such event still waits or runs, no second one joins it.

        :raises ValueError: no such function, or no time between the calls.
        """
        self._check(name)
        if seconds <= 0:
            raise ValueError("a timer needs more than 0 seconds between its calls")
        self._timers.append(_Timer(seconds, name, trigger, message, time.monotonic() + seconds))
        self._wake.set()

    def counts(self) -> dict[str, int]:
        """Return how many asynchronous events are ``waiting``, ``running`` and ``dead``."""
        return self._queue.counts()

    def dead(self) -> list[DeadEvent]:
        """Return the events that failed to the end, oldest first."""
        return self._queue.dead()

    def redrive(self, dead: DeadEvent) -> None:
        """Put a dead event back into the queue, with all its retries."""
        self._queue.redrive(dead)
        self._wake.set()

    def pids(self) -> list[int]:
        """Return the numbers of all functions' processes."""
        return sorted(pid for pool in self._pools.values() for pid in pool.pids())

    def close(self, wait_seconds: float = 10) -> None:
        """Take no more, let running calls finish, leave the rest in the queue.

        :param wait_seconds: how long to wait for them; what is killed then is called again after
            the next start, without a retry used up.
        """
        if not self._started:
            return
        self._started = False
        self._closing = True
        self._wake.set()
        self._dispatcher.join()
        deadline = time.monotonic() + wait_seconds
        wait(list(self._futures), wait_seconds)
        while any(p.busy() for p in self._pools.values()) and time.monotonic() < deadline:
            time.sleep(0.02)  # synchronous calls
        for pool in self._pools.values():
            pool.close()
        self._threads.shutdown(wait=True)
        self._queue.close()
        self._files.close()
        self._lock.release()

    def _dispatch(self) -> None:
        for dead in self._queue.dead(untold=True):
            self._tell(dead)
        while not self._closing:
            self._wake.clear()
            self._ring()
            for pool in self._pools.values():
                pool.end_idle(self._idle_seconds)
            if self._take():
                continue
            self._wake.wait(self._pause())

    def _pause(self) -> float:
        due = [timer.next - time.monotonic() for timer in self._timers]
        waiting = self._queue.next_due()
        if waiting is not None and waiting > time.time():
            due.append(waiting - time.time())
        return max(0.0, min([_LOOK_SECONDS, *due]))

    def _take(self) -> bool:
        """Begin one asynchronous call, if one is due and its function has a process free."""
        names = [name for name, pool in self._pools.items() if pool.has_room()]
        taken = self._queue.take(names) if names else None
        if taken is None:
            return False
        if not self._pools[taken.function].reserve():  # a synchronous call was faster
            self._queue.give_back(taken)
            return False
        future = self._threads.submit(self._run, taken)
        self._futures.add(future)
        future.add_done_callback(self._futures.discard)
        return True

    def _run(self, taken: Queued) -> None:
        try:
            result = self._pools[taken.function].run(taken.request_id, taken.event)
        except Exception:  # noqa: BLE001 - whatever it is, the event stays
            _log.exception("the platform failed to call %s", taken.function)
            self._queue.give_back(taken)
            return
        dead: DeadEvent | None = None
        if result.ok:
            self._queue.done(taken)
        elif self._closing and result.error_type in {"UserProcessExitError", "FunctionInitError"}:
            self._queue.give_back(taken)  # it was us who ended it
        else:
            delays = self.functions[taken.function].retry_delays
            dead = self._queue.failed(taken, delays, result.error_type, result.error_message)
        if self._on_done is not None:
            _safely(partial(self._on_done, taken.function, taken.id, result))
        if dead is not None:
            self._tell(dead)
        self._wake.set()

    def _tell(self, dead: DeadEvent) -> None:
        if self._on_dead is not None and _safely(partial(self._on_dead, dead)):
            self._queue.told(dead)

    def _ring(self) -> None:
        now = time.monotonic()
        for timer in self._timers:
            if timer.next > now:
                continue
            # A time missed (the machine slept) is not made up for.
            timer.next = max(timer.next + timer.seconds, now)
            moment = dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
            event = {"Type": "Timer", "TriggerName": timer.trigger, "Time": moment}
            event["Message"] = timer.message
            self._queue.add(timer.function, event, f"timer/{timer.trigger}")

    def _pool(self, name: str) -> Pool:
        if not self._started:
            raise ValueError("the platform is not running: start it first")
        self._check(name)
        return self._pools[name]

    def _check(self, name: str) -> None:
        if name not in self.functions:
            there = ", ".join(sorted(self.functions)) or "none at all"
            raise ValueError(f"there is no function {name!r}; there are: {there}")

    def __enter__(self) -> Platform:  # noqa: PYI034 - Self is of 3.11, and nobody inherits
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _safely(callback: Callable[[], object]) -> bool:
    """Run a caller's callback; its failure is logged and ours is not the worse for it."""
    try:
        callback()
    except Exception:  # noqa: BLE001 - it is the caller's, and logged
        _log.exception("a callback of the platform failed")
        return False
    return True


def _both(
    one: Callable[[LogLine], None], other: Callable[[LogLine], None] | None
) -> Callable[[LogLine], None]:
    """Return what tells both of a line."""
    if other is None:
        return one

    def told(line: LogLine) -> None:
        one(line)
        other(line)

    return told
