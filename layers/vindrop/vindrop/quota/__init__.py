"""When may the next call start, across all instances.

Slots are spaced evenly and reserved ahead (the generic cell rate algorithm with a burst of one):
one store operation books the next free moment, and the caller sleeps until then. Compared with
asking again and again that costs a fifth of the operations and is fair.

The rate is learned downwards: a refusal (RequestLimitExceeded) widens the spacing, to what the
provider's message names where it does, and every slot used after that narrows it a little, back
to the configured rate. The figures are in `vindrop.quota.pace`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import urlsplit

from vindrop.quota.pace import paced
from vindrop.sql import is_sql, open_database
from vindrop.stores import StoreSettingError

_LIMITS: Final = r"`(\d+(?:\.\d+)?)`"


@dataclass(frozen=True, slots=True)
class Slot:
    """A call may start, after waiting."""

    wait: float
    """Seconds to sleep first; 0 to go at once."""


@dataclass(frozen=True, slots=True)
class Full:
    """Every slot within the wait that was allowed is taken."""

    retry_after: float
    """Seconds after which a slot within the same wait may be free."""


class Quota(Protocol):
    """What the pipeline asks of a quota."""

    def reserve(self, max_wait: float) -> Slot | Full:
        """Book the next free slot, if it is at most ``max_wait`` seconds away.

        :raises StoreError: the store is away; see `vindrop.quota.local.Fallback`.
        """

    def refused(self, limit: float | None) -> None:
        """The provider refused for the rate; ``limit`` is its own number, where it names one."""


def limit_named(message: str) -> float | None:
    """Return the limit (calls per second) that a RequestLimitExceeded message names in backquotes.

    The message names the current figure and the limit; the smaller is the limit.
    """
    numbers = [float(number) for number in re.findall(_LIMITS, message)]
    return min(numbers) if numbers and min(numbers) > 0 else None


def open_quota(
    url: str, *, account: str, rate: float, environment: Mapping[str, str] | None = None
) -> Quota:
    """Return the quota that ``url`` names.

    :param account: the name under which instances share the rate of one VinOCR account.
    :param rate: calls per second that the provider allows.
    :param environment: where a cloud's keys are read, at every call; the process's by default.
    :raises StoreSettingError: no quota of that kind.
    """
    from vindrop.quota.local import Fallback, LocalQuota

    rate = paced(rate)
    if url == "memory":
        return LocalQuota(rate)
    if is_sql(url):
        from vindrop.quota.sql import SQLQuota

        return Fallback(SQLQuota(open_database(url), account, rate), rate)
    scheme = urlsplit(url).scheme
    if scheme in {"redis", "rediss"}:
        from vindrop.quota.redis import RedisQuota

        return Fallback(RedisQuota(url, account, rate), rate)
    if scheme == "dynamodb":
        from vindrop.dynamodb import open_dynamodb
        from vindrop.quota.dynamodb import DynamoDBQuota

        tables = open_dynamodb(url, os.environ if environment is None else environment)
        return Fallback(DynamoDBQuota(tables, account, rate), rate)
    raise StoreSettingError(
        f"VINDROP_QUOTA is {url}: it takes sqlite:///…, postgresql://…, mysql://…, dynamodb://…, "
        "redis://… or memory"
    )
