"""The processes of one function: as many as its concurrency at most, kept warm between calls."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from vindrop_local.platform import environment
from vindrop_local.platform.spec import FunctionSpec, Identity, LogLine, Result
from vindrop_local.platform.worker import NotBegunError, Worker, WorkerError


class Pool:
    """Reserve a place with `reserve`, then `run` one call with it, which gives the place back."""

    def __init__(
        self,
        spec: FunctionSpec,
        identity: Callable[[], Identity],
        on_log: Callable[[LogLine], None],
    ) -> None:
        self.spec = spec
        self._identity = identity
        self._on_log = on_log
        self._free = threading.Condition()
        self._busy = 0
        self._idle: list[Worker] = []
        self._running: set[Worker] = set()
        self._closed = False

    def has_room(self) -> bool:
        """Whether a call could begin now."""
        with self._free:
            return self._busy < self.spec.concurrency and not self._closed

    def reserve(self, wait_seconds: float = 0) -> bool:
        """Take a place, waiting for one if need be; False if there was none in time."""
        with self._free:
            self._free.wait_for(
                lambda: self._busy < self.spec.concurrency or self._closed, wait_seconds
            )
            if self._closed or self._busy >= self.spec.concurrency:
                return False
            self._busy += 1
            return True

    def run(self, request_id: str, event: Any) -> Result:
        """Make one call in the place reserved."""
        identity = self._identity()
        while True:
            worker: Worker | None = None
            cold = False
            began = time.monotonic()
            try:
                worker = self._warm()
                if worker is None:
                    cold = True
                    worker = Worker(
                        self.spec, environment.variables(self.spec, identity), self._on_log
                    )
                    self._started(worker)
                    worker.wait_ready(request_id)
                began = time.monotonic()
                answer = worker.call(
                    request_id,
                    event,
                    environment.context(self.spec, identity, request_id),
                    environment.credentials(self.spec, identity),
                )
            except WorkerError as error:
                if isinstance(error, NotBegunError) and worker is not None and not cold:
                    self._drop(worker)  # it died between two calls
                    continue
                result = Result(
                    ok=False,
                    error_type=error.kind,
                    error_message=str(error),
                    seconds=time.monotonic() - began,
                    cold=cold,
                    request_id=request_id,
                    log_lines=worker.take_lines() if worker else (),
                )
                self._give_back(worker, usable=False)
                return result
            except BaseException:
                self._give_back(worker, usable=False)
                raise
            result = _result(answer, request_id, worker.take_lines(), cold=cold)
            self._give_back(worker, usable=not answer.get("exit"))
            return result

    def _warm(self) -> Worker | None:
        while True:
            with self._free:
                if not self._idle:
                    return None
                worker = self._idle.pop()  # the last used: the others may grow old and go
                self._running.add(worker)
            if worker.is_alive():
                return worker
            self._drop(worker)

    def _started(self, worker: Worker) -> None:
        with self._free:
            self._running.add(worker)
            closed = self._closed
        if closed:
            worker.end()

    def _drop(self, worker: Worker) -> None:
        with self._free:
            self._running.discard(worker)
        worker.end()

    def _give_back(self, worker: Worker | None, *, usable: bool) -> None:
        if worker is not None and not usable:
            self._drop(worker)
        with self._free:
            if worker is not None and usable:
                self._running.discard(worker)
                if not self._closed:
                    self._idle.append(worker)
            self._busy -= 1
            self._free.notify()
            closed = self._closed
        if closed and worker is not None:
            worker.end()

    def end_idle(self, seconds: float) -> None:
        """End the processes that were not called for so long."""
        oldest = time.monotonic() - seconds
        with self._free:
            old = [worker for worker in self._idle if worker.last_used < oldest]
            self._idle = [worker for worker in self._idle if worker.last_used >= oldest]
        for worker in old:
            worker.end()

    def pids(self) -> list[int]:
        """Return the numbers of the processes there are."""
        with self._free:
            return sorted(worker.pid for worker in {*self._idle, *self._running})

    def busy(self) -> int:
        """Return how many calls are under way."""
        with self._free:
            return self._busy

    def close(self) -> None:
        """End all processes, also those in the middle of a call; take no more."""
        with self._free:
            self._closed = True
            workers = {*self._idle, *self._running}
            self._idle = []
            self._free.notify_all()
        for worker in workers:
            worker.end()


def _result(
    answer: Mapping[str, Any], request_id: str, lines: tuple[str, ...], *, cold: bool
) -> Result:
    return Result(
        ok=bool(answer["ok"]),
        value=answer.get("value"),
        error_type=str(answer.get("error_type", "")),
        error_message=str(answer.get("error_message", "")),
        seconds=float(answer["seconds"]),
        cold=cold,
        request_id=request_id,
        log_lines=lines,
    )
