"""Many instances and the platform in front of them: it redelivers events that fail until they end."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import multiprocessing
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, Final

from bench.rig.instance import Job, Setup, work
from bench.rig.steps import STEPS

_ANSWERED: Final = STEPS.index("answered") + 1
"""Whoever dies after these and before the answer is kept may take a paid answer along."""


@dataclass(slots=True)
class Ticket:
    """An event that has not ended, as the platform keeps it."""

    job: Job
    tries: int = 0
    sent: float = 0.0


@dataclass(slots=True)
class Tally:
    """What the platform saw."""

    ended: int = 0
    dropped: list[Any] = field(default_factory=list)
    """Events given up after the last retry."""
    function_seconds: float = 0.0
    invocations: int = 0
    crashes: int = 0
    killed_at: Counter[str] = field(default_factory=Counter)
    cut_by_kill: int = 0
    """Kills between an answer and its being kept: each cost one call."""
    errors: Counter[str] = field(default_factory=Counter)


class Fleet:
    """``with Fleet(...) as fleet``: instances that live until the block ends.

    :param retry_delays: seconds until the platform redelivers a failed event, one per retry;
        None: it never gives up (a queue), and waits half a second.
    :param plan: chooses where an invocation kills itself; see `Job.kill`.
    :param missed: told the step that such an invocation ended without reaching.
    """

    def __init__(
        self,
        setups: list[Setup],
        *,
        retry_delays: tuple[float, ...] | None,
        plan: Callable[[Job], str] = lambda _: "",
        missed: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._context = multiprocessing.get_context("forkserver")
        # All that the bench's main module imports too: every fork runs that module again.
        self._context.set_forkserver_preload(
            ["bench.rig.instance", "bench.rig.world", "bench.rig.report", "bench.rig.postgres"]
        )
        self._setups = setups
        self._retry_delays = retry_delays
        self._plan, self._missed = plan, missed
        self._queue: list[tuple[float, int, Ticket]] = []
        self._numbers = itertools.count()
        self._ready = threading.Condition()
        self._open = 0
        self._stopping = False
        self._threads: list[threading.Thread] = []
        self._processes: dict[int, Any] = {}
        self._steps: dict[int, Any] = {}
        self.tally = Tally()

    def __enter__(self) -> Fleet:  # noqa: PYI034 - Self is of 3.11
        for number, setup in enumerate(self._setups):
            thread = threading.Thread(target=self._serve, args=(number, setup), daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *exc: object) -> None:
        with self._ready:
            self._stopping = True
            self._ready.notify_all()
        for thread in self._threads:
            thread.join(timeout=60)

    def warm(self) -> None:
        """Wait until every instance is forked: on two cores that would otherwise be measured."""
        while len(self._processes) < len(self._setups):
            time.sleep(0.01)

    def send(self, job: Job, after: float = 0.0) -> None:
        """Deliver an event, ``after`` seconds from now."""
        with self._ready:
            self._open += 1
            self._push(Ticket(job), after)

    def unfinished(self) -> int:
        """Return how many events have neither ended nor been dropped."""
        with self._ready:
            return self._open

    def kill_one(self, dice: random.Random) -> None:
        """Kill an instance, whatever it is doing."""
        with self._ready:
            alive = [p for p in self._processes.values() if p.is_alive()]
        if alive:
            dice.choice(alive).kill()

    def _push(self, ticket: Ticket, after: float) -> None:
        heapq.heappush(self._queue, (time.monotonic() + after, next(self._numbers), ticket))
        self._ready.notify()

    def _take(self) -> Ticket | None:
        with self._ready:
            while not self._stopping:
                if not self._queue:
                    self._ready.wait()
                    continue
                wait = self._queue[0][0] - time.monotonic()
                if wait <= 0:
                    return heapq.heappop(self._queue)[2]
                self._ready.wait(wait)
        return None

    def _serve(self, number: int, setup: Setup) -> None:
        process, pipe = self._start(number, setup)
        while (ticket := self._take()) is not None:
            if not process.is_alive():
                process, pipe = self._start(number, setup)
            job = ticket.job
            kill = self._plan(job)
            started = time.monotonic()
            try:
                pipe.send(Job(job.kind, job.event, job.seconds, kill))
                error, _, seconds = pipe.recv()
                if kill:
                    self._missed(kill)
            except (EOFError, OSError):
                process.join()
                pipe.close()
                self._crashed(self._steps[number].value, kill)
                error, seconds = "crash", time.monotonic() - started
                process, pipe = self._start(number, setup)
            self._done(ticket, error, seconds)
        pipe.close()
        process.join(5)
        with contextlib.suppress(ValueError):
            process.kill()

    def _start(self, number: int, setup: Setup) -> tuple[Any, Connection]:
        ours, theirs = self._context.Pipe()
        at = self._context.Value("i", 0, lock=False)
        process = self._context.Process(target=work, args=(setup, theirs, at), daemon=True)
        process.start()
        theirs.close()
        with self._ready:
            self._processes[number], self._steps[number] = process, at
        return process, ours

    def _crashed(self, at: int, kill: str) -> None:
        with self._ready:
            self.tally.crashes += 1
            if kill and at and STEPS[at - 1] == kill:
                self.tally.killed_at[kill] += 1
                self.tally.cut_by_kill += kill == "answered"
            else:
                self.tally.killed_at["anywhere"] += 1
                self.tally.cut_by_kill += at == _ANSWERED

    def _done(self, ticket: Ticket, error: str, seconds: float) -> None:
        with self._ready:
            self.tally.invocations += 1
            self.tally.function_seconds += seconds
            if not error:
                self.tally.ended += 1
                self._open -= 1
                return
            self.tally.errors[error[:100]] += 1
            delays = self._retry_delays
            if delays is None:
                self._push(ticket, 0.5)
            elif ticket.tries < len(delays):
                ticket.tries += 1
                self._push(ticket, delays[ticket.tries - 1])
            else:
                self.tally.dropped.append(ticket.job.event)
                self._open -= 1
