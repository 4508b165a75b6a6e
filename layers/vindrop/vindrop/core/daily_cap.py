"""The cap of billed calls per day (UTC), counted in the ledger's store for all instances.

A call is counted before it is made and taken back when its answer says that it is not billed: so the
cap is never passed, and a call whose answer never came counts as billed. What comes after waits for
the next day; the first upload that has to wait raises the alarm, once a day.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator

from vindrop.core.ledger import Ledger
from vindrop.core.store_errors import StoreError
from vindrop.domain import error_codes
from vindrop.domain.failures import FailureError
from vindrop.telemetry import log


class DailyCap:
    """``most`` calls a day."""

    def __init__(self, ledger: Ledger, most: int) -> None:
        self._ledger = ledger
        self._most = most

    def check(self) -> None:
        """Give up early, before the photo is fetched, where no call could follow.

        :raises FailureError: the cap is reached.
        """
        self._count(today(), 0)

    @contextlib.contextmanager
    def one_call(self) -> Iterator[Callable[[], None]]:
        """Count the call that is made in the block, unless it is not made or costs nothing.

        Yields what is to be called right before the call: what fails until then takes the count back.

        :raises FailureError: the cap is reached.
        """
        day, begun = today(), list[bool]()
        self._count(day, 1)
        try:
            yield lambda: begun.append(True)
        except (FailureError, StoreError) as error:
            free = isinstance(error, FailureError) and error.failure.rule.billed is False
            if free or not begun:
                # Not taken back, it only makes the cap a little lower: the failure matters more.
                with contextlib.suppress(StoreError):
                    self._ledger.count_call(day, -1, self._most)
            raise

    def _count(self, day: str, calls: int) -> None:
        if self._ledger.count_call(day, calls, self._most):
            return
        if self._ledger.cap_alarm(day):
            log(
                "daily_cap_reached",
                level="error",
                metrics={"daily_cap_reached": 1},
                alarm=True,
                calls=self._most,
                todo="uploads wait for tomorrow (UTC); VINDROP_DAILY_CALLS is the cap",
            )
        raise FailureError(
            error_codes.DAILY_CAP,
            "the 1 call of this day is made (VINDROP_DAILY_CALLS): the photo waits for tomorrow (UTC)"
            if self._most == 1
            else f"the {self._most} calls of this day are made (VINDROP_DAILY_CALLS): the photo waits "
            "for tomorrow (UTC)",
        )


def today() -> str:
    """Return the day of UTC, as ``2026-11-26``. A clock that is wrong cannot call: it is refused."""
    return dt.datetime.now(dt.timezone.utc).date().isoformat()
