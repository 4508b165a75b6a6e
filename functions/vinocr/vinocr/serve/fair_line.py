"""Things that are few (readers, places) for calls that are many: owner by owner, in turn."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class FairLine(Generic[T]):
    """Hands items to waiting calls: one to each owner in turn, to each owner's calls in order.

    An owner (an account, a client address) with a hundred calls keeps another one's single call
    waiting for one item, not for a hundred.

    :param items: what there is at first.
    :param share: items that one owner may hold at once; None: all.
    """

    def __init__(self, items: Iterable[T] = (), share: int | None = None) -> None:
        self._free = deque(items)
        self._share = share
        self._held: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[T]]] = {}
        """In the order of turns: who was served goes to the end."""

    @property
    def waiting(self) -> int:
        """Calls that wait."""
        return sum(map(len, self._waiting.values()))

    @property
    def has_free(self) -> bool:
        """Whether an item lies here unused."""
        return bool(self._free)

    def ahead(self, owner: str) -> int:
        """Return how many waiting calls are served before a new one of ``owner``."""
        own = len(self._waiting.get(owner, ()))
        others = (line for name, line in self._waiting.items() if name != owner)
        return own + sum(min(len(line), own + 1) for line in others)

    async def take(self, owner: str, seconds: float) -> T:
        """Wait for an item.

        :raises asyncio.TimeoutError: none came within ``seconds``.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(owner, deque()).append(future)
        self._deal()
        try:
            await asyncio.wait([future], timeout=max(0.0, seconds))
        except asyncio.CancelledError:
            if future.done() and future.exception() is None:
                self.give(owner, future.result())
            self._leave(owner, future)
            raise
        if not future.done():
            self._leave(owner, future)
            raise asyncio.TimeoutError
        return future.result()

    def give(self, owner: str, item: T) -> None:
        """Give back what ``owner`` has taken."""
        self.drop(owner)
        self.add(item)

    def drop(self, owner: str) -> None:
        """Note that ``owner`` no longer holds an item, and that the item is no more."""
        self._held[owner] -= 1
        if self._held[owner] <= 0:
            del self._held[owner]
        self._deal()

    def add(self, item: T) -> None:
        """Add an item."""
        self._free.append(item)
        self._deal()

    def displace(self, owner: str, error: Exception) -> bool:
        """End the last call of whoever has the most waiting with ``error``, in favour of ``owner``.

        :returns: False where nobody has more waiting than ``owner`` would.
        """
        longest = max(self._waiting, key=lambda name: len(self._waiting[name]), default=owner)
        own = len(self._waiting.get(owner, ()))
        if len(self._waiting.get(longest, ())) <= own + 1:
            return False
        self._waiting[longest].pop().set_exception(error)
        return True

    def fail(self, error: Exception) -> None:
        """End every waiting call with ``error``."""
        waiting, self._waiting = self._waiting, {}
        for line in waiting.values():
            for future in line:
                future.set_exception(error)

    def _deal(self) -> None:
        while self._free and (owner := self._next()) is not None:
            line = self._waiting.pop(owner)
            future = line.popleft()
            if line:
                self._waiting[owner] = line
            self._held[owner] += 1
            future.set_result(self._free.popleft())

    def _next(self) -> str | None:
        share = self._share
        owners = (name for name in self._waiting if share is None or self._held[name] < share)
        return next(owners, None)

    def _leave(self, owner: str, future: asyncio.Future[T]) -> None:
        line = self._waiting.get(owner)
        if line is not None and future in line:
            line.remove(future)
            if not line:
                del self._waiting[owner]


def places(count: int) -> FairLine[int]:
    """Return a line for ``count`` places, of which no owner holds more than three of four."""
    return FairLine(range(count), max(1, count * 3 // 4))
