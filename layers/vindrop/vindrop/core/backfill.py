"""Photos that were in a bucket before the function was: listed page by page, each read once.

What the ledger knows is skipped, so a run that was killed goes on where it stopped, and an object
that its own event named is not paid for again (`vindrop.core.resolve_version` says which upload an object
of a list is). Memory holds one page and the uploads under way, however large the bucket.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, cast

from vindrop.core import sweep
from vindrop.core.app import App
from vindrop.core.batch import ignored
from vindrop.core.invocation import Budget, Invocation
from vindrop.core.lease import LEASE_MARGIN
from vindrop.core.ledger import Catalogue
from vindrop.core.outcome import Outcome
from vindrop.core.rate_limiter import RateLimited, RateLimiter
from vindrop.core.resolve_version import same
from vindrop.domain.failures import Disposition, Failure
from vindrop.domain.upload import Upload

UPLOAD_SECONDS: Final = 60.0
"""Time that one upload gets before a retry is scheduled."""
QUIET: Final = UPLOAD_SECONDS + LEASE_MARGIN + 10.0
"""Seconds without any news after which the end no longer waits: longer than a dead run's leases."""

Pages = Callable[[], Iterable[list[Upload]]]
"""Begins the list anew at each call."""


class BlockedError(RuntimeError):
    """The circuit is open: nothing can be read now. ``str()`` is the reason."""


class NoCatalogueError(ValueError):
    """The ledger cannot tell what lies where, so what was paid for could be paid for again."""


@dataclass(slots=True)
class Survey:
    """What a list holds."""

    listed: int = 0
    ignored: int = 0
    """By the settings: prefixes and suffixes."""
    young: int = 0
    """Changed so lately that their own events may be on their way."""
    known: int = 0
    """In the ledger already, ended or under way."""
    left: int = 0
    """To be read: one call each."""


@dataclass(slots=True)
class Backfill:
    """One run.

    :param before: Unix time in seconds; objects changed later are left to their own events.
    :param rate: calls per second at most, below the account's own; None: the account's.
    :param rate_limiter: enforces ``rate``; None: only the account's own rate limiter does.
    """

    app: App
    pages: Pages
    before: float
    rate: float | None = None
    rate_limiter: RateLimiter | None = None
    survey: Survey = field(default_factory=Survey)
    ended: Counter[str] = field(default_factory=Counter)
    _stop: threading.Event = field(default_factory=threading.Event)
    _blocked: Failure | None = None

    def count(self, on_page: Callable[[Survey], None] = lambda _: None) -> Survey:
        """List everything and count; no photo is looked at.

        :raises NoCatalogueError: the ledger is none.
        :raises StoreError: the ledger is away, or its index by place is not ready.
        :raises FailureError: the bucket cannot be listed.
        """
        for _ in self._unknown(on_page):
            pass
        return self.survey

    def run(self, on_end: Callable[[Outcome], None] = lambda _: None) -> Counter[str]:
        """Read what the ledger does not know, then finish what waits for a retry.

        :param on_end: told of every upload that ended or waits for a retry.
        :returns: how many ended how.
        :raises BlockedError: the circuit is open; run again when the account is in order.
        :raises StoreError: the ledger is away; run again, it goes on where it stopped.
        """
        # As many at once as the rate keeps busy at a second or so per call.
        workers = max(2, min(32, round((self.rate or self.app.settings.rate) * 1.5)))
        free = threading.Semaphore(workers * 2)
        errors: list[BaseException] = []
        with ThreadPoolExecutor(workers, thread_name_prefix="backfill") as pool:
            try:
                for upload in self._paced(self._unknown()):
                    free.acquire()
                    if self._stop.is_set():
                        break
                    pool.submit(self._one, upload, free, errors, on_end)
            except BaseException:
                self._stop.set()  # what waits in line is dropped; what is under way ends
                raise
        if errors:
            raise errors[0]
        if self._blocked is not None:
            raise BlockedError(f"{self._blocked.code}: {self._blocked.message}")
        self._finish()
        return self.ended

    def _one(
        self,
        upload: Upload,
        free: threading.Semaphore,
        errors: list[BaseException],
        on_end: Callable[[Outcome], None],
    ) -> None:
        try:
            if self._stop.is_set():
                return
            outcome = self.app.pipeline.process(upload, Budget(UPLOAD_SECONDS))
            self.ended[outcome.end] += 1
            if outcome.failure is not None and (
                outcome.failure.disposition is Disposition.OPEN_CIRCUIT
            ):
                self._blocked = outcome.failure
                self._stop.set()
            on_end(outcome)
        except Exception as error:  # noqa: BLE001  # told by `run`, in the caller's thread
            errors.append(error)
            self._stop.set()
        finally:
            free.release()

    def _paced(self, uploads: Iterator[Upload]) -> Iterator[Upload]:
        for upload in uploads:
            if self.rate_limiter is not None:
                permit = self.rate_limiter.reserve(float("inf"))
                assert not isinstance(permit, RateLimited)  # noqa: S101  # any wait was allowed
                self._stop.wait(permit.wait)
            yield upload

    def _unknown(self, on_page: Callable[[Survey], None] = lambda _: None) -> Iterator[Upload]:
        ledger = self.app.ledger
        if not hasattr(ledger, "seen"):
            raise NoCatalogueError(
                "backfill needs a ledger in SQLite, PostgreSQL, MySQL or DynamoDB (VINDROP_LEDGER): "
                "this one cannot tell which objects were paid for already"
            )
        catalogue = cast("Catalogue", ledger)
        if hasattr(ledger, "complete_catalogue"):
            ledger.complete_catalogue()
        survey = self.survey = Survey()
        for page in self.pages():
            survey.listed += len(page)
            wanted = [each for each in page if ignored(each, self.app.settings) is None]
            survey.ignored += len(page) - len(wanted)
            old = [each for each in wanted if _changed(each) <= self.before]
            survey.young += len(wanted) - len(old)
            places = {each.id: each.object_id for each in old}
            seen = catalogue.seen(list(places.values()))
            fresh = [
                each
                for each in old
                if same(
                    self.app.storage.of(each.cloud),
                    each,
                    each.version,
                    seen.get(places[each.id], ()),
                )
                is None
            ]
            survey.known += len(old) - len(fresh)
            survey.left += len(fresh)
            on_page(survey)
            yield from fresh

    def _finish(self) -> None:
        """Sweep until nothing is under way, or nothing has changed for longer than any lease."""
        last_news, before = time.monotonic(), -1
        while time.monotonic() - last_news < QUIET:
            swept = sweep.process(self.app, Invocation("local", "", "backfill", UPLOAD_SECONDS))
            for end, number in swept["ended"].items():
                self.ended[end] += number
            counts = self.app.ledger.counts()
            under_way = sum(n for state, n in counts.items() if state not in {"delivered", "dead"})
            if not under_way:
                return
            if under_way != before:
                last_news, before = time.monotonic(), under_way
            if self.app.blocked() is not None:
                return
            time.sleep(1.0)


def _changed(upload: Upload) -> float:
    return upload.uploaded_at.timestamp() if upload.uploaded_at else 0.0
