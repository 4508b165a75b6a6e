"""What a test has held is gone with it (tests/memory.py): a worker does not grow by all it has run."""

from __future__ import annotations

import threading

from tests import memory

SIZE = 200_000_000


class Held:
    """An application in a cycle, which only the collector frees."""

    def __init__(self) -> None:
        self.itself = self
        self.parts: list[bytes] = []

    def take(self) -> None:
        # Smaller than what malloc gets from the system by itself, and from a thread's own arena.
        self.parts += [bytes([n % 251]) * 50_000 for n in range(SIZE // 50_000)]


def test_what_nothing_refers_to_is_given_back() -> None:
    memory.give_back()
    before = memory.resident()
    held = Held()
    thread = threading.Thread(target=held.take)
    thread.start()
    thread.join()
    assert memory.resident() > before + SIZE * 0.9
    del held
    memory.give_back()
    assert memory.resident() < before + SIZE * 0.2
