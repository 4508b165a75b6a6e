"""The quota in DynamoDB: one item, one conditional write per slot.

An UpdateExpression knows no maximum, so there are two writes to choose from: the next slot lies
in the past (start from now) or ahead (stand behind it). The condition picks the right one, and a
wrong guess costs one more call. Moments are the callers' (see `vindrop.stores.dynamodb`): a clock that
is behind makes its owner wait longer, one that is ahead makes the others wait; two callers never
get the same slot.
"""

from __future__ import annotations

from typing import Final

from vindrop.core.rate_limiter import Permit, RateLimited
from vindrop.core.store_errors import StoreError
from vindrop.stores.dynamodb import DynamoDB
from vindrop.stores.rate_limiter.gcra import NARROW, WIDEST, after_refusal

_SECOND: Final = 1_000_000
_TRIES: Final = 20
"""Of a write that others got in before; at the default rate two are seldom needed."""


class DynamoDBRateLimiter:
    """See `vindrop.core.rate_limiter.RateLimiter`."""

    def __init__(self, tables: DynamoDB, account: str, rate: float) -> None:
        self._tables = tables
        self._id = f"quota/{account}"
        self._base = round(_SECOND / rate)
        tables.put_new("uploads", {"id": self._id, "next_us": 0, "spacing_us": self._base})
        # A rate that was lowered since: the spacing is never below it.
        tables.update(
            "uploads",
            self._id,
            "SET #spacing_us = :base",
            "#spacing_us < :base",
            base=self._base,
        )

    def reserve(self, max_wait: float) -> Permit | RateLimited:
        """Book the next free slot."""
        ahead = False
        for _ in range(_TRIES):
            now = self._now()
            if ahead:
                refused, old = self._tables.update(
                    "uploads",
                    self._id,
                    "SET #next_us = #next_us + #spacing_us",
                    "#next_us > :now AND #next_us <= :latest",
                    now=now,
                    latest=now + round(max_wait * _SECOND),
                )
            else:
                refused, old = self._tables.update(
                    "uploads",
                    self._id,
                    "SET #next_us = :now + #spacing_us",
                    "#next_us <= :now",
                    now=now,
                )
            if refused is None:
                self._narrow(int(old["spacing_us"]))
                return Permit(max(int(old.get("next_us", 0)) - now, 0) / _SECOND)
            if refused.item is None:
                raise StoreError("the quota's item was deleted: it is made anew at the next start")
            wait = int(refused.item["next_us"]) - now
            if wait > max_wait * _SECOND:
                return RateLimited(max(wait / _SECOND - max_wait, self._base / _SECOND))
            ahead = wait > 0
        return RateLimited(self._base / _SECOND)

    def refused(self, limit: float | None) -> None:
        """Widen the spacing and stay quiet for a moment, for everyone."""
        response = after_refusal(limit, self._base / _SECOND)
        least = round(response.least * _SECOND)
        for _ in range(_TRIES):
            item = self._tables.get("uploads", self._id)
            if item is None:
                return
            next_us, spacing = int(item["next_us"]), int(item["spacing_us"])
            widened = min(max(round(spacing * response.factor), least), round(self._base * WIDEST))
            refused, _ = self._tables.update(
                "uploads",
                self._id,
                "SET #next_us = :later, #spacing_us = :widened",
                "#next_us = :next_us AND #spacing_us = :spacing",
                later=max(next_us, self._now()) + round(response.quiet * _SECOND),
                widened=widened,
                next_us=next_us,
                spacing=spacing,
            )
            if refused is None:
                return
        raise StoreError("the quota in DynamoDB is written too often at once: try again")

    def _narrow(self, spacing: int) -> None:
        """After a refusal: take back a share of the excess, in a write of its own.

        Where another changed the spacing in between, that one has taken the share.
        """
        excess = spacing - self._base
        if excess > 0:
            self._tables.update(
                "uploads",
                self._id,
                "SET #spacing_us = :less",
                "#spacing_us = :spacing",
                less=spacing - max(int(excess * NARROW), 1),
                spacing=spacing,
            )

    def _now(self) -> int:
        return round(self._tables.now() * _SECOND)
